"""``tasks/<token>/``: a folder for each task of Python's, with ``task.json``, the record of its submission."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from hyperherd import fsio
from hyperherd.attempts.filenames import AttemptFolder, is_number
from hyperherd.errors import WorkspaceError
from hyperherd.jobs import Files
from hyperherd.workspace import json_files, layout
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

RECORD = "task.json"


def files(workspace: Workspace, token: str) -> Files:
    """Where the task ``token`` keeps its files: all in a folder of its own."""
    place = folder(workspace) / token
    return Files(
        script=place / f"{token}.sbatch",
        register=place / f"{token}.state",
        attempts=AttemptFolder(place / layout.ATTEMPTS),
        logs=place / layout.LOGS,
        env_file=workspace.env_file,
    )


def folder(workspace: Workspace) -> Path:
    """The folder of all tasks."""
    return workspace.state / layout.TASKS


def tokens(workspace: Workspace) -> list[str]:
    """Of all tasks with a record, oldest first. Raises `WorkspaceError` where they may not be seen."""
    try:
        names = os.listdir(folder(workspace))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fsio.unreadable(str(folder(workspace)), error) from error
    return sorted(n for n in names if is_number(n.partition("-")[0]) and _path(workspace, n).exists())


def read(workspace: Workspace, token: str) -> Submission | None:
    """Its record; None where there is none. Raises `DamagedFileError`."""
    hint = f"It was left as it is; the task's files are in {folder(workspace) / token}"
    return json_files.read(_path(workspace, token), msgspec.json.Decoder(Submission).decode, None, hint)


def write(workspace: Workspace, record: Submission) -> None:
    """Replace its record. Raises `WorkspaceError`."""
    json_files.replace(_path(workspace, record.token), record)


def note_stopped(workspace: Workspace, token: str) -> None:
    """Put into its record that the user has stopped it, if that can be written."""
    try:
        if record := read(workspace, token):
            write(workspace, msgspec.structs.replace(record, stopped=record.indices))
    except WorkspaceError:
        return  # a full disk: what was cancelled is seen by its note, or by the scheduler's word


def _path(workspace: Workspace, token: str) -> Path:
    return folder(workspace) / token / RECORD
