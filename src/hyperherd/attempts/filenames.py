"""The names of the files of an attempts folder. Almost all of it stands there: a listing tells claims, ends and marks.

A *claim* ``3.1`` says who runs attempt 1 of number 3, a *note* ``3.1.0`` how it ended, a *mark* ``3.1.TIMEOUT`` what
cut it short; marks are there where the sweep has `requeue`.
"""

from __future__ import annotations

from dataclasses import dataclass

_TERMINATED = "TERM"
_CHANGED = "CHANGED"

TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75 = "TIMEOUT", "PREEMPTION", "NODE_FAIL", "EXIT75"
"""Marks that say why an attempt was cut short; TIMEOUT from the moment on at which its trial was told of the limit."""

AGAIN, REFUSED = "AGAIN", "REFUSED"
"""Marks: another attempt of the same submission follows on this machine; the scheduler would not queue it again."""

_MARKS = frozenset({TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75, AGAIN, REFUSED})


@dataclass(frozen=True)
class Outcome:
    """A note's name: how an attempt ended. ``terminated``: its script had been told to end (SIGTERM) first;
    ``changed``: the launch script was newer than the submission.
    """

    exit_code: int
    terminated: bool = False
    changed: bool = False

    @property
    def succeeded(self) -> bool:
        """An exit of 0 after a SIGTERM is no success."""
        return self.exit_code == 0 and not self.terminated


def of_claim(index: int, attempt: int) -> str:
    """The name of a claim.

    >>> of_claim(3, 1)
    '3.1'
    """
    return f"{index}.{attempt}"


def of_note(index: int, attempt: int, outcome: Outcome) -> str:
    """The name of a note.

    >>> of_note(3, 1, Outcome(0)), of_note(3, 1, Outcome(143, terminated=True, changed=True))
    ('3.1.0', '3.1.143.TERM.CHANGED')
    """
    flags = [(outcome.terminated, _TERMINATED), (outcome.changed, _CHANGED)]
    return ".".join([f"{index}.{attempt}.{outcome.exit_code}", *(word for said, word in flags if said)])


def of_mark(index: int, attempt: int, word: str) -> str:
    """The name of a mark.

    >>> of_mark(3, 1, TIMEOUT)
    '3.1.TIMEOUT'
    """
    return f"{index}.{attempt}.{word}"


def read(file: str) -> tuple[int, int, Outcome | str | None] | None:
    """Number, attempt, and for a note how it ended, for a mark its word; None for what is no file of ours.

    >>> read("3.1"), read("3.1.TIMEOUT"), read("3.1~")
    ((3, 1, None), (3, 1, 'TIMEOUT'), None)
    >>> read("3.1.143.TERM")
    (3, 1, Outcome(exit_code=143, terminated=True, changed=False))
    """
    words = file.split(".")
    if len(words) < 2 or not is_number(words[0]) or not is_number(words[1]):
        return None
    index, attempt, rest = int(words[0]), int(words[1]), words[2:]
    if not rest:
        return index, attempt, None
    if is_number(rest[0]):
        return index, attempt, Outcome(int(rest[0]), _TERMINATED in rest, _CHANGED in rest)
    return (index, attempt, rest[0]) if rest[0] in _MARKS and len(rest) == 1 else None


def is_number(word: str) -> bool:
    """Whether it can stand for a number in these names; what is longer is none of ours."""
    return word.isascii() and word.isdigit() and len(word) < 20
