"""Metrics of a run: to ``<out_dir>/metrics.json``, and to `herd` where a sweep of it runs the template."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

try:
    from hyperherd import log_result
except ImportError:  # the templates run without it

    def log_result(name: str, value: object, step: float | None = None) -> None:
        pass


def log_epoch(out_dir: str | Path, history: Sequence[Mapping[str, float]]) -> None:
    """Log the newest of the run's epochs. ``history`` has all of them, so that a run that resumes leaves no gap."""
    for name, value in history[-1].items():
        if name != "epoch":
            log_result(name, value, step=history[-1]["epoch"])
    Path(out_dir).mkdir(parents=True, exist_ok=True)
    beside = Path(out_dir, ".metrics.json")
    beside.write_text(json.dumps(list(history), indent=1))
    os.replace(beside, Path(out_dir, "metrics.json"))


def log_final(values: Mapping[str, float]) -> None:
    """Log the run's results."""
    for name, value in values.items():
        log_result(name, value)
