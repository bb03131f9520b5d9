"""How trials compare: by the metric that their sweep is about, those that only repeat one setting taken together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.errors import UsageError, nearest
from hyperherd.sweep.identity import canonical
from hyperherd.sweep.metrics import About, Metric, may_tell, number
from hyperherd.sweep.trial import Value
from hyperherd.workspace import cache
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.summaries import Summaries, Summary

Metrics: TypeAlias = "Mapping[int, Mapping[str, Any]]"
"""Trial index -> metric -> value."""


@dataclass(frozen=True)
class Spread:
    """Of ``n`` numbers the mean and the standard deviation (that of a sample, n - 1; None of one number)."""

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread | None:
    """None of no numbers; NaN is one, and makes the mean NaN.

    >>> spread([1.0, 3.0]), spread([2.0]), spread([])
    (Spread(mean=2.0, sd=1.4142135623730951, n=2), Spread(mean=2.0, sd=None, n=1), None)
    """
    if not values:
        return None
    mean = sum(values) / len(values)
    if not math.isfinite(mean):  # of one that diverged, or numbers whose sum no float holds
        return Spread(mean, None, len(values))
    return Spread(statistics.fmean(values), _deviation(values), len(values))


def _deviation(values: Sequence[float]) -> float | None:
    try:
        return statistics.stdev(values) if len(values) > 1 else None
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Setting:
    """Trials that differ in nothing but what repeats them. ``params`` are those that they have in common, ``measured``
    the metrics that are numbers, ``score`` what they are compared by.
    """

    trials: Sequence[TrialView]
    params: Mapping[str, Value]
    measured: Mapping[str, Spread]
    score: Spread | None = None

    def key(self, metric: Metric) -> tuple[bool, tuple[int, float]]:
        """To sort by: the best first. A setting counts once half of its trials have a value: one lucky seed of many
        does not win.
        """
        few = self.score is None or 2 * self.score.n < len(self.trials)
        return few, metric.best_first(self.score.mean if self.score else None)


@dataclass(frozen=True)
class Results:
    """What trials have logged; ``metric`` is what they are compared by, None where nobody said. ``alone``: the metrics
    of which there are only steps. ``repeats``: the parameters that only repeat a setting.
    """

    snapshot: Snapshot
    metrics: Metrics
    metric: Metric | None = None
    alone: frozenset[str] = frozenset()
    repeats: tuple[str, ...] = ()
    abbrevs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def scores(self) -> dict[int, float | None]:
        """Trial index -> its value of the metric."""
        name = self.metric.name if self.metric else ""
        values = {view.index: self.metrics.get(view.index, {}).get(name) for view in self.snapshot.trials}
        return {index: number(value) for index, value in values.items()}

    @cached_property
    def best(self) -> Setting | None:
        """The best setting, without repeats the best trial; None where none has a number."""
        if self.metric is None:
            return None
        metric = self.metric
        with_one = [one for one in self.settings() if one.score and not math.isnan(one.score.mean)]
        return min(with_one, key=lambda one: one.key(metric), default=None)

    def settings(self) -> list[Setting]:
        """The trials by what they have in common, in their order; without repeats each trial by itself."""
        groups: dict[str | int, list[TrialView]] = {}
        for view in self.snapshot.trials:
            groups.setdefault(self._of(view) if self.repeats else view.index, []).append(view)
        scores = self.scores
        return [self._setting(views, scores) for views in groups.values()]

    def settings_best_first(self) -> list[Setting]:
        """The same, those without a number last."""
        if self.metric is None:
            return self.settings()
        metric = self.metric
        return sorted(self.settings(), key=lambda one: one.key(metric))

    def best_first(self) -> Results:
        """The trials by themselves, those without a number last."""
        if self.metric is None:
            return self
        metric, scores = self.metric, self.scores
        ordered = sorted(self.snapshot.trials, key=lambda view: metric.best_first(scores[view.index]))
        return self.of(ordered)

    def of(self, trials: Sequence[TrialView]) -> Results:
        """Those of these trials alone."""
        return replace(self, snapshot=replace(self.snapshot, trials=trials))

    def without_steps(self) -> Results:
        """The same without the metrics of which there are only steps, but for the one that trials are compared by."""
        left_out = self.alone.difference([self.metric.name] if self.metric else [])
        kept = {
            index: {name: value for name, value in values.items() if name not in left_out}
            for index, values in self.metrics.items()
        }
        return replace(self, metrics=kept)

    def _of(self, view: TrialView) -> str:
        return canonical([_common(view, self.repeats), dict(view.trial.extras)])

    def _setting(self, views: Sequence[TrialView], scores: Mapping[int, float | None]) -> Setting:
        values: dict[str, list[float]] = {}
        for view in views:
            for name, value in self.metrics.get(view.index, {}).items():
                if (measure := number(value)) is not None:
                    values.setdefault(name, []).append(measure)
        measured = {name: found for name, of_one in values.items() if (found := spread(of_one))}
        of_metric = spread([score for view in views if (score := scores[view.index]) is not None])
        return Setting(views, _common(views[0], self.repeats), measured, of_metric)


def _common(view: TrialView, repeats: Sequence[str]) -> dict[str, Value]:
    return {name: value for name, value in view.trial.params.items() if name not in repeats}


def ordered(found: Results, by: str) -> list[TrialView]:
    """The trials by a metric, the largest first (of the sweep's own the best), or by a parameter, the smallest first;
    ``-NAME``: the other way round. Those without a value come last. Raises `UsageError` for a name that is neither.
    """
    metrics = {name for values in found.metrics.values() for name in values}
    params = {name for view in found.snapshot.trials for name in view.trial.params}
    full = {abbrev: name for name, abbrev in found.abbrevs.items()}
    words = (by, by.removeprefix("-"))
    name = next((full.get(word, word) for word in words if full.get(word, word) in metrics | params), None)
    if name is None:
        known = sorted(metrics | params)
        hint = nearest(by, known) or (f"there are {', '.join(known)}" if known else "no trial was run yet")
        raise UsageError(f"--sort {by}: no such metric or parameter", hint=hint)
    own = found.metric is not None and found.metric.name == name
    rising = name not in metrics or (own and found.metric is not None and found.metric.mode == "min")
    turned = (by.startswith("-") and by not in metrics | params) == rising

    def key(view: TrialView) -> tuple[int, float, str]:
        values = found.metrics.get(view.index, {}) if name in metrics else view.trial.params
        value = values.get(name)
        measure = number(value)
        if measure is not None and not math.isnan(measure):
            return (0, -measure if turned else measure, "")
        return (2, 0.0, "") if value is None or measure is not None else (1, 0.0, str(value))

    return sorted(found.snapshot.trials, key=key)


def about(workspace: Workspace) -> About:
    """What the YAML says that views need, as it is now; nothing of it where that cannot be read."""
    if workspace.script:
        return About()
    try:
        status = workspace.config.stat()
        version = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
        kept = _kept(workspace)
        if kept.version == version:
            return kept.about
        text = workspace.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return About()
    if not may_tell(text):
        return About()
    from hyperherd.config import about as reading  # loads what reads YAML

    found = reading.of_text(text)
    cache.write(workspace, _NAME, msgspec.json.encode(_Kept(version, found)))
    return found


_NAME = "about.json"


class _Kept(msgspec.Struct):
    """``version`` of the file that it was read from."""

    version: str = ""
    about: About = About()


def _kept(workspace: Workspace) -> _Kept:
    try:
        return msgspec.json.decode(cache.read(workspace, _NAME), type=_Kept)
    except (ValueError, msgspec.DecodeError):
        return _Kept()


def results(
    snapshot: Snapshot,
    about: About,
    *,
    summaries: Summaries | None = None,
    streams: bool = True,
    finals: bool = True,
) -> Results:
    """What the trials of a snapshot have logged: of each final metric its value, of those that the sweep is about the
    value that counts, and with ``streams`` of those that were logged with steps alone the last. Without ``finals``
    nothing is read where the sweep is about no metric.
    """
    summaries = summaries or Summaries(snapshot.workspace)
    names = {metric.name for metric in about.metrics}
    everything = streams or finals
    indices = [view.index for view in snapshot.trials] if everything or names else []
    found = summaries.read(indices, None if streams else names)
    summaries.keep()
    metrics = {index: _values(summary, about.metrics) for index, summary in found.items()}
    ours = names.union(*(summary.finals for summary in found.values()))
    alone = frozenset(name for values in metrics.values() for name in values).difference(ours)
    metric = next(iter(about.metrics), None)
    return Results(snapshot, metrics, metric, alone, about.repeats, about.abbrevs)


def _values(summary: Summary, about: Sequence[Metric]) -> Mapping[str, Any]:
    found = {name: stream.last for name, stream in summary.streams.items()} | dict(summary.finals)
    for metric in about:
        stream = summary.streams.get(metric.name)
        score = metric.score(summary.finals, stream.telling if stream else ())
        if score is not None:
            found[metric.name] = score
    order = dict.fromkeys([*(metric.name for metric in about), *summary.finals, *found])
    return {name: found[name] for name in order if name in found}
