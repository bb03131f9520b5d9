"""``tasks/<token>/``: a folder for each task of Python's, with ``task.json``, the record of its submission."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.attempts import registers
from hyperherd.attempts.filenames import AttemptFolder, is_number
from hyperherd.attempts.registers import VOID
from hyperherd.errors import DamagedFileError, WorkspaceError
from hyperherd.fsio.processes import Identity
from hyperherd.jobs import Files
from hyperherd.workspace import json_files, layout, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

RECORD = "task.json"


def files(workspace: Workspace, token: str) -> Files:
    """Where the task ``token`` keeps its files: all in a folder of its own. One of version 1 has no record there."""
    place = folder(workspace) / token
    return Files(
        script=place / f"{token}.sbatch",
        register=place / f"{token}.state",
        attempts=AttemptFolder(place / layout.ATTEMPTS, flat=_is_of_version_1(place)),
        logs=place / layout.LOGS,
        env_file=workspace.env_file,
    )


def _is_of_version_1(place: Path) -> bool:
    return not os.path.exists(place / RECORD) and os.path.exists(place / f"{place.name}.state")


def folder(workspace: Workspace) -> Path:
    """The folder of all tasks."""
    return workspace.state / layout.TASKS


def are_in(workspace: Workspace) -> bool:
    """Whether there are any."""
    return os.path.isdir(folder(workspace)) and bool(tokens(workspace))


def tokens(workspace: Workspace) -> list[str]:
    """Of all tasks, oldest first. Raises `WorkspaceError` where they may not be seen."""
    try:
        names = os.listdir(folder(workspace))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fsio.unreadable(str(folder(workspace)), error) from error
    return sorted(name for name in names if is_number(name.partition("-")[0]))


def read(workspace: Workspace, token: str) -> Submission | None:
    """Its record; None where it was never submitted. Raises `DamagedFileError`, `WorkspaceError`."""
    hint = f"It was left as it is; the task's files are in {folder(workspace) / token}"
    path = _path(workspace, token)
    record = json_files.read(path, _decode, None, hint)
    if record is None:
        return _of_version_1(workspace, token)
    if record.token != token:
        raise DamagedFileError(f"it is of task {record.token}", where=str(path), hint=hint)
    return record


def _decode(content: bytes) -> Submission:
    return submissions.decoded(msgspec.json.decode(content, type=dict[str, Any]))


def _of_version_1(workspace: Workspace, token: str) -> Submission | None:
    """What its register tells of a task of version 1, which had no record."""
    owner = registers.settled(files(workspace, token).register)
    if owner in (None, "", VOID):
        return None
    try:
        here = Identity.parse(owner)
    except ValueError:
        return Submission(token=token, slurm_job_id=owner, indices=(0,), attempts=(1,))
    return Submission(token=token, launcher="local", where=here.host, indices=(0,), attempts=(1,))


def write(workspace: Workspace, record: Submission) -> None:
    """Replace its record. Raises `WorkspaceError`."""
    json_files.replace(_path(workspace, record.token), record)


def note_stopped(workspace: Workspace, token: str) -> None:
    """Put into its record that the user has stopped it, if that can be written."""
    try:
        if not _is_of_version_1(folder(workspace) / token) and (record := read(workspace, token)):
            write(workspace, msgspec.structs.replace(record, stopped=record.indices))
    except WorkspaceError:
        return  # a full disk: what was cancelled is seen by its note, or by the scheduler's word


def original(workspace: Workspace, token: str) -> Path | None:
    """The folder whose task it is, where this one is but its copy; None where it is ours (a moved one too)."""
    record = read(workspace, token)
    made_in = Path(record.root if record and record.root else workspace.root)
    try:
        if not made_in.is_dir() or made_in.samefile(workspace.root):
            return None
    except OSError:
        return None
    return made_in if os.path.exists(_path(Workspace(made_in), token)) else None


def _path(workspace: Workspace, token: str) -> Path:
    return folder(workspace) / token / RECORD
