"""``herd res``, ``stats`` and ``snapshot``: what the trials wrote and used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from hyperherd.cli import arguments
from hyperherd.engine import outputs
from hyperherd.engine.snapshot import Snapshot
from hyperherd.engine.sweep import Look
from hyperherd.errors import SchedulerSilentError, UsageError, nearest
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen


@click.command(
    epilog="\b\nExamples:\n  herd res\n  herd res --sort accuracy\n  herd res --steps --format csv > steps.csv"
)
@arguments.workspace_and_trials
@click.option("--steps", is_flag=True, help="Every logged step, a row each.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "tsv", "csv", "json"]),
    help="Default: a table on a terminal, else tsv; of --steps csv.",
)
@click.option("--sort", "by", metavar="METRIC", help="Best (largest) first; -METRIC for smallest first.")
@arguments.where
@arguments.as_json
def res(
    given: tuple[str, ...], steps: bool, form: str | None, by: str | None, where: str | None, as_json: bool
) -> None:
    """Show parameters and metrics of each trial."""
    look = arguments.look(given, where)
    form = "json" if as_json else form or _usual(steps)
    metrics: outputs.Metrics = look.finals() if by or not steps else {}
    shown, metrics = _sorted(look, metrics, by) if by else (look.snapshot, metrics)
    if not shown.trials:
        click.echo(tables.none(shown), err=True)
    if steps:
        rows = outputs.steps(look.workspace, [view.index for view in shown.trials])
        document = documents.steps(rows) if form == "json" else None
        _print(form, document, documents.STEP, documents.step_rows(rows))
        return
    head, table = (tables.results if form == "table" else tables.exported)(shown, metrics)
    _print(form, documents.res(shown, metrics) if form == "json" else None, head, table)


def _usual(steps: bool) -> str:
    """The form where none was asked for: through a pipe those of HyperHerd 0.1.3, which scripts read."""
    if sys.stdout.isatty():
        return "table"
    return "csv" if steps else "tsv"


def _sorted(look: Look, metrics: outputs.Metrics, by: str) -> tuple[Snapshot, outputs.Metrics]:
    """The trials by this metric, and the metrics with it: of one that was logged with steps alone, the last value.

    Raises `UsageError` for a metric that nobody has logged.
    """
    known = {name for found in metrics.values() for name in found}
    streamed = set() if {by, by[1:]} & known else outputs.streamed(look.workspace, look.indices)
    name = next((one for one in (by, by.removeprefix("-")) if one in known | streamed), None)
    if name is None:
        every = known | streamed
        hint = nearest(by, every) or (
            f"there are {', '.join(sorted(every))}" if every else "nothing was logged yet"
        )
        raise UsageError(f"--sort {by}: no such metric", hint=hint)
    if name not in known:
        click.echo(f"{name} was logged with steps alone: what counts is each trial's last value", err=True)
        metrics = outputs.with_last(look.workspace, look.indices, metrics, name)
    return outputs.best_first(look.snapshot, metrics, by), metrics


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
