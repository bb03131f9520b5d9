"""``herd res``, ``stats`` and ``snapshot``: what the trials wrote and used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from hyperherd.cli import arguments
from hyperherd.engine import outputs
from hyperherd.engine.compared import Metrics, Results
from hyperherd.engine.sweep import Look
from hyperherd.errors import SchedulerSilentError, UsageError, nearest
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, result_tables, tables
from hyperherd.views.columns import Screen


@click.command(
    epilog="\b\nExamples:\n  herd res\n  herd res --best 3\n  herd res --sort accuracy\n"
    "  herd res --over seed\n  herd res --plot curves\n  herd res --steps --format csv > steps.csv"
)
@click.argument("given", nargs=-1, metavar="[WORKSPACE]... [TRIALS]")
@click.option("--steps", is_flag=True, help="Every logged step, a row each.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "tsv", "csv", "json", "parquet"]),
    help="Default: table on a terminal; else tsv, or csv with --steps.",
)
@click.option("--sort", "by", metavar="METRIC", help="Best (largest) first; -METRIC for smallest first.")
@arguments.number(
    "--best", "count", default=0, help="Only the N best trials, with command and folder of each."
)
@click.option(
    "--last", is_flag=True, help="Use the last value of metrics with steps, whatever the YAML says."
)
@click.option(
    "--group/--no-group",
    default=None,
    help="Take trials that only repeat each other (`repeat` of the YAML) together, or not; on a terminal it is done.",
)
@click.option(
    "--over", multiple=True, metavar="PARAMETER", help="Group, as if the YAML had this parameter in `repeat`."
)
@click.option(
    "--plot",
    type=click.Choice(["curves", "scatter", "best"]),
    help="Draw the metric: by step, by parameter, or the best so far by time.",
)
@arguments.where
@arguments.as_json
def res(given: tuple[str, ...], where: str | None, as_json: bool, form: str | None, **options: Any) -> None:
    """Show parameters and metrics of each trial, on a terminal the best first, by `metric` of the YAML; of several
    workspaces in one table.
    """
    form = "json" if as_json else form or ("table" if options["plot"] else _usual(options["steps"]))
    how = _How(form, **options)
    how.check()
    if sweeps := arguments.several(given):
        _of_several([sweep.look(where=where) for sweep in sweeps], how)
        return
    look = arguments.look(given, where)
    if not look.snapshot.trials:
        click.echo(tables.none(look.snapshot), err=True)
    if how.plot:
        _plot(look, how)
    elif how.steps:
        _steps(look, how)
    else:
        _results(look, how)


@dataclass(frozen=True)
class _How:
    """What was typed."""

    form: str
    steps: bool
    by: str | None
    count: int
    last: bool
    group: bool | None
    over: tuple[str, ...]
    plot: str | None

    def check(self) -> None:
        """Raise `UsageError` for options that contradict each other."""
        if self.steps and (self.grouped or self.plot):
            raise UsageError("--steps shows each step of each trial", hint="leave the other option out")
        if self.over and self.group is False:
            raise UsageError("--over groups, --no-group does not", hint="one of the two")
        if self.form == "parquet" and sys.stdout.isatty():
            raise UsageError("parquet is for files", hint="herd res --format parquet > results.parquet")
        if self.plot and self.form != "table":
            raise UsageError("--plot draws on a terminal", hint="leave --format out")

    @property
    def grouped(self) -> bool:
        """Whether it was asked for."""
        return bool(self.group or self.over)

    def groups(self, found: Results) -> bool:
        """Whether trials that only repeat each other are shown together: on a terminal, unless it is not wanted."""
        usual = self.form == "table" and bool(found.repeats)
        return self.grouped or (usual if self.group is None else self.group)


def _results(look: Look, how: _How) -> None:
    found = _compared(look, how)
    ordered = bool(how.by or how.count or how.form == "table")
    if how.groups(found):
        settings = found.settings_best_first() if ordered else found.settings()
        settings = settings[: how.count or None]
        shown = found.of([view for one in settings for view in one.trials])
        rows = result_tables.settings if how.form == "table" else result_tables.exported_settings
        document = partial(documents.res, found, settings)
        table = rows(found, settings)
    else:
        shown = found.best_first() if ordered else found
        shown = shown.of(shown.snapshot.trials[: how.count]) if how.count else shown
        document = partial(documents.res, shown)
        table = (result_tables.results if how.form == "table" else result_tables.exported)(shown)
    _print(how.form, document, *table)
    if how.count and how.form == "table" and shown.snapshot.trials:
        inspected = [look.inspect(view) for view in shown.snapshot.trials]
        click.echo(result_tables.commands(inspected, Screen.of()))


def _of_several(looks: Sequence[Look], how: _How) -> None:
    if how.steps or how.count or how.grouped or how.plot:
        raise UsageError(
            "--steps, --best, --group, --over and --plot are for one sweep", hint="name one folder"
        )
    arguments.warn(line for look in looks for line in look.snapshot.warnings)
    found = [_compared(look, how) for look in looks]
    table = result_tables.together(found, eyes=how.form == "table")
    _print(how.form, partial(documents.res_of_several, found), *table)


def _steps(look: Look, how: _How) -> None:
    views = look.snapshot.trials
    if how.by or how.count:
        found = _compared(look, how).best_first()
        views = found.snapshot.trials[: how.count or None]
    rows = outputs.steps(look.workspace, [view.index for view in views])
    _print(how.form, partial(documents.steps, rows), documents.STEP, documents.step_rows(rows))


def _plot(look: Look, how: _How) -> None:
    found = _compared(look, how)
    if found.metric is None:
        raise UsageError("--plot: of which metric?", hint=_NAMES_A_METRIC)
    from hyperherd.views import plots  # takes 0.1 s to load

    steps = outputs.steps(look.workspace, look.indices, found.metric.name)
    click.echo(plots.draw(how.plot or "", found, steps, Screen.of()))


_NAMES_A_METRIC = "metric: {name: val_acc, mode: max} in the YAML, or --sort METRIC"


def _usual(steps: bool) -> str:
    """The form where none was asked for: through a pipe those of HyperHerd 0.1.3, which scripts read."""
    if sys.stdout.isatty():
        return "table"
    return "csv" if steps else "tsv"


def _compared(look: Look, how: _How) -> Results:
    """What was measured of the trials, to be compared by the YAML's metric, or by another; through a pipe without the
    metrics that were logged with steps alone, which HyperHerd 0.1.3's columns do not have, unless they were asked for.

    Raises `UsageError` for a metric that nobody has logged, and where the best are wanted and nobody says of what.
    """
    eyes = how.form == "table"
    found = look.results(last=how.last, streams=eyes or how.last or bool(how.by))
    if how.over:
        found = replace(found, repeats=_parameters(how.over, found))
    if how.by:
        found = replace(found, metric=_named(how.by, found.metrics))
        if found.metric and found.metric.name in found.alone:
            name = found.metric.name
            click.echo(
                f"{name} was logged with steps alone: what counts is each trial's last value", err=True
            )
    if how.count and found.metric is None:
        raise UsageError("--best: by which metric?", hint=_NAMES_A_METRIC)
    return found if eyes or how.last else found.without_steps()


def _parameters(names: Sequence[str], found: Results) -> tuple[str, ...]:
    """Raises `UsageError` for a name that no trial has."""
    known = {name for view in found.snapshot.trials for name in view.trial.params}
    for name in names:
        if known and name not in known:
            hint = nearest(name, known) or f"the parameters are {', '.join(sorted(known))}"
            raise UsageError(f"--over {name}: no such parameter", hint=hint)
    return tuple(names)


def _named(by: str, metrics: Metrics) -> Metric:
    known = {name for found in metrics.values() for name in found}
    name = next((one for one in (by, by.removeprefix("-")) if one in known), None)
    if name is None:
        hint = nearest(by, known) or (
            f"there are {', '.join(sorted(known))}" if known else "nothing was logged yet"
        )
        raise UsageError(f"--sort {by}: no such metric", hint=hint)
    return Metric(name, "max" if name == by else "min")


def _print(
    form: str, document: Callable[[], object], head: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if form == "json":
        arguments.print_json(document())
    elif form == "table":
        click.echo(result_tables.aligned(head, rows, Screen.of()))
    elif form == "parquet":
        from hyperherd.views import frames

        sys.stdout.buffer.write(frames.parquet(head, rows))
    else:
        click.echo(result_tables.separated(head, rows, "\t" if form == "tsv" else ","), nl=False)


@click.command(epilog="\b\nExamples:\n  herd stats\n  herd stats 0-3 --json")
@arguments.workspace_and_trials
@arguments.where
@arguments.as_json
def stats(given: tuple[str, ...], where: str | None, as_json: bool) -> int:
    """Show time and memory used, as Slurm or this machine measured it."""
    look = arguments.look(given, where)
    try:
        used = look.usage()
    except SchedulerSilentError:
        if not look.known.warnings:
            raise
        return 1  # it was said already
    if as_json:
        arguments.print_json(documents.stats(look.snapshot, used))
    else:
        click.echo(tables.stats(look.snapshot, used, Screen.of()))
    return 0


@click.command("snapshot", epilog="\b\nExample:\n  herd snapshot | jq .totals")
@arguments.only_workspace
@arguments.number("-n", "--lines", "count", help="Lines of stderr of a failed trial.")
@arguments.number("--max-failed", help="Failed trials whose stderr is shown.")
def snapshot(given: tuple[str, ...], count: int, max_failed: int) -> None:
    """Print one JSON document with all of it: status, usage, metrics, the stderr of what failed."""
    arguments.read(given)  # a word that is no workspace is refused
    look = arguments.look(given, lines=True)
    try:
        used = look.usage()
    except SchedulerSilentError as silent:
        arguments.warn([str(silent)])
        used = {}
    failed = [view for view in look.snapshot.trials if view.status is Status.FAILED][:max_failed]
    errors = [outputs.failed_stderr(look.workspace, view.unit, count) for view in failed]
    arguments.print_json(documents.everything(look.dashboard(every_time=True), used, look.finals(), errors))
