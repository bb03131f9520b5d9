"""Failures that are alike, together: by how they ended and by what their stderr says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hyperherd.engine.snapshot import FAILED, TrialView
from hyperherd.sweep.trial import Status

_OF_ONE_RUN = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?")
"""What differs between two failures that are alike: addresses, numbers of lines and processes, sizes."""


@dataclass(frozen=True)
class Alike:
    """Trials that failed alike, in their order; ``line`` is what the first one's stderr says."""

    status: Status
    reason: str
    line: str
    trials: tuple[TrialView, ...]


def alike(trials: Iterable[TrialView]) -> list[Alike]:
    """Those of the trials that have failed, the most frequent cause first."""
    found: dict[tuple[Status, str, str], list[TrialView]] = {}
    for view in trials:
        if view.status in FAILED:
            key = (view.status, view.reason, _OF_ONE_RUN.sub("#", view.last_error or ""))
            found.setdefault(key, []).append(view)
    groups = [
        Alike(status, reason, views[0].last_error or "", tuple(views))
        for (status, reason, _), views in found.items()
    ]
    return sorted(groups, key=lambda group: -len(group.trials))
