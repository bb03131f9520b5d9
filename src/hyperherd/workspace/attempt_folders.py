"""The attempts of a workspace's trials: of this life of its state folder, of others, and of version 1 of the format.

All count: the number of an attempt that was ever claimed is never claimed again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection

from hyperherd import fsio
from hyperherd.attempts import claims, listing, notes
from hyperherd.attempts.claims import Claim
from hyperherd.attempts.filenames import AttemptFolder, Outcome, Unit
from hyperherd.attempts.listing import Listing
from hyperherd.attempts.notes import Note
from hyperherd.errors import WorkspaceError
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace


def folders(workspace: Workspace) -> list[AttemptFolder]:
    """Those that there are, that of version 1 at the end. Raises `WorkspaceError` where that cannot be read."""
    try:
        names = sorted(os.listdir(workspace.state))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fsio.unreadable(str(workspace.state), error) from error
    found = [
        AttemptFolder(workspace.state / name / layout.ATTEMPTS)
        for name in names
        if name.startswith(layout.GENERATION)
    ]
    return [*found, *filter(None, [of_version_1(workspace)])]


def registered(workspace: Workspace) -> set[str]:
    """The tokens of all submissions that have a register here. Raises `WorkspaceError`."""
    places = [folder.path.parent for folder in folders(workspace) if not folder.flat]
    found: set[str] = set()
    for place in (*places, workspace.state):
        try:
            names = os.listdir(place / layout.SUBMISSIONS)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise fsio.unreadable(str(place / layout.SUBMISSIONS), error) from error
        found.update(name.removesuffix(".state") for name in names if name.endswith(".state"))
    return found


def of_version_1(workspace: Workspace) -> AttemptFolder | None:
    """The attempts that version 1 of the format has left; None where there are none."""
    path = workspace.state / layout.ATTEMPTS
    return AttemptFolder(path, flat=True) if path.is_dir() else None


def read(workspace: Workspace, units: Collection[Unit] | None = None) -> Listing:
    """One listing of all, or of these units'. Raises `WorkspaceError`."""
    return listing.read(folders(workspace), units)


def claim(workspace: Workspace, unit: Unit, attempt: int) -> Claim | None:
    """Who claimed the attempt; None where nobody has, or the file cannot be understood."""
    for folder in folders(workspace):
        with contextlib.suppress(WorkspaceError):  # another user's, who lets nobody read it
            if found := claims.read(folder, unit, attempt, tries=1):
                return found
    return None


def note(workspace: Workspace, unit: Unit, attempt: int, outcome: Outcome) -> Note | None:
    """What the attempt noted at its end besides its outcome."""
    found = (notes.read(folder, unit, attempt, outcome) for folder in folders(workspace))
    return next(filter(None, found), None)


def notes_of(workspace: Workspace, units: Collection[Unit]) -> dict[Unit, list[Note]]:
    """What the attempts of these units noted at their ends, in the order of their numbers. Raises `WorkspaceError`."""
    places = folders(workspace)
    found: dict[Unit, list[Note]] = {unit: [] for unit in units}
    for (unit, attempt), outcome in sorted(
        listing.read(places, units).outcomes.items(), key=lambda one: one[0][1]
    ):
        known = (notes.read(folder, unit, attempt, outcome) for folder in places)
        found[unit] += filter(None, [next(filter(None, known), None)])
    return found


def refusal(workspace: Workspace, unit: Unit, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    found = (notes.refusal(folder, unit, attempt) for folder in folders(workspace))
    return next(filter(None, found), "")
