"""What trials have logged as rows: for eyes, and for programs."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hyperherd import units
from hyperherd.engine.snapshot import TrialView
from hyperherd.sweep.identity import canonical
from hyperherd.views import numbers
from hyperherd.views.columns import Screen, table
from hyperherd.views.tables import from_home

if TYPE_CHECKING:
    from hyperherd.engine.compared import Results, Setting
    from hyperherd.engine.inspection import Inspection
    from hyperherd.sweep.metrics import Metric

Table: TypeAlias = "tuple[Sequence[str], list[list[Any]]]"
"""Head and rows."""

BEST = "★"
"""Marks the best trial."""


def results(found: Results) -> Table:
    """Of `res` for eyes: index, status, the parameters that vary, metrics; the order of the trials is kept. Where they
    are compared, the best one has a mark, and the metric an arrow to where better is.
    """
    trials = found.snapshot.trials
    names, rows = _values(found, varying(trials), numbers.parameter)
    best = found.best
    marked = {view.index for view in best.trials} if best else set()
    told = [
        [f"{BEST} {v.index}" if v.index in marked else v.index, v.status.value, *row]
        for v, row in zip(trials, rows, strict=True)
    ]
    return ["trial", "status", *_headings(found, names)], told


def settings(found: Results, shown: Sequence[Setting]) -> Table:
    """The same of settings whose trials only repeat each other: their trials, how many of them have a value, and of
    each metric mean and standard deviation.
    """
    names, best = varying(found.snapshot.trials, found.repeats), found.best
    measured = list(dict.fromkeys(name for one in shown for name in one.measured))
    rows = [
        [
            f"{BEST} {told}" if best and best.trials == one.trials else told,
            _of_how_many(found, one),
            *(numbers.parameter(one.params[name]) if name in one.params else None for name in names),
            *(numbers.spread(one.measured[name]) if name in one.measured else None for name in measured),
        ]
        for one in shown
        for told in [units.folded(view.index for view in one.trials)]
    ]
    return ["trials", "n", *_headings(found, [*names, *measured])], rows


def _of_how_many(found: Results, one: Setting) -> str:
    return f"{_counted(found, one)}/{len(one.trials)}"


def _counted(found: Results, one: Setting) -> int:
    """The trials of a setting with a value of the metric; without one, with any."""
    if found.metric:
        return one.score.n if one.score else 0
    return max((spread.n for spread in one.measured.values()), default=0)


def exported_settings(found: Results, shown: Sequence[Setting]) -> Table:
    """Settings for programs: ``trials``, ``n`` of ``of``, the parameters, and of each metric the mean under its name,
    and ``<name>_sd``.
    """
    names = [name for name in _params(found.snapshot.trials) if name not in found.repeats]
    measured = list(dict.fromkeys(name for one in shown for name in one.measured))
    head = ["trials", "n", "of", *names, *(word for name in measured for word in (name, f"{name}_sd"))]
    rows = []
    for one in shown:
        row: list[Any] = [
            units.folded(view.index for view in one.trials),
            _counted(found, one),
            len(one.trials),
            *(one.params.get(name) for name in names),
        ]
        for name in measured:
            spread = one.measured.get(name)
            row += [spread.mean, spread.sd] if spread else [None, None]
        rows.append(row)
    return head, rows


def _headings(found: Results, names: Sequence[str]) -> list[str]:
    metric = found.metric
    told = [found.abbrevs.get(name, name) for name in names]
    return [f"{name} {metric.arrow}" if metric and name == metric.name else name for name in told]


def varying(trials: Sequence[TrialView], repeats: Sequence[str] = ()) -> list[str]:
    """The parameters in which the trials differ, but for those that only repeat; of one trial all."""
    names = [name for name in _params(trials) if name not in repeats]
    if len(trials) < 2:
        return names
    return [name for name in names if _differ(trials, name)]


def _differ(trials: Sequence[TrialView], name: str) -> bool:
    first, missing = trials[0].trial.params, object()
    known = first.get(name, missing)
    for view in trials:
        value = view.trial.params.get(name, missing)
        if value is not known and (
            value is missing or known is missing or canonical(value) != canonical(known)
        ):
            return True
    return False


def _params(trials: Iterable[TrialView]) -> list[str]:
    return list(dict.fromkeys(name for view in trials for name in view.trial.params))


def together(found: Sequence[Results], *, eyes: bool) -> Table:
    """Of `res` of several sweeps, each row with its sweep's name, or folder where names are alike.

    For ``eyes`` the best of all come first, where they are compared by one metric.
    """
    sweeps = [one.snapshot.sweep_name for one in found]
    if len(set(sweeps)) < len(sweeps):
        sweeps = [from_home(one.snapshot.workspace.root) for one in found]
    tables = [(results if eyes else exported)(replace(one, metric=None)) for one in found]
    head = list(dict.fromkeys(name for names, _ in tables for name in names))
    if not eyes:
        head.sort(key=lambda name: name in ("status", "trial_status"))
    told: list[tuple[float | None, list[Any]]] = []
    for sweep, one, (names, rows) in zip(sweeps, found, tables, strict=True):
        for view, row in zip(one.snapshot.trials, rows, strict=True):
            by_name = dict(zip(names, row, strict=True))
            told.append((one.scores.get(view.index), [sweep, *(by_name.get(n) for n in head)]))
    if eyes and (metric := _common_metric(found)):
        told.sort(key=lambda row: metric.best_first(row[0]))
        head = [f"{name} {metric.arrow}" if name == metric.name else name for name in head]
    return ["sweep", *head], [row for _, row in told]


def _common_metric(found: Sequence[Results]) -> Metric | None:
    metrics = {(one.metric.name, one.metric.mode): one.metric for one in found if one.metric}
    return next(iter(metrics.values())) if len(metrics) == 1 and all(one.metric for one in found) else None


def exported(found: Results) -> Table:
    """Of `res` for programs: the columns of HyperHerd 0.1.3, and the status last (``trial_status`` where a parameter or
    a metric has its name).
    """
    trials = found.snapshot.trials
    names, rows = _values(found, _params(trials), lambda item: item)
    last = "trial_status" if "status" in names else "status"
    told = [[v.index, v.trial.name, *row, v.status.value] for v, row in zip(trials, rows, strict=True)]
    return ["trial_id", "experiment_name", *names, last], told


def _values(
    found: Results, params: Sequence[str], param: Callable[[Any], Any]
) -> tuple[list[str], list[list[Any]]]:
    """The names of these parameters and of all metrics, and each trial's values of them, parameters as ``param`` has
    them.
    """
    trials, metrics = found.snapshot.trials, found.metrics
    nothing: Mapping[str, Any] = {}
    measured = list(dict.fromkeys(name for v in trials for name in metrics.get(v.index, nothing)))
    rows = [
        [
            *(param(v.trial.params[name]) if name in v.trial.params else None for name in params),
            *map(metrics.get(v.index, nothing).get, measured),
        ]
        for v in trials
    ]
    return [*params, *measured], rows


def commands(inspected: Sequence[Inspection], screen: Screen) -> str:
    """What starts each of these trials, and the folder that it has made, where there is one."""
    told = []
    for one in inspected:
        words = [shlex.join(one.command), *([str(one.folder)] if one.folder else [])]
        told += [f"{one.fact.trial.index}", *(f"  {word}" for word in words)]
    return "\n".join([screen.paint("command, and the folder of what it has made", "dim"), *told])


def aligned(head: Sequence[str], rows: Iterable[Sequence[Any]], screen: Screen) -> str:
    """Rows of values for eyes."""
    return table(([numbers.value(item) for item in row] for row in rows), screen, head=head, right=(0,))


def separated(head: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str) -> str:
    """Rows of values for programs: CSV (RFC 4180) or the same with tabs; floats have all of their digits."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_exact(item) for item in row] for row in rows)
    return out.getvalue()


def _exact(item: Any) -> str:
    if isinstance(item, float):
        return repr(item)
    return numbers.value(item)
