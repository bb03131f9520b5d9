"""``ended.json``: what a scheduler said of attempts that are over, kept because schedulers forget.

``{token: {trial index: State}}``. It is a copy of what was heard, so losing it loses a reason, never a result.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hyperherd.jobs import State
from hyperherd.workspace import files
from hyperherd.workspace.folder import Workspace

Ended = dict[str, dict[int, State]]


def read(workspace: Workspace) -> Ended:
    """What was heard so far. Raises `DamagedFileError`."""
    return files.read(workspace.ended, msgspec.json.Decoder(Ended).decode, {})


def write(workspace: Workspace, ended: Mapping[str, Mapping[int, State]]) -> None:
    """Replace the file."""
    files.replace(workspace.ended, ended)
