"""Claims: who runs an attempt, decided once, by exclusive creation of a file (docs/architecture.md, "Exactly once")."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hyperherd import fsio
from hyperherd.attempts.filenames import AttemptFolder, Unit, is_number
from hyperherd.fsio import processes
from hyperherd.fsio.liveness import UNKNOWN
from hyperherd.fsio.processes import Identity

_CANCELLED = "cancelled"
"""In the place of the job id where an attempt was claimed so that nobody runs it."""


@dataclass(frozen=True)
class Claim:
    """Who runs, or ran, an attempt: ``owner`` is the script's bash, or who has stopped the attempt before it began.

    ``element`` is the number, in its job, of the element that took it, and ``restart`` how often that had been queued
    again; None where nobody noted it. ``claimed_at`` is in seconds since the epoch, None where unknown. ``changed``:
    the launch script was newer than the submission.
    """

    token: str
    job_id: str
    owner: Identity
    claimed_at: float | None
    element: int | None = None
    restart: int | None = None
    changed: bool = False

    @property
    def supervisor(self) -> Identity | None:
        """On this machine: who has started its script, and would note its end in the place of that."""
        try:
            return Identity.parse(self.job_id)
        except ValueError:
            return None

    @property
    def supervised(self) -> bool:
        """Whether that one lives."""
        return self.supervisor is not None and bool(processes.alive(self.supervisor))

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was stopped before it began."""
        return self.job_id == _CANCELLED


def parse(text: str) -> Claim | None:
    """The content of a claim; None where it is not whole (the disk was full, its writer was killed).

    >>> claim = parse("t1 77 n3 0b1c 4711 - - 5 0 changed")
    >>> claim.token, claim.job_id, str(claim.owner), claim.claimed_at, claim.element, claim.restart, claim.changed
    ('t1', '77', 'n3:0b1c:-:4711:-', None, 5, 0, True)
    """
    words = text.split()
    if len(words) < 7 or not is_number(words[4]):
        return None
    token, job_id, host, boot_id, pid, start, claimed_at, *more = words
    owner = Identity(host, boot_id, _namespace(job_id), int(pid), int(start) if is_number(start) else None)
    at = float(claimed_at) if is_number(claimed_at) else None
    changed = more[-1:] == ["changed"]
    element, restart = (more if not changed else more[:-1])[:2] or (UNKNOWN, UNKNOWN)
    return Claim(token, job_id, owner, at, _number(element), _number(restart), changed)


def _number(word: str) -> int | None:
    return int(word) if is_number(word) else None


def _namespace(job_id: str) -> str:
    """bash cannot name its pid namespace; it is its supervisor's, where the job's id is the identity of one."""
    try:
        return Identity.parse(job_id).namespace
    except ValueError:
        return UNKNOWN


def read(folder: AttemptFolder, unit: Unit, attempt: int, *, tries: int = 5) -> Claim | None:
    """None where there is none, or none that can be understood; bash may still be at it, so it is looked at again.

    Raises `WorkspaceError`.
    """
    return parse(fsio.read_settled(folder.claim(unit, attempt), tries) or "")


def exists(folder: AttemptFolder, unit: Unit, attempt: int) -> bool:
    """Whether the attempt is claimed."""
    return folder.claim(unit, attempt).exists()


def cancel(folder: AttemptFolder, unit: Unit, attempt: int, token: str) -> bool:
    """Claim an attempt so that nobody runs it; False where it is claimed already. Raises `WorkspaceError`."""
    return take(folder, unit, attempt, token, _CANCELLED)


def take(folder: AttemptFolder, unit: Unit, attempt: int, token: str, job_id: str) -> bool:
    """Claim an attempt for this process; False where it is claimed already. Raises `WorkspaceError`."""
    if exists(folder, unit, attempt):
        return False
    me = processes.me()
    start = UNKNOWN if me.start is None else me.start
    line = f"{token} {job_id} {me.host} {me.boot_id} {me.pid} {start} {int(time.time())}\n"
    return fsio.create(folder.claim(unit, attempt), line.encode(), durable=False)
