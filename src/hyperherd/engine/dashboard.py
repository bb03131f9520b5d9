"""What people look at while a sweep runs, as one value: how its trials stand, which is best, how long it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hyperherd.engine import compared, timing
from hyperherd.engine.compared import Results
from hyperherd.engine.facts import Fact, Known
from hyperherd.engine.snapshot import Snapshot
from hyperherd.engine.timing import Times
from hyperherd.launchers import shipped
from hyperherd.sweep.metrics import Metric, number
from hyperherd.sweep.trial import Status
from hyperherd.workspace import results
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.results import Point
from hyperherd.workspace.summaries import Summaries

CURVES = 60
"""Running trials whose every step is read at most; of others the summary has to do."""

WAITING = frozenset({Status.READY, Status.SUBMITTED, Status.QUEUED})


@dataclass(frozen=True)
class Course:
    """How a running trial is getting on. ``step`` is the last one that it has logged, ``steps`` the last of those that
    have completed; ``curve`` its metric by step, ``left_s`` an estimate.
    """

    began_at: float | None
    step: float | None = None
    steps: float | None = None
    curve: Sequence[float] = ()
    left_s: float | None = None


@dataclass(frozen=True)
class Dashboard:
    """``courses`` of the trials that run; ``left_s`` of the whole sweep; ``starts_at``: when the next one that waits is
    expected to begin, by its launcher; ``asked_at``: when each scheduler was asked, by its name for people. Times in
    seconds since the epoch; ``at`` is now.
    """

    results: Results
    courses: Mapping[int, Course]
    times: Times
    left_s: float | None
    starts_at: float | None
    asked_at: Mapping[str, float]
    at: float = field(default_factory=time.time)

    @property
    def snapshot(self) -> Snapshot:
        return self.results.snapshot


def take(
    known: Known, snapshot: Snapshot, summaries: Summaries | None = None, *, every_time: bool = False
) -> Dashboard:
    """Of what is known now; asks nobody. ``every_time``: how long each trial took, however many have ended."""
    workspace, now = snapshot.workspace, time.time()
    about = compared.about(workspace)
    summaries = summaries or Summaries(workspace)
    found = compared.results(snapshot, about, summaries=summaries, streams=False, finals=False)
    facts = [known.facts[view.index] for view in snapshot.trials]
    ended = [fact.trial.index for fact in facts] if every_time else []
    times = timing.times(workspace, known.facts, ended)
    steps = _steps(summaries, found.metric, times)
    running = [fact for fact in facts if fact.status is Status.RUNNING]
    streams = _streams(workspace, running, found.metric, summaries)
    courses = {
        fact.trial.index: _course(fact, streams.get(fact.trial.index, _Stream()), steps, times, now)
        for fact in running
    }
    waiting = sum(fact.status in WAITING and fact.submission is not None for fact in facts)
    left = [course.left_s for course in courses.values()]
    starts = [f.state.starts_at for f in facts if f.status in WAITING and (f.state.starts_at or 0) > now]
    return Dashboard(
        found,
        courses,
        times,
        timing.left_of_all_s(left, waiting, times.median_s),
        min((at for at in starts if at is not None), default=None),
        _elsewhere(known.asked_at),
        now,
    )


def _elsewhere(asked_at: Mapping[str, float]) -> dict[str, float]:
    """Those that are asked, and not looked at: this machine's own processes are seen as they are."""
    traits = {name: shipped.traits(name) for name in asked_at}
    return {traits[name].title: at for name, at in asked_at.items() if traits[name].elsewhere}


def _steps(summaries: Summaries, metric: Metric | None, times: Times) -> float | None:
    """The last step of trials that have completed, in the middle of them; None of too few."""
    done = [index for index in times.took if index in times.done]
    if metric is None or len(done) < timing.LEAST:
        return None
    found = summaries.read(done, {metric.name})
    last = [one.streams[metric.name].step for one in found.values() if metric.name in one.streams]
    return statistics.median(last) if len(last) >= timing.LEAST else None


@dataclass(frozen=True)
class _Stream:
    """What a running trial has logged of the metric: its last step, and its points where they were read."""

    step: float | None = None
    points: Sequence[Point] = ()


def _streams(
    workspace: Workspace, running: Sequence[Fact], metric: Metric | None, summaries: Summaries
) -> dict[int, _Stream]:
    if metric is None:
        return {}
    found: dict[int, _Stream] = {}
    for index, summary in summaries.read([fact.trial.index for fact in running], {metric.name}).items():
        if stream := summary.streams.get(metric.name):
            whole = len(found) < CURVES
            points = results.stream(workspace.results, index, metric.name) if whole else ()
            found[index] = _Stream(stream.step, points)
    return found


def _course(fact: Fact, stream: _Stream, steps: float | None, times: Times, now: float) -> Course:
    began_at = fact.state.started_at
    since = [point for point in stream.points if began_at is None or point.ts >= began_at]
    return Course(
        began_at=began_at,
        step=stream.step,
        steps=steps,
        curve=tuple(_numbers(stream.points)),
        left_s=timing.left_s(now, began_at, since, steps, times.median_s),
    )


def _numbers(points: Iterable[Point]) -> Iterable[float]:
    values = (number(point.value) for point in points)
    return (value for value in values if value is not None)
