"""What ``metric`` says, out of a list of mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperherd.config.faults import Faults
from hyperherd.sweep.metrics import Metric, says_which_is_better


def build(content: Mapping[str, Any], faults: Faults) -> tuple[Metric, ...]:
    """Those of the whole document, in which ``metric`` is a list or absent."""
    found: list[Metric] = []
    for place, given in enumerate(content.get("metric") or ()):
        name, mode = given["name"], given.get("mode")
        if mode is None and not says_which_is_better(name):
            what = f"is a larger {name} better, or a smaller one?"
            faults.add(("metric", place), what, f"metric: {{name: {name}, mode: min}}")
        if name in [one.name for one in found]:
            faults.add(("metric", place), f"'{name}' is named twice")
        found.append(Metric(name, mode or "max", given.get("at", "last")))
    return tuple(found)
