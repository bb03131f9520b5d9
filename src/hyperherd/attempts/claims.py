"""Claims: who runs an attempt, decided once, by exclusive creation of a file (docs/architecture.md, "Exactly once")."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import is_number
from hyperherd.fsio import processes
from hyperherd.fsio.liveness import UNKNOWN
from hyperherd.fsio.processes import Identity

_CANCELLED = "cancelled"
"""In the place of the job id where an attempt was claimed so that nobody runs it."""


@dataclass(frozen=True)
class Claim:
    """Who runs, or ran, an attempt: ``owner`` is the script's bash, or who has stopped the attempt before it began.

    ``claimed_at`` is in seconds since the epoch, None where unknown. ``changed``: the launch script was newer than the
    submission.
    """

    token: str
    job_id: str
    owner: Identity
    claimed_at: float | None
    changed: bool = False

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was stopped before it began."""
        return self.job_id == _CANCELLED


def parse(text: str) -> Claim | None:
    """The content of a claim; None where it is not whole (the disk was full, its writer was killed).

    >>> claim = parse("t1 77 n3 0b1c 4711 - - changed")
    >>> claim.token, claim.job_id, str(claim.owner), claim.claimed_at, claim.changed
    ('t1', '77', 'n3:0b1c:-:4711:-', None, True)
    """
    words = text.split()
    if len(words) < 7 or not is_number(words[4]):
        return None
    token, job_id, host, boot_id, pid, start, claimed_at = words[:7]
    owner = Identity(host, boot_id, _namespace(job_id), int(pid), int(start) if is_number(start) else None)
    at = float(claimed_at) if is_number(claimed_at) else None
    return Claim(token, job_id, owner, at, words[7:8] == ["changed"])


def _namespace(job_id: str) -> str:
    """bash cannot name its pid namespace; it is its supervisor's, where the job's id is the identity of one."""
    try:
        return Identity.parse(job_id).namespace
    except ValueError:
        return UNKNOWN


def read(folder: Path, index: int, attempt: int, *, tries: int = 5) -> Claim | None:
    """None where there is none, or none that can be understood; bash may still be at it, so it is looked at again.

    Raises `WorkspaceError`.
    """
    return parse(fsio.read_settled(folder / filenames.of_claim(index, attempt), tries) or "")


def exists(folder: Path, index: int, attempt: int) -> bool:
    """Whether the attempt is claimed."""
    return os.path.exists(f"{folder}/{filenames.of_claim(index, attempt)}")


def cancel(folder: Path, index: int, attempt: int, token: str) -> bool:
    """Claim an attempt so that nobody runs it; False where it is claimed already. Raises `WorkspaceError`."""
    if exists(folder, index, attempt):
        return False
    me = processes.me()
    start = UNKNOWN if me.start is None else me.start
    line = f"{token} {_CANCELLED} {me.host} {me.boot_id} {me.pid} {start} {int(time.time())}\n"
    return fsio.create(folder / filenames.of_claim(index, attempt), line.encode(), durable=False)
