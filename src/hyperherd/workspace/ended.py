"""``ended.json``: what a scheduler said of attempts that are over, kept because schedulers forget.

``{token: {"<trial index>.<attempt>": State}}``, attempt 0 for what ended before it began. It is a copy of what was
heard, so losing it loses a reason, never a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from hyperherd.jobs import Ended, Phase, State
from hyperherd.workspace import json_files
from hyperherd.workspace.folder import Workspace

Heard = dict[str, dict[str, State]]

_SPARE = "Delete it: Slurm is asked again, and what it has forgotten is shown without a reason, or as lost."


def key(index: int, attempt: int) -> str:
    """What was heard is of one attempt: the job may have been queued again since (``scontrol requeue``)."""
    return f"{index}.{attempt}"


def read(workspace: Workspace) -> Heard:
    """What was heard so far. Raises `DamagedFileError`."""
    nothing: Heard = {}
    found = json_files.read(workspace.ended, msgspec.json.Decoder(Heard).decode, nothing, _SPARE)
    return {token: {key: _with_end(one) for key, one in said.items()} for token, said in found.items()}


_BEFORE = {
    "TIMEOUT": Ended.TIME_LIMIT,
    "NODE_FAIL": Ended.NODE_FAILURE,
    "BOOT_FAIL": Ended.BOOT_FAILURE,
    "LAUNCH_FAILED": Ended.LAUNCH_FAILURE,
    "RECONFIG_FAIL": Ended.SETUP_FAILURE,
    **{end.name: end for end in Ended},
}
"""What the scheduler's word, which stood there alone in files of before, says of the end."""


def _with_end(state: State) -> State:
    old = state.phase is Phase.ENDED and state.end is None
    return replace(state, end=_BEFORE.get(state.word)) if old else state


def write(workspace: Workspace, ended: Mapping[str, Mapping[str, State]]) -> None:
    """Replace the file."""
    json_files.replace(workspace.ended, ended)
