"""The names of the files of an attempts folder. Almost all of it stands there: a listing tells claims, ends and marks.

A *claim* ``3.1`` says who runs attempt 1 of trial 3, a *note* ``3.1.completed.0`` how it ended, a *mark*
``3.1.TIMEOUT`` what cut it short; marks are there where the sweep has `requeue`. Where a trial's script is an array
itself, each of its tasks has its own: ``3_7.1``. The format is described in docs/format.md.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

COMPLETED, FAILED, REQUEUED = "completed", "failed", "requeued"
"""Verdicts of notes: how an attempt ended for its trial. ``requeued``: its job was, or is being, queued again."""

_TERMINATED = "TERM"
_CHANGED = "CHANGED"

TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75 = "TIMEOUT", "PREEMPTION", "NODE_FAIL", "EXIT75"
"""Marks that say why an attempt was cut short; TIMEOUT from the moment on at which its trial was told of the limit."""

AGAIN, REFUSED = "AGAIN", "REFUSED"
"""Marks: another attempt of the same submission follows on this machine; the scheduler would not queue it again."""

_MARKS = frozenset({TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75, AGAIN, REFUSED})

_BLOCK = 64
"""Trials (or tasks of one trial) in a folder: a node searches it quickly, and a listing of all has few folders."""


class Unit(NamedTuple):
    """What is claimed, runs and is noted: a trial, by its index, or one task of a trial whose script is an array
    itself.

    >>> str(Unit(3)), str(Unit(3, 7)), Unit.read("3_7"), Unit.read("x")
    ('3', '3_7', Unit(trial=3, task=7), None)
    """

    trial: int
    task: int | None = None

    def __str__(self) -> str:
        return str(self.trial) if self.task is None else f"{self.trial}_{self.task}"

    @property
    def number(self) -> int:
        """What its script finds as its number: that of the task, else of the trial."""
        return self.trial if self.task is None else self.task

    @property
    def log(self) -> str:
        """Its logs below the folder of all logs, without their endings.

        >>> Unit(3).log, Unit(3, 7).log
        ('3', '3/7')
        """
        return str(self).replace("_", "/")

    @staticmethod
    def read(text: str) -> Unit | None:
        """Of what `str` gives; None for anything else."""
        trial, of_array, task = text.partition("_")
        if not is_number(trial) or (of_array and not is_number(task)):
            return None
        return Unit(int(trial), int(task) if of_array else None)


@dataclass(frozen=True)
class Outcome:
    """A note's name: how an attempt ended. ``terminated``: its script had been told to end (SIGTERM) first;
    ``changed``: the launch script was newer than the submission. ``verdict`` "": what follows from the rest, where an
    exit of 0 after a SIGTERM is no success.

    >>> Outcome(0).verdict, Outcome(0, terminated=True).verdict, Outcome(75, verdict=REQUEUED).succeeded
    ('completed', 'failed', False)
    """

    exit_code: int
    terminated: bool = False
    changed: bool = False
    verdict: str = ""

    def __post_init__(self) -> None:
        if not self.verdict:
            well = self.exit_code == 0 and not self.terminated
            object.__setattr__(self, "verdict", COMPLETED if well else FAILED)

    @property
    def succeeded(self) -> bool:
        return self.verdict == COMPLETED


@dataclass(frozen=True)
class AttemptFolder:
    """The folder of claims, notes and marks, of 64 trials (or tasks of one trial) in each folder below it.

    ``flat``: as version 1 of the format has it, all in one, and a folder for the tasks of each trial that has some.
    """

    path: Path
    flat: bool = False

    def held(self) -> AttemptFolder:
        """The same by way of this process's open descriptor, as long as it lives: the same folder also where that is
        moved, and never another one in its place. Itself where there is no /proc.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        by_descriptor = Path(f"/proc/self/fd/{descriptor}")
        if by_descriptor.is_dir():
            return replace(self, path=by_descriptor)
        os.close(descriptor)
        return self

    def block(self, unit: Unit) -> Path:
        """The folder that the unit's files are in."""
        if self.flat:
            return self.path if unit.task is None else self.path / str(unit.trial)
        name = f"{unit.trial // _BLOCK}" if unit.task is None else f"{unit.trial}_{unit.task // _BLOCK}"
        return self.path / name

    def claim(self, unit: Unit, attempt: int) -> Path:
        return self._file(unit, attempt)

    def note(self, unit: Unit, attempt: int, outcome: Outcome) -> Path:
        flags = [(outcome.terminated, _TERMINATED), (outcome.changed, _CHANGED)]
        verdict = () if self.flat else (outcome.verdict,)
        return self._file(
            unit, attempt, *verdict, str(outcome.exit_code), *(word for said, word in flags if said)
        )

    def mark(self, unit: Unit, attempt: int, word: str) -> Path:
        return self._file(unit, attempt, word)

    def stem(self, unit: Unit) -> str:
        """What its files' names begin with, and what its processes' marks name it by."""
        return str(unit.number if self.flat else unit)

    def _file(self, unit: Unit, attempt: int, *words: str) -> Path:
        return self.block(unit) / ".".join((self.stem(unit), str(attempt), *words))


def read(file: str) -> tuple[Unit, int, Outcome | str | None] | None:
    """Unit, attempt, and for a note how it ended, for a mark its word; None for what is no file of ours.

    Notes of version 1 have no verdict in their names.

    >>> read("3_7.1"), read("3.1.TIMEOUT"), read("3.1~")
    ((Unit(trial=3, task=7), 1, None), (Unit(trial=3, task=None), 1, 'TIMEOUT'), None)
    >>> read("3.1.failed.143.TERM")[2] == read("3.1.143.TERM")[2] == Outcome(143, terminated=True)
    True
    """
    found = _NAME(file)
    if found is None:
        return None
    trial, task, attempt, end = found.groups()
    unit = tuple.__new__(Unit, (int(trial), None if task is None else int(task)))  # half of what Unit() takes
    if end is None:
        return unit, int(attempt), None
    rest = _read_end(end)
    return None if rest is None else (unit, int(attempt), rest)


_NAME = re.compile(r"([0-9]{1,19})(?:_([0-9]{1,19}))?\.([0-9]{1,19})(?:\.(.+))?").fullmatch


@functools.lru_cache(maxsize=1024)  # there are few different ones among a hundred thousand
def _read_end(end: str) -> Outcome | str | None:
    """What stands behind unit and attempt: of a note, or of a mark; None for neither."""
    words = end.split(".")
    if is_number(words[0]):
        return Outcome(int(words[0]), _TERMINATED in words, _CHANGED in words)
    if len(words) == 1:
        return words[0] if words[0] in _MARKS else None
    if words[0].islower() and is_number(words[1]):
        return Outcome(int(words[1]), _TERMINATED in words, _CHANGED in words, words[0])
    return None


def is_number(word: str) -> bool:
    """Whether it can stand for a number in these names; what is longer is none of ours."""
    return word.isascii() and word.isdigit() and len(word) < 20
