"""The attempts folder: who has claimed which attempt, and how each ended. All of it stands in the files' names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass

from hyperherd import claims
from hyperherd.claims import Claim, Outcome
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Attempts:
    """``newest``: trial index -> number of its newest claimed attempt; ``outcomes`` of those that ended, by (index,
    attempt); ``marks``: what cut them short, and the like (`hyperherd.claims`), also by (index, attempt).
    """

    newest: Mapping[int, int]
    outcomes: Mapping[tuple[int, int], Outcome]
    marks: Mapping[tuple[int, int], Set[str]]


@dataclass(frozen=True)
class Note:
    """Where and when an attempt ran; seconds since the epoch."""

    host: str
    started_at: float | None
    ended_at: float | None


def read(workspace: Workspace) -> Attempts:
    """One listing of the folder."""
    newest: dict[int, int] = {}
    outcomes: dict[tuple[int, int], Outcome] = {}
    marks: dict[tuple[int, int], set[str]] = {}
    for name in _names(workspace):
        found = claims.read_name(name)
        if found is None:
            if mark := claims.read_mark(name):
                marks.setdefault(mark[:2], set()).add(mark[2])
            continue
        index, attempt, outcome = found
        if attempt > newest.get(index, 0):
            newest[index] = attempt
        if outcome is not None:
            outcomes[index, attempt] = outcome
    return Attempts(newest, outcomes, marks)


def refusal(workspace: Workspace, index: int, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    return _text(workspace, claims.mark_name(index, attempt, claims.REFUSED)).strip()


def claim(workspace: Workspace, index: int, attempt: int) -> Claim | None:
    """Who claimed the attempt; None where nobody has, or the file cannot be understood."""
    return claims.claim(_text(workspace, claims.name(index, attempt)))


def note(workspace: Workspace, index: int, attempt: int, outcome: Outcome) -> Note | None:
    """What the attempt noted at its end besides its exit code."""
    words = _text(workspace, claims.name(index, attempt, outcome)).split()
    if len(words) < 3:
        return None
    return Note(words[0], _seconds(words[1]), _seconds(words[2]))


def _names(workspace: Workspace) -> list[str]:
    try:
        return os.listdir(workspace.attempts)
    except FileNotFoundError:
        return []


def _text(workspace: Workspace, name: str) -> str:
    try:
        return (workspace.attempts / name).read_text(errors="replace")
    except OSError:
        return ""


def _seconds(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
