"""``ended.json``: what a scheduler said of attempts that are over, kept because schedulers forget.

``{token: {"<trial>.<attempt>": State}}``, of a task ``"<trial>_<task>.<attempt>"``; attempt 0 for what ended
before it began. It is a copy of what was heard, so losing it loses a reason, never a result.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from hyperherd.attempts import registers
from hyperherd.attempts.filenames import Unit, is_number
from hyperherd.errors import DamagedFileError
from hyperherd.jobs import Ended, Phase, State
from hyperherd.workspace import json_files
from hyperherd.workspace.folder import Workspace

Heard = dict[str, dict[str, State]]


def key(token: str, unit: Unit, attempt: int) -> str:
    """What was heard is of one attempt: the job may have been queued again since (``scontrol requeue``). Version 1
    names a task by its number alone.
    """
    return f"{unit if registers.generation_of(token) else unit.number}.{attempt}"


def read_key(token: str, unit_of: Callable[[int], Unit], key: str) -> tuple[Unit, int] | None:
    """What `key` was made of; ``unit_of`` gives the unit of a number in that submission."""
    word, _, attempt = key.partition(".")
    unit = Unit.read(word)
    if unit is None or not is_number(attempt):
        return None
    return (unit if registers.generation_of(token) else unit_of(unit.trial)), int(attempt)


def read(workspace: Workspace) -> Heard:
    """What was heard so far; nothing where the file is damaged. Raises `WorkspaceError` where it cannot be read."""
    found: Heard = {}
    with contextlib.suppress(DamagedFileError):
        found = json_files.read(workspace.ended, msgspec.json.Decoder(Heard).decode, found)
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
