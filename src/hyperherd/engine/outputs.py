"""What trials wrote: their logs and metrics, for the commands that print them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from hyperherd.attempts.filenames import Unit
from hyperherd.engine import wait_for_trials, watch
from hyperherd.engine.shared_looks import Looks
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.errors import HerdError
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.metrics import Metric, number
from hyperherd.workspace import logs, results
from hyperherd.workspace.folder import Workspace

STDOUT, STDERR, SLURM = "stdout", "stderr", "slurm"

Metrics: TypeAlias = "Mapping[int, Mapping[str, Any]]"
"""Trial index -> metric -> value."""
Streams: TypeAlias = "dict[str, tuple[str, Sequence[str] | None]]"


@dataclass(frozen=True)
class Results:
    """What trials have logged; ``metric`` is what they are compared by, None where nobody said. ``alone``: the metrics
    of which there are only steps.
    """

    snapshot: Snapshot
    metrics: Metrics
    metric: Metric | None = None
    alone: frozenset[str] = frozenset()

    @property
    def scores(self) -> dict[int, float | None]:
        """Trial index -> its value of the metric."""
        name = self.metric.name if self.metric else ""
        values = {view.index: self.metrics.get(view.index, {}).get(name) for view in self.snapshot.trials}
        return {index: number(value) for index, value in values.items()}

    @property
    def best(self) -> int | None:
        """The trial with the best value; None where none has any."""
        return self.metric.best(self.scores) if self.metric else None

    def best_first(self) -> Results:
        """The same, those without a number last."""
        if self.metric is None:
            return self
        metric, scores = self.metric, self.scores
        ordered = sorted(self.snapshot.trials, key=lambda view: metric.best_first(scores[view.index]))
        return replace(self, snapshot=replace(self.snapshot, trials=ordered))

    def without_steps(self) -> Results:
        """The same without the metrics of which there are only steps, but for the one that trials are compared by."""
        left_out = self.alone.difference([self.metric.name] if self.metric else [])
        kept = {
            index: {name: value for name, value in values.items() if name not in left_out}
            for index, values in self.metrics.items()
        }
        return replace(self, metrics=kept)

    def first(self, count: int) -> Results:
        """The first ones alone."""
        return replace(self, snapshot=replace(self.snapshot, trials=self.snapshot.trials[:count]))


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


def measured(
    workspace: Workspace, indices: Sequence[int], about: Sequence[Metric] = (), *, streams: bool = True
) -> tuple[Metrics, frozenset[str]]:
    """What these trials have logged: of each final metric its value, of those that the sweep is ``about`` the value
    that counts, and with ``streams`` of those that were logged with steps alone, whose names are returned, the last.
    """
    finals = results.all_finals(workspace.results)
    found = {i: _measured(workspace, i, finals.get(i, {}), about, streams) for i in indices}
    ours = {metric.name for metric in about}.union(*(finals.get(i, {}) for i in indices))
    return found, frozenset(name for values in found.values() for name in values).difference(ours)


def _measured(
    workspace: Workspace, index: int, finals: Mapping[str, Any], about: Sequence[Metric], streams: bool
) -> Mapping[str, Any]:
    folder = workspace.results
    points = (
        results.streams(folder, index)
        if streams
        else {metric.name: results.stream(folder, index, metric.name) for metric in about}
    )
    found = {name: of_one[-1].value for name, of_one in points.items() if of_one} | dict(finals)
    for metric in about:
        score = metric.score(finals, [point.value for point in points.get(metric.name, ())])
        if score is not None:
            found[metric.name] = score
    order = dict.fromkeys([*(metric.name for metric in about), *finals, *found])
    return {name: found[name] for name in order if name in found}


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
