"""All sweeps of a user at a glance; asks no scheduler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperherd.engine import facts
from hyperherd.errors import HerdError
from hyperherd.sweep.trial import Status
from hyperherd.workspace import known_sweeps


@dataclass(frozen=True)
class Glance:
    """A sweep as its own files have it: ``folder`` (of a script's sweep: the script), how many trials have each status
    that occurs, and when something last changed, in seconds since the epoch.
    """

    folder: Path
    name: str
    counts: Mapping[Status, int]
    active_at: float


def sweeps() -> tuple[Sequence[Glance], Sequence[str]]:
    """Those that are known on this machine, what was active last at the beginning; and of each one that cannot be read
    why.
    """
    found, unreadable = [], []
    for workspace in known_sweeps.listed():
        try:
            known = facts.read(workspace, {}, silent_is_fatal=False)
        except HerdError as error:
            unreadable.append(f"{workspace.root}: {error}")
            continue
        counts = Counter(known.statuses.values())
        found.append(
            Glance(
                workspace.script or workspace.root,
                known.manifest.name or workspace.root.name,
                {status: counts[status] for status in Status if counts[status]},
                known_sweeps.active_at(workspace),
            )
        )
    return found, unreadable
