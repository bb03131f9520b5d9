"""What this user's commands keep of a workspace so as not to read it again.

It lies in ``hyperherd/<hash of the folder>`` of the cache folder (XDG Base Directory), so whoever may only read a
workspace has one too. Best effort: whatever is missing or damaged is read anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path

from hyperherd import fsio
from hyperherd.errors import WorkspaceError
from hyperherd.workspace.folder import Workspace

UNUSED_S = 90 * 86400.0
"""What was not written for so long is deleted."""


def read(workspace: Workspace, name: str) -> bytes:
    """What was kept under this name; b"" where there is nothing."""
    folder = _folder(workspace)
    with contextlib.suppress(OSError):
        return fsio.content(folder / name) if folder else b""
    return b""


def write(workspace: Workspace, name: str, content: bytes) -> None:
    """Keep it, for this user alone."""
    folder = _folder(workspace)
    if folder is None:
        return
    with contextlib.suppress(OSError, WorkspaceError):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            _delete_unused(folder.parent)
        fsio.replace(folder / name, content, 0o600, durable=False)


def _folder(workspace: Workspace) -> Path | None:
    """None where the user has no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return cache / "hyperherd" / hashlib.sha256(os.fsencode(workspace.state)).hexdigest()[:16]


def _delete_unused(folder: Path) -> None:
    for one in folder.iterdir():
        newest = max((path.stat().st_mtime for path in (one, *one.iterdir())), default=0.0)
        if newest < time.time() - UNUSED_S:
            shutil.rmtree(one, ignore_errors=True)
