"""``herd res``, ``stats`` and ``snapshot``: what the trials wrote and used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from hyperherd.cli import arguments
from hyperherd.engine import outputs
from hyperherd.engine.outputs import Results
from hyperherd.engine.sweep import Look
from hyperherd.errors import SchedulerSilentError, UsageError, nearest
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen


@click.command(
    epilog="\b\nExamples:\n  herd res\n  herd res --best 3\n  herd res --sort accuracy\n"
    "  herd res --steps --format csv > steps.csv"
)
@click.argument("given", nargs=-1, metavar="[WORKSPACE]... [TRIALS]")
@click.option("--steps", is_flag=True, help="Every logged step, a row each.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "tsv", "csv", "json"]),
    help="Default: table on a terminal; else tsv, or csv with --steps.",
)
@click.option("--sort", "by", metavar="METRIC", help="Best (largest) first; -METRIC for smallest first.")
@arguments.number(
    "--best", "count", default=0, help="Only the N best trials, with command and folder of each."
)
@click.option(
    "--last", is_flag=True, help="Use the last value of metrics with steps, whatever the YAML says."
)
@arguments.where
@arguments.as_json
def res(  # noqa: PLR0913  # click's way to hand options over
    given: tuple[str, ...],
    steps: bool,
    form: str | None,
    by: str | None,
    count: int,
    last: bool,
    where: str | None,
    as_json: bool,
) -> None:
    """Show parameters and metrics of each trial, on a terminal the best first, by `metric` of the YAML; of several
    workspaces in one table.
    """
    form = "json" if as_json else form or _usual(steps)
    if sweeps := arguments.several(given):
        if steps or count:
            raise UsageError("--steps and --best are for one sweep", hint="name one folder")
        looks = [sweep.look(where=where) for sweep in sweeps]
        arguments.warn(line for look in looks for line in look.snapshot.warnings)
        found = [_compared(look, by, count, last, form) for look in looks]
        head, table = tables.together(found, eyes=form == "table")
        _print(form, documents.res_of_several(found) if form == "json" else None, head, table)
        return
    look = arguments.look(given, where)
    shown = (
        Results(look.snapshot, {}) if steps and not (by or count) else _compared(look, by, count, last, form)
    )
    if by or count or form == "table":
        shown = shown.best_first()
    shown = shown.first(count) if count else shown
    if not shown.snapshot.trials:
        click.echo(tables.none(shown.snapshot), err=True)
    if steps:
        rows = outputs.steps(look.workspace, [view.index for view in shown.snapshot.trials])
        document = documents.steps(rows) if form == "json" else None
        _print(form, document, documents.STEP, documents.step_rows(rows))
        return
    head, table = (tables.results if form == "table" else tables.exported)(shown)
    _print(form, documents.res(shown) if form == "json" else None, head, table)
    if count and form == "table" and shown.snapshot.trials:
        click.echo(tables.commands([look.inspect(view) for view in shown.snapshot.trials], Screen.of()))


def _usual(steps: bool) -> str:
    """The form where none was asked for: through a pipe those of HyperHerd 0.1.3, which scripts read."""
    if sys.stdout.isatty():
        return "table"
    return "csv" if steps else "tsv"


def _compared(look: Look, by: str | None, count: int, last: bool, form: str) -> Results:
    """What was measured of the trials, to be compared by the YAML's metric, or by another; through a pipe without the
    metrics that were logged with steps alone, which HyperHerd 0.1.3's columns do not have, unless they were asked for.

    Raises `UsageError` for a metric that nobody has logged, and where the best are wanted and nobody says of what.
    """
    found = look.results(last=last, streams=form == "table" or last or bool(by))
    if by:
        found = replace(found, metric=_named(by, found.metrics))
        if found.metric and found.metric.name in found.alone:
            name = found.metric.name
            click.echo(
                f"{name} was logged with steps alone: what counts is each trial's last value", err=True
            )
    if count and found.metric is None:
        hint = "metric: {name: val_acc, mode: max} in the YAML, or --sort METRIC"
        raise UsageError("--best: by which metric?", hint=hint)
    return found if form == "table" or last else found.without_steps()


def _named(by: str, metrics: outputs.Metrics) -> Metric:
    known = {name for found in metrics.values() for name in found}
    name = next((one for one in (by, by.removeprefix("-")) if one in known), None)
    if name is None:
        hint = nearest(by, known) or (
            f"there are {', '.join(sorted(known))}" if known else "nothing was logged yet"
        )
        raise UsageError(f"--sort {by}: no such metric", hint=hint)
    return Metric(name, "max" if name == by else "min")


def _print(form: str, document: object, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if form == "json":
        arguments.print_json(document)
    elif form == "table":
        click.echo(tables.aligned(head, rows, Screen.of()))
    else:
        click.echo(tables.separated(head, rows, "\t" if form == "tsv" else ","), nl=False)


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
    arguments.print_json(documents.everything(look.snapshot, used, look.finals(), errors))
