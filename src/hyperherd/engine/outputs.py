"""What trials wrote: their logs and metrics, for the commands that print them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from hyperherd.attempts.filenames import Unit
from hyperherd.engine import wait_for_trials, watch
from hyperherd.engine.shared_looks import Looks
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.errors import HerdError
from hyperherd.launchers.base import Launcher
from hyperherd.workspace import logs, results
from hyperherd.workspace.folder import Workspace

STDOUT, STDERR, SLURM = "stdout", "stderr", "slurm"

Metrics: TypeAlias = "Mapping[int, Mapping[str, Any]]"
"""Trial index -> metric -> value."""
Streams: TypeAlias = "dict[str, tuple[str, Sequence[str] | None]]"


def sources(workspace: Workspace, view: TrialView, wanted: Sequence[str]) -> dict[str, Path]:
    """Stream -> its log, there or not. Slurm's words come with stderr."""
    found = {STDOUT: workspace.stdout(view.unit), STDERR: workspace.stderr(view.unit)}
    found = {name: path for name, path in found.items() if name in wanted}
    if STDERR in wanted and view.job:
        found[SLURM] = workspace.slurm_log(view.unit, view.job)
    return found


def tails(paths: Mapping[str, Path], count: int) -> Streams:
    """Stream -> (path, its last ``count`` lines, or None where there is no file); Slurm's where it has said any."""
    found: Streams = {}
    for name, path in paths.items():
        lines = logs.tail(path, count) if path.exists() else None
        if lines or name != SLURM:
            found[name] = (str(path), lines)
    return found


def no_log(view: TrialView, path: str) -> HerdError:
    """The error for a stream that is not there."""
    return HerdError(f"trial {view.index} is {view.status} and has no such log: {path}", hint="herd status")


def going_on(
    workspace: Workspace, launchers: Mapping[str, Launcher], index: int, pause_s: float
) -> Callable[[], bool]:
    """A function that says whether the trial still moves; it looks when a look is due, and says yes between."""
    trials = wait_for_trials.Trials(workspace, launchers, [index], looks=Looks.shared(pause_s))
    watched = watch.Watch(trials, watch.Rhythm(pause_s))
    return lambda: not watched.step()


def finals(workspace: Workspace) -> Metrics:
    """The final metrics of the trials that have logged any."""
    return results.all_finals(workspace.results)


def steps(workspace: Workspace, indices: Sequence[int]) -> list[tuple[int, int | float, str, float, Any]]:
    """Rows of (trial, step, metric, timestamp, value), in the order of trial, metric, step."""
    return [
        (index, point.step, metric, point.ts, point.value)
        for index in indices
        for metric, points in sorted(results.streams(workspace.results, index).items())
        for point in points
    ]


def streamed(workspace: Workspace, indices: Sequence[int]) -> set[str]:
    """The metrics that these trials have logged with a step."""
    return {name for index in indices for name in results.streamed(workspace.results, index)}


def with_last(workspace: Workspace, indices: Sequence[int], metrics: Metrics, name: str) -> Metrics:
    """The metrics, and with them the value of this stream at each trial's last step."""
    found = {index: results.streams(workspace.results, index).get(name) for index in indices}
    last = {index: {name: points[-1].value} for index, points in found.items() if points}
    return {i: {**metrics.get(i, {}), **last.get(i, {})} for i in indices if i in metrics or i in last}


def best_first(shown: Snapshot, metrics: Metrics, by: str) -> Snapshot:
    """The trials by a metric, the largest first, or with a ``-`` before it the smallest; those without it last."""
    down = any(by in found for found in metrics.values())
    name = by if down else by[1:]

    def key(view: TrialView) -> tuple[int, float]:
        value = metrics.get(view.index, {}).get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            return (1, 0.0)
        return (0, -value if down else value)

    return replace(shown, trials=sorted(shown.trials, key=key))


def failed_stderr(workspace: Workspace, unit: Unit, count: int) -> dict[str, Any]:
    """The end of a failed trial's stderr, and whether there was more."""
    path = workspace.stderr(unit)
    lines = logs.tail(path, count + 1) if path.exists() else []
    return {
        "index": unit.trial,
        "stderr_path": str(path),
        "stderr_lines": lines[-count:] if count else [],
        "stderr_truncated": len(lines) > count,
    }
