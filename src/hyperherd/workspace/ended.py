"""``ended.json``: what a scheduler said of attempts that are over, kept because schedulers forget.

``{token: {"<trial index>.<attempt>": State}}``, attempt 0 for what ended before it began. It is a copy of what was
heard, so losing it loses a reason, never a result.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hyperherd.jobs import State
from hyperherd.workspace import files
from hyperherd.workspace.folder import Workspace

Ended = dict[str, dict[str, State]]

_SPARE = "Delete it: Slurm is asked again, and what it has forgotten is shown without a reason, or as lost."


def key(index: int, attempt: int) -> str:
    """What was heard is of one attempt: the job may have been queued again since (``scontrol requeue``)."""
    return f"{index}.{attempt}"


def read(workspace: Workspace) -> Ended:
    """What was heard so far. Raises `DamagedFileError`."""
    return files.read(workspace.ended, msgspec.json.Decoder(Ended).decode, {}, _SPARE)


def write(workspace: Workspace, ended: Mapping[str, Mapping[str, State]]) -> None:
    """Replace the file."""
    files.replace(workspace.ended, ended)
