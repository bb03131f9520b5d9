"""The attempts folder: who has claimed which attempt, and how each ended. All of it stands in the files' names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hyperherd.sweep.trial import Outcome
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Attempts:
    """``newest``: trial index -> number of its newest claimed attempt. ``notes``: (index, attempt) -> how it ended."""

    newest: Mapping[int, int]
    notes: Mapping[tuple[int, int], Outcome]


@dataclass(frozen=True)
class Claim:
    """Who runs, or ran, an attempt. ``claimed_at`` is in seconds since the epoch, None where unknown."""

    token: str
    job_id: str
    host: str
    claimed_at: float | None


@dataclass(frozen=True)
class Note:
    """Where and when an attempt ran; seconds since the epoch."""

    host: str
    started_at: float | None
    ended_at: float | None


def read(workspace: Workspace) -> Attempts:
    """One listing of the folder."""
    newest: dict[int, int] = {}
    notes: dict[tuple[int, int], Outcome] = {}
    for name in _names(workspace):
        words = name.split(".")
        if len(words) < 2 or not all(map(_is_number, words[:2])):
            continue
        index, attempt = int(words[0]), int(words[1])
        if attempt > newest.get(index, 0):
            newest[index] = attempt
        if len(words) > 2 and _is_number(words[2]):
            notes[index, attempt] = Outcome(int(words[2]), terminated=words[3:] == ["TERM"])
    return Attempts(newest, notes)


def claim(workspace: Workspace, index: int, attempt: int) -> Claim | None:
    """Who claimed the attempt; None where nobody has, or the file cannot be understood."""
    words = _words(workspace, f"{index}.{attempt}")
    if len(words) < 7:
        return None
    return Claim(words[0], words[1], words[2], _seconds(words[6]))


def note(workspace: Workspace, index: int, attempt: int, outcome: Outcome) -> Note | None:
    """What the attempt noted at its end besides its exit code."""
    suffix = ".TERM" if outcome.terminated else ""
    words = _words(workspace, f"{index}.{attempt}.{outcome.exit_code}{suffix}")
    if len(words) < 3:
        return None
    return Note(words[0], _seconds(words[1]), _seconds(words[2]))


def _names(workspace: Workspace) -> list[str]:
    try:
        return os.listdir(workspace.attempts)
    except FileNotFoundError:
        return []


def _words(workspace: Workspace, name: str) -> list[str]:
    try:
        return (workspace.attempts / name).read_text(errors="replace").split()
    except OSError:
        return []


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 20


def _seconds(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
