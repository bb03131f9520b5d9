"""What trials wrote: their logs and metrics, for the commands that print them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hyperherd.attempts.filenames import Unit
from hyperherd.engine import wait_for_trials, watch
from hyperherd.engine.shared_looks import Looks
from hyperherd.engine.snapshot import TrialView
from hyperherd.errors import HerdError
from hyperherd.launchers.base import Launcher
from hyperherd.workspace import logs, results
from hyperherd.workspace.folder import Workspace

STDOUT, STDERR, SLURM = "stdout", "stderr", "slurm"

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


def steps(
    workspace: Workspace, indices: Sequence[int], only: str | None = None
) -> list[tuple[int, int | float, str, float, Any]]:
    """Rows of (trial, step, metric, timestamp, value), in that order; ``only`` those of one metric."""

    def streams(index: int) -> Mapping[str, Sequence[results.Point]]:
        if only is not None:
            return {only: results.stream(workspace.results, index, only)}
        return results.streams(workspace.results, index)

    return [
        (index, point.step, metric, point.ts, point.value)
        for index in indices
        for metric, points in sorted(streams(index).items())
        for point in points
    ]


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
