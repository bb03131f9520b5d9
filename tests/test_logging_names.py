"""The names that HyperHerd 0.1.3 has under ``hyperherd.logging``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hyperherd import logging


def test_results_are_read_by_the_names_of_0_1_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".hyperherd/results").mkdir(parents=True)
    monkeypatch.setenv("HYPERHERD_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("HYPERHERD_TRIAL_ID", "3")
    monkeypatch.delenv("HYPERHERD_RESULTS", raising=False)
    logging.assert_writable()
    logging.log_result("acc", 0.5)
    for step in (2, 1):
        logging.log_result("train/loss", step / 4, step=step)
    workspace = str(tmp_path)
    assert logging.load_trial_results(workspace, 3) == {"acc": 0.5}
    assert logging.load_all_results(workspace) == {3: {"acc": 0.5}}
    assert logging.list_metric_streams(workspace, 3) == ["train/loss"]
    assert [(p["step"], p["value"]) for p in logging.load_metric_stream(workspace, 3, "train/loss")] == [
        (2, 0.5),
        (1, 0.25),
    ]
    rows = logging.collect_step_rows(workspace, [{"index": 3}])
    assert [(row[:3], row[3][-1], row[4]) for row in rows] == [
        ((3, 1, "train/loss"), "Z", 0.25),
        ((3, 2, "train/loss"), "Z", 0.5),
    ]
    assert logging.parse_overrides("lr=0.1") == {"lr": 0.1}


def test_a_process_that_cannot_log_is_told_so_by_a_runtime_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HYPERHERD_WORKSPACE", "HYPERHERD_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match="belongs to no trial"):
        logging.assert_writable()
    monkeypatch.setenv("HYPERHERD_RESULTS", str(tmp_path / "not mounted/.hyperherd/results/3"))
    with pytest.raises(RuntimeError, match="cannot be seen from here"):
        logging.assert_writable()


def test_hyperherd_loads_no_framework() -> None:
    code = "import sys, hyperherd.logging; sys.exit(any(m in sys.modules for m in ('lightning', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
