"""What a submission was made from: the launch script's checksum and the state of the git tree around it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import ConnectorError

GIT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Provenance:
    """None where there is no git, no repository, or no answer in time."""

    launch_sha256: str
    git_commit: str | None
    git_dirty: bool | None


def of(folder: Path, launch: Path) -> Provenance:
    """Read both. Only the checksum is sure to be had."""
    commit = _git(folder, "rev-parse", "HEAD") if _may_be_versioned(folder) else None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no") if commit else None
    return Provenance(checksum_of(launch), commit, None if changes is None else bool(changes))


def _may_be_versioned(folder: Path) -> bool:
    """Whether to ask git at all: it looks for its own in each folder upwards, unless it was told where that is. In
    another user's tree it would run what that one has configured.
    """
    trees = (above / ".git" for above in (folder, *folder.parents))
    tree = next((path for path in trees if path.exists()), None)
    return "GIT_DIR" in os.environ or (tree is not None and tree.stat().st_uid == os.geteuid())


def checksum_of(launch: str | Path) -> str:
    """The launch script's SHA-256 in hexadecimal digits, "" where it cannot be read."""
    try:
        return hashlib.sha256(Path(launch).read_bytes()).hexdigest()
    except OSError:
        return ""


def _git(folder: Path, *words: str) -> str | None:
    try:
        answer = LocalConnector.instance().run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words], timeout_s=GIT_TIMEOUT_S
        )
    except (ConnectorError, OSError):
        return None
    return answer.stdout.strip() if answer.code == 0 else None
