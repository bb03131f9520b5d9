"""The attempts of a workspace's trials: one folder of all, and one of each trial whose script is an array itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from hyperherd.attempts import claims, listing, notes
from hyperherd.attempts.claims import Claim
from hyperherd.attempts.filenames import Outcome, is_number
from hyperherd.attempts.listing import Listing
from hyperherd.attempts.notes import Note
from hyperherd.errors import WorkspaceError
from hyperherd.sweep.trial import Part, number_of
from hyperherd.workspace.folder import Workspace

Attempts: TypeAlias = Listing[Part]


def read(workspace: Workspace) -> Attempts:
    """One listing of the folder, and of each trial's whose script is an array."""
    return listing.of_names(_folders(workspace))


def _folders(workspace: Workspace) -> Iterator[tuple[list[str], Callable[[int], Part]]]:
    names = listing.names(workspace.attempts)
    yield names, int
    for trial in map(int, filter(is_number, names)):
        yield listing.names(workspace.attempts / str(trial)), _tasks_of(trial)


def _tasks_of(trial: int) -> Callable[[int], Part]:
    return lambda task: (trial, task)


def claim(workspace: Workspace, part: Part, attempt: int) -> Claim | None:
    """Who claimed the attempt; None where nobody has, or the file cannot be understood."""
    with contextlib.suppress(WorkspaceError):  # another user's, who lets nobody read it
        return claims.read(workspace.attempts_of(part), number_of(part), attempt, tries=1)
    return None


def note(workspace: Workspace, part: Part, attempt: int, outcome: Outcome) -> Note | None:
    """What the attempt noted at its end besides its exit code."""
    return notes.read(workspace.attempts_of(part), number_of(part), attempt, outcome)


def refusal(workspace: Workspace, part: Part, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    return notes.refusal(workspace.attempts_of(part), number_of(part), attempt)
