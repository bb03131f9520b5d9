"""The attempts folder as this machine sees it: claims and notes. Formats: docs/architecture.md, "Exactly
once".
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd import claims, fsio
from hyperherd.claims import Outcome
from hyperherd.connectors import processes
from hyperherd.connectors.processes import Identity
from hyperherd.fsio.liveness import UNKNOWN

CANCELLED = "cancelled"
"""Stands in the place of the job id in the claim of a trial that was stopped before it began."""


@dataclass(frozen=True)
class Claim:
    """Who runs an attempt: the script's bash, or, with the job id `CANCELLED`, who stopped it before it began."""

    token: str
    job_id: str
    owner: Identity
    claimed_at: float | None
    changed: bool = False


@dataclass(frozen=True)
class Listing:
    """All of the folder: (index, attempt) of each claim, how those that have ended did, and the marks of each."""

    claims: Collection[tuple[int, int]]
    outcomes: dict[tuple[int, int], Outcome]
    marks: dict[tuple[int, int], set[str]]

    def newest(self, index: int, first: int) -> int:
        """The number of a submission's newest attempt of a trial, begun or yet to begin; ``first`` is its first."""
        attempt = first
        while self._another_follows((index, attempt)):
            attempt += 1
        return attempt

    def _another_follows(self, attempt: tuple[int, int]) -> bool:
        outcome = self.outcomes.get(attempt)
        return claims.AGAIN in self.marks.get(attempt, ()) and not (outcome and outcome.succeeded)


def listing(folder: Path) -> Listing:
    """One look at the folder; a missing one is empty."""
    claimed = set()
    outcomes = {}
    marks: dict[tuple[int, int], set[str]] = {}
    for name in _names(folder):
        found = claims.read_name(name)
        if found is None:
            if marked := claims.read_mark(name):
                marks.setdefault(marked[:2], set()).add(marked[2])
            continue
        index, attempt, outcome = found
        if outcome is None:
            claimed.add((index, attempt))
        else:
            outcomes[index, attempt] = outcome
    return Listing(claimed, outcomes, marks)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def is_claimed(folder: Path, index: int, attempt: int) -> bool:
    return os.path.exists(f"{folder}/{claims.name(index, attempt)}")


def claim(folder: Path, index: int, attempt: int) -> Claim | None:
    """None where there is none, or where it holds nothing that can be read (the disk was full, its writer
    was killed).
    """
    found = claims.claim(fsio.read_settled(folder / claims.name(index, attempt), tries=5) or "")
    if found is None:
        return None
    owner = Identity(found.host, found.boot_id, _namespace(found.job_id), found.pid, found.start)
    return Claim(found.token, found.job_id, owner, found.claimed_at, found.changed)


def _namespace(job_id: str) -> str:
    """bash cannot name its pid namespace, but it is that of its supervisor, whose identity is the job's id here."""
    try:
        return Identity.parse(job_id).namespace
    except ValueError:
        return UNKNOWN


def take(folder: Path, index: int, attempt: int, token: str) -> bool:
    """Claim an attempt so that nobody runs it; False where it is claimed already. Raises `WorkspaceError`."""
    if is_claimed(folder, index, attempt):
        return False
    me = processes.me()
    start = "-" if me.start is None else me.start
    line = f"{token} {CANCELLED} {me.host} {me.boot_id} {me.pid} {start} {int(time.time())}\n"
    return fsio.create(folder / claims.name(index, attempt), line.encode(), durable=False)


def is_noted(folder: Path, index: int, attempt: int, exit_code: int) -> bool:
    """Whether the script itself has noted this end; a quick look at the likely names."""
    likely = (Outcome(exit_code, told, changed) for changed in (False, True) for told in (False, True))
    return any(os.path.exists(f"{folder}/{claims.name(index, attempt, outcome)}") for outcome in likely)


def is_marked(folder: Path, index: int, attempt: int, word: str) -> bool:
    return os.path.exists(f"{folder}/{claims.mark_name(index, attempt, word)}")


def mark(folder: Path, index: int, attempt: int, word: str) -> None:
    """Say so of an attempt, unless it is said already. Raises `WorkspaceError`."""
    line = f"{processes.me().host}\n"
    fsio.create(folder / claims.mark_name(index, attempt, word), line.encode(), durable=False)


def note(folder: Path, attempt: tuple[int, int], outcome: Outcome, started_at: float | None = None) -> None:
    """Note an end in the place of a script that could not; unless it is noted already. Raises `WorkspaceError`."""
    if attempt in listing(folder).outcomes:
        return
    mine = claim(folder, *attempt)
    outcome = replace(outcome, changed=mine is not None and mine.changed)
    start = "-" if started_at is None else int(started_at)
    line = f"{processes.me().host} {start} {int(time.time())}\n"
    fsio.create(folder / claims.name(*attempt, outcome), line.encode(), durable=False)
