"""The files of the attempts folder as text: their names and their words (docs/architecture.md, "Exactly once").

A *claim* says who runs an attempt, a *note* how it ended, a *mark* (a word as the third part of its name) what cut it
short; marks are there where the sweep has `requeue`.
"""

from __future__ import annotations

from dataclasses import dataclass

_TERMINATED = "TERM"
_CHANGED = "CHANGED"

TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75 = "TIMEOUT", "PREEMPTION", "NODE_FAIL", "EXIT75"
"""Marks that say why an attempt was cut short; TIMEOUT from the moment on at which its trial was told of the limit."""

AGAIN, REFUSED = "AGAIN", "REFUSED"
"""Marks: another attempt of the same submission follows on this machine; Slurm would not queue the job again."""

_MARKS = frozenset({TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75, AGAIN, REFUSED})


@dataclass(frozen=True)
class Outcome:
    """A note's name: how an attempt ended. ``terminated``: its script had been told to end (SIGTERM) first;
    ``changed``: as of `Claim`.
    """

    exit_code: int
    terminated: bool = False
    changed: bool = False

    @property
    def succeeded(self) -> bool:
        """An exit of 0 after a SIGTERM is no success."""
        return self.exit_code == 0 and not self.terminated


@dataclass(frozen=True)
class Claim:
    """Who runs, or ran, an attempt: the script's bash. Unknown are ``-`` and None.

    ``start`` is in clock ticks since boot, ``claimed_at`` in seconds since the epoch. ``changed``: the launch script
    was newer than the submission.
    """

    token: str
    job_id: str
    host: str
    boot_id: str
    pid: int
    start: int | None
    claimed_at: float | None
    changed: bool = False


def claim(text: str) -> Claim | None:
    """The content of a claim; None where it is not whole (the disk was full, its writer was killed).

    >>> claim("t1 77 n3 0b1c 4711 - - changed")
    Claim(token='t1', job_id='77', host='n3', boot_id='0b1c', pid=4711, start=None, claimed_at=None, changed=True)
    """
    words = text.split()
    if len(words) < 7 or not is_number(words[4]):
        return None
    start = int(words[5]) if is_number(words[5]) else None
    claimed_at = float(words[6]) if is_number(words[6]) else None
    token, job_id, host, boot_id, pid = words[:5]
    return Claim(token, job_id, host, boot_id, int(pid), start, claimed_at, words[7:8] == ["changed"])


def name(index: int, attempt: int, outcome: Outcome | None = None) -> str:
    """The name of a claim, or of a note.

    >>> name(3, 1), name(3, 1, Outcome(0)), name(3, 1, Outcome(143, terminated=True, changed=True))
    ('3.1', '3.1.0', '3.1.143.TERM.CHANGED')
    """
    if outcome is None:
        return f"{index}.{attempt}"
    flags = [(outcome.terminated, _TERMINATED), (outcome.changed, _CHANGED)]
    return ".".join([f"{index}.{attempt}.{outcome.exit_code}", *(word for said, word in flags if said)])


def read_name(file: str) -> tuple[int, int, Outcome | None] | None:
    """Trial index, attempt, and for a note how it ended; None for what is no file of ours.

    >>> read_name("3.1"), read_name("3.1.143.TERM"), read_name("3.1~")
    ((3, 1, None), (3, 1, Outcome(exit_code=143, terminated=True, changed=False)), None)
    """
    words = file.split(".")
    if len(words) < 2 or not all(map(is_number, words[:3])):
        return None
    flags = words[3:]
    outcome = Outcome(int(words[2]), _TERMINATED in flags, _CHANGED in flags) if len(words) > 2 else None
    return int(words[0]), int(words[1]), outcome


def mark_name(index: int, attempt: int, word: str) -> str:
    """The name of a mark.

    >>> mark_name(3, 1, TIMEOUT)
    '3.1.TIMEOUT'
    """
    return f"{index}.{attempt}.{word}"


def read_mark(file: str) -> tuple[int, int, str] | None:
    """Trial index, attempt and word of a mark; None for what is none.

    >>> read_mark("3.1.TIMEOUT"), read_mark("3.1.143.TERM"), read_mark("3.1.0")
    ((3, 1, 'TIMEOUT'), None, None)
    """
    index, _, rest = file.partition(".")
    attempt, _, word = rest.partition(".")
    return (
        (int(index), int(attempt), word)
        if word in _MARKS and is_number(index) and is_number(attempt)
        else None
    )


def is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 20
