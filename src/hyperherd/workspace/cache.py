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
    """What was kept under this name; b"" where there is nothing, or where anybody else may have put it there."""
    folder = _folder(workspace)
    with contextlib.suppress(OSError):
        if folder and all(map(_is_ours, (folder, folder / name))):
            return fsio.content(folder / name)
    return b""


def _is_ours(path: Path) -> bool:
    """Whether it is this user's, and nobody else may write it. Raises OSError."""
    found = path.lstat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


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
        with contextlib.suppress(OSError):  # somebody else's file, or gone meanwhile
            newest = max(path.stat().st_mtime for path in (one, *one.iterdir()))
            if newest < time.time() - UNUSED_S:
                shutil.rmtree(one)
