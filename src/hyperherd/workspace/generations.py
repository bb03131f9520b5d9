"""``g-<generation>/generation.json``: where a life of a state folder began.

It tells a workspace that was moved from a copy: a move keeps the folder's number on its disk (the inode), a copy does
not.
"""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path

import msgspec

from hyperherd import fsio
from hyperherd.errors import DamagedFileError, HerdError
from hyperherd.workspace import json_files, layout
from hyperherd.workspace.folder import Workspace


class Place(Enum):
    """What this workspace is to the one that a life of its state began in.

    HERE: the same. MOVED: it was moved on its disk. COPY: a copy, or brought here from another disk; nobody can tell.
    """

    HERE = "here"
    MOVED = "moved"
    COPY = "copy"


class Record(msgspec.Struct, frozen=True):
    """The file. ``inode`` is the number of the folder that it is in, 0 where nobody noted it."""

    generation: str
    folder: str
    made_at: int = 0
    inode: int = 0


def make(workspace: Workspace, generation: str) -> None:
    """Make the folder of a life that begins. Raises `WorkspaceError`."""
    folder = workspace.generation(generation)
    try:
        for name in (layout.SUBMISSIONS, layout.ATTEMPTS):
            fsio.make_folders(folder / name)
    except OSError as error:
        raise fsio.refused(str(folder), error) from error
    settle(workspace, generation)


def settle(workspace: Workspace, generation: str) -> None:
    """Say that this life is at home here. Raises `WorkspaceError`."""
    folder = workspace.generation(generation)
    try:
        inode = folder.stat().st_ino
    except OSError as error:
        raise fsio.refused(str(folder), error) from error
    record = Record(generation, str(workspace.root), round(time.time()), inode)
    json_files.replace(folder / layout.GENERATION_RECORD, record)


def origin(workspace: Workspace, generation: str) -> Record | None:
    """Where it began; None where that is not known."""
    path = workspace.generation(generation) / layout.GENERATION_RECORD
    try:
        return json_files.read(path, msgspec.json.Decoder(Record).decode, None) if generation else None
    except DamagedFileError:
        return None


def place(workspace: Workspace, generation: str) -> Place:
    """What this workspace is to the one that the life began in."""
    began = origin(workspace, generation)
    if began is None or _is_here(workspace, Path(began.folder)):
        return Place.HERE
    if workspace.generation(generation).stat().st_ino == began.inode:
        return Place.MOVED
    return Place.COPY if began.inode or Path(began.folder).is_dir() else Place.MOVED


def _is_here(workspace: Workspace, folder: Path) -> bool:
    try:
        return folder == workspace.root or folder.samefile(workspace.root)
    except OSError:
        return False


def refuse_copy(workspace: Workspace, generation: str) -> None:
    """Raises `HerdError` where this is a copy: its trials may run in the original."""
    if place(workspace, generation) is Place.COPY:
        began = origin(workspace, generation)
        raise HerdError(
            f"this folder was copied from {began.folder if began else 'another'}, or moved here from another disk, "
            "and some of its trials still wait or run",
            hint="if it was moved: herd repair --moved; if it is a copy, and the original keeps those trials: "
            "herd repair --copied",
        )
