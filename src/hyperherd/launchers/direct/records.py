"""The attempts folder as this machine sees it: claims and notes. Formats: docs/architecture.md, "Exactly
once".
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from hyperherd import fsio
from hyperherd.connectors import processes
from hyperherd.connectors.processes import Identity
from hyperherd.fsio.liveness import UNKNOWN

CANCELLED = "cancelled"
"""Stands in the place of the job id in the claim of a trial that was stopped before it began."""

VOID = "void"


@dataclass(frozen=True)
class Note:
    """How an attempt ended; ``terminated``: its script had been told to end."""

    exit_code: int
    terminated: bool


@dataclass(frozen=True)
class Claim:
    """Who runs an attempt: the script's bash, or, with the job id `CANCELLED`, who stopped it before it
    began.
    """

    token: str
    job_id: str
    owner: Identity
    claimed_at: float | None


@dataclass(frozen=True)
class Listing:
    """All of the folder: (index, attempt) of each claim, and how those that have ended did."""

    claims: Collection[tuple[int, int]]
    notes: dict[tuple[int, int], Note]


def listing(folder: Path) -> Listing:
    """One look at the folder; a missing one is empty."""
    claims = set()
    notes = {}
    for name in _names(folder):
        words = name.split(".")
        if len(words) < 2 or not name.isascii() or not words[0].isdigit() or not words[1].isdigit():
            continue
        attempt = (int(words[0]), int(words[1]))
        if len(words) == 2:
            claims.add(attempt)
        elif words[2].isdigit():
            notes[attempt] = Note(int(words[2]), words[3:] == ["TERM"])
    return Listing(claims, notes)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def is_claimed(folder: Path, index: int, attempt: int) -> bool:
    return os.path.exists(f"{folder}/{index}.{attempt}")


def claim(folder: Path, index: int, attempt: int) -> Claim | None:
    """None where there is none, or where it holds nothing that can be read (the disk was full, its writer
    was killed).
    """
    words = (fsio.read_settled(folder / f"{index}.{attempt}", tries=5) or "").split()
    if len(words) != 7 or not words[4].isdigit():
        return None
    start = int(words[5]) if words[5].isdigit() else None
    claimed_at = float(words[6]) if words[6].isdigit() else None
    owner = Identity(words[2], words[3], _namespace(words[1]), int(words[4]), start)
    return Claim(words[0], words[1], owner, claimed_at)


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
    return fsio.create(folder / f"{index}.{attempt}", line.encode(), durable=False)


def is_noted(folder: Path, index: int, attempt: int, exit_code: int) -> bool:
    """Whether the script itself has noted this end; a quick look at the likely names."""
    name = f"{folder}/{index}.{attempt}.{exit_code}"
    return os.path.exists(name) or os.path.exists(name + ".TERM")


def note(folder: Path, attempt: tuple[int, int], ended: Note, started_at: float | None = None) -> None:
    """Note an end in the place of a script that could not; unless it is noted already. Raises
    `WorkspaceError`.
    """
    if attempt in listing(folder).notes:
        return
    suffix = ".TERM" if ended.terminated else ""
    start = "-" if started_at is None else int(started_at)
    line = f"{processes.me().host} {start} {int(time.time())}\n"
    fsio.create(folder / f"{attempt[0]}.{attempt[1]}.{ended.exit_code}{suffix}", line.encode(), durable=False)
