"""The sweeps that this user has on this machine: a file for each in ``hyperherd/sweeps`` of the state folder (XDG Base
Directory), ``{"folder": ..., "generation": ...}``. Best effort: where nothing can be written a sweep is not listed, and
the next command in it tries again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from hyperherd import fsio
from hyperherd.errors import WorkspaceError
from hyperherd.workspace import attempt_folders
from hyperherd.workspace.folder import Workspace


def note(workspace: Workspace) -> None:
    """Know this sweep from now on; not what stands apart, as a drill does."""
    folder = _folder()
    if folder is None or workspace.apart or not workspace.manifest.exists():
        return
    entry = folder / hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    with contextlib.suppress(OSError, WorkspaceError):
        now = {"folder": os.fspath(workspace.root), "generation": workspace.newest_generation()}
        if _read(entry) != now:
            folder.mkdir(parents=True, exist_ok=True)
            fsio.replace(entry, json.dumps(now).encode() + b"\n", durable=False)


def _read(entry: Path) -> dict[str, str] | None:
    """None where there is none, or none that can be understood."""
    try:
        content = entry.read_bytes()
        if content.startswith(b"/"):  # as entries were before: the folder alone
            return {"folder": os.fsdecode(content).rstrip("\n"), "generation": ""}
        found = json.loads(content)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("folder"), str) else None


def listed() -> list[Workspace]:
    """Those that are still there, what was active last at the beginning; the entries of others are deleted."""
    folder = _folder()
    if folder is None:
        return []
    found: dict[Workspace, float] = {}
    try:
        entries = list(folder.iterdir())
    except OSError:
        return []
    for entry in entries:
        with contextlib.suppress(OSError):
            known = _read(entry)
            if known is None:
                entry.unlink()
                continue
            workspace = Workspace(Path(known["folder"]))
            if workspace.root.is_absolute() and workspace.manifest.exists():
                found[workspace] = active_at(workspace)
            elif workspace.root.parent.exists():  # else its disk may not be mounted now
                entry.unlink()
    return sorted(found, key=lambda workspace: found[workspace], reverse=True)


def active_at(workspace: Workspace) -> float:
    """When something last changed in it, in seconds since the epoch: a trial began or ended, or a run was made."""
    newest = 0.0
    blocks: list[Path] = []
    with contextlib.suppress(OSError, WorkspaceError):  # somebody lets us enter, and not look
        folders = attempt_folders.folders(workspace)
        blocks = [block for one in folders for block in (one.path, *one.path.glob("*"))]
    for path in (workspace.manifest, workspace.job_ids, workspace.results, *blocks):
        with contextlib.suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return newest


def _folder() -> Path | None:
    """None where the user has no home."""
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        state = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return state / "hyperherd" / "sweeps"
