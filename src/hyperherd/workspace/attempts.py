"""The attempts folder: who has claimed which attempt, and how each ended. All of it stands in the files' names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from hyperherd import claims
from hyperherd.claims import Claim, Outcome
from hyperherd.sweep.trial import Part, number_of
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Attempts:
    """``newest``: part -> number of its newest claimed attempt; ``outcomes`` of what ended, by (part, attempt);
    ``marks``: what cut them short, and the like (`hyperherd.claims`), also by (part, attempt).
    """

    newest: Mapping[Part, int]
    outcomes: Mapping[tuple[Part, int], Outcome]
    marks: Mapping[tuple[Part, int], Set[str]]


@dataclass(frozen=True)
class Note:
    """Where and when an attempt ran; seconds since the epoch."""

    host: str
    started_at: float | None
    ended_at: float | None


def read(workspace: Workspace) -> Attempts:
    """One listing of the folder, and of each trial's whose script is an array."""
    newest: dict[Part, int] = {}
    outcomes: dict[tuple[Part, int], Outcome] = {}
    marks: dict[tuple[Part, int], set[str]] = {}
    for trial, name in _names(workspace):
        found = claims.read_name(name)
        if found is None:
            if mark := claims.read_mark(name):
                marks.setdefault((_part(trial, mark[0]), mark[1]), set()).add(mark[2])
            continue
        number, attempt, outcome = found
        part = _part(trial, number)
        if attempt > newest.get(part, 0):
            newest[part] = attempt
        if outcome is not None:
            outcomes[part, attempt] = outcome
    return Attempts(newest, outcomes, marks)


def refusal(workspace: Workspace, part: Part, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    return _text(workspace, part, claims.mark_name(number_of(part), attempt, claims.REFUSED)).strip()


def claim(workspace: Workspace, part: Part, attempt: int) -> Claim | None:
    """Who claimed the attempt; None where nobody has, or the file cannot be understood."""
    return claims.claim(_text(workspace, part, claims.name(number_of(part), attempt)))


def note(workspace: Workspace, part: Part, attempt: int, outcome: Outcome) -> Note | None:
    """What the attempt noted at its end besides its exit code."""
    words = _text(workspace, part, claims.name(number_of(part), attempt, outcome)).split()
    if len(words) < 3:
        return None
    return Note(words[0], _seconds(words[1]), _seconds(words[2]))


def _names(workspace: Workspace) -> Iterator[tuple[int | None, str]]:
    """The names of all files, and of which trial they are where it has a folder of its own."""
    for name in _listed(workspace.attempts):
        if claims.is_number(name):
            for of_task in _listed(workspace.attempts / name):
                yield int(name), of_task
        else:
            yield None, name


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _part(trial: int | None, number: int) -> Part:
    return number if trial is None else (trial, number)


def _text(workspace: Workspace, part: Part, name: str) -> str:
    try:
        return (workspace.attempts_of(part) / name).read_text(errors="replace")
    except OSError:
        return ""


def _seconds(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
