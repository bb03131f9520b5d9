"""Failures that are alike are told once, with the line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperherd.attempts.filenames import Unit
from hyperherd.engine import failures
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.sweep.trial import Status, Trial
from hyperherd.views import tables
from hyperherd.views.columns import Screen
from hyperherd.workspace import logs
from hyperherd.workspace.folder import Workspace

TRACEBACK = """\
==== hyperherd: attempt 1, this machine, n1, 2026-11-30 12:00:00 ====
WARNING: slow disk
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    open("data/train.csv")
FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'
srun: error: n1: task 0: Exited with exit code 1
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (TRACEBACK, "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'"),
        ("torch.cuda.OutOfMemoryError: no\nException ignored in: <x>\n", "torch.cuda.OutOfMemoryError: no"),
        ("KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("a.sh: line 3: nvcc: command not found\nhyperherd: no\n", "a.sh: line 3: nvcc: command not found"),
        ("==== hyperherd: attempt 1, x ====\n\n", None),
        ("Error rates are fine\nbye\n", "bye"),
        ("", None),
    ],
)  # fmt: skip
def test_the_line_that_says_why(tmp_path: Path, said: str, line: str | None) -> None:
    (tmp_path / "0.err").write_text(said)
    assert logs.error_line(tmp_path / "0.err") == line


def failed(index: int, line: str, *, reason: str = "exit 1", status: Status = Status.FAILED) -> TrialView:
    return TrialView(
        Trial(index, f"h{index}", f"x-{index}", {"x": index}, {}),
        *(Unit(index), status, reason, 1, 1, "n1", None, "epoch 3", line or None),
        changed=False,
        interruptions={},
        submitted=True,
    )


def test_those_that_failed_alike_share_a_row_and_the_most_frequent_cause_comes_first() -> None:
    trials = [
        failed(0, "KeyError: 'x'"),
        *(failed(i, f"RuntimeError: {i * 3} bytes at 0x7f{i}") for i in (2, 8, 14)),
        failed(3, "", reason="killed"),
        failed(4, "epoch 1", status=Status.COMPLETED),
    ]
    told = [([v.index for v in group.trials], group.reason) for group in failures.alike(trials)]
    assert told == [([2, 8, 14], "exit 1"), ([0], "exit 1"), ([3], "killed")]


def test_all_rows_are_there_through_a_pipe() -> None:
    trials = [failed(i, "KeyError: 'x'") for i in range(3)]
    shown = tables.status(Snapshot("s", Workspace(Path("/w")), trials, (), 3), Screen())
    assert shown.count("KeyError") == 3 and "epoch 3" not in shown
