"""``herd tail``, ``res``, ``stats`` and ``snapshot``: what the trials wrote and used."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial

import click

from hyperherd.cli import selection, words
from hyperherd.engine import observe, reading, waiting
from hyperherd.engine import snapshot as snapshots
from hyperherd.engine.reading import STDERR, STDOUT
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.errors import SchedulerSilentError, UsageError, nearest
from hyperherd.sweep.trial import LIVE, Status, number_of
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen

FOLLOW_S = 0.5
_number = partial(click.option, type=click.IntRange(0), metavar="N", default=20, show_default=True)


@click.command(
    epilog="\b\nExamples:\n  herd tail 3\n  herd tail my_sweep 3 -n 100 --stderr\n  herd tail 3 -f"
)
@words.workspace_and_trial
@_number("-n", "--lines", "count", help="How many lines.")
@click.option("--stdout", "only", flag_value=STDOUT, help="Only what it wrote to stdout.")
@click.option("--stderr", "only", flag_value=STDERR, help="Only what it wrote to stderr.")
@click.option("-f", "--follow", is_flag=True, help="Go on as it writes, until it ends or Ctrl-C.")
@click.option("--task", type=int, metavar="N", help="Of a trial whose script is an array: this task of it.")
@words.as_json
def tail(
    given: tuple[str, ...], count: int, only: str | None, follow: bool, task: int | None, as_json: bool
) -> None:
    """Show the end of a trial's output, and Slurm's own last words."""
    selected = selection.select(given, only_one=True)
    view = selected.snapshot.trials[0]
    fact = selected.known.facts[view.index]
    if task is not None:
        view = snapshots.of_task(selected.workspace, fact, task)
    elif fact.tasks:
        click.echo(f"task {number_of(view.part)} of {len(fact.tasks)}; another with --task", err=True)
    streams = reading.tails(selected.workspace, view, count, (only,) if only else (STDOUT, STDERR))
    if as_json:
        words.print_json(documents.tail(view, streams, count))
        return
    several = sum(bool(lines) for _, lines in streams.values()) > 1
    for name, (path, lines) in streams.items():
        if lines is None and len(streams) == 1:
            raise reading.no_log(view, path)
        if several and lines:
            click.echo(f"==> {name} <==")
        for line in lines or ():
            click.echo(line)
    if all(lines is None for _, lines in streams.values()):
        click.echo(f"trial {view.index} is {view.status} and has written nothing yet", err=True)
    if follow:
        _follow(selected, view, only or STDOUT)


def _follow(selected: selection.Selected, view: TrialView, stream: str) -> None:
    """Lines as they come, until a look (seldom, where Slurm is asked) finds that the trial has ended."""
    record = selected.known.facts[view.index].submission
    if view.status not in LIVE or record is None:
        return
    pause_s = max(waiting.pause_s(record.launcher), FOLLOW_S)
    going_on = reading.going_on(selected.workspace, selected.launchers, selected.known, view.index, pause_s)

    def wait() -> bool:
        time.sleep(FOLLOW_S)
        return going_on()

    for line in reading.follow(selected.workspace, view.part, stream, wait):
        click.echo(line)


@click.command(
    epilog="\b\nExamples:\n  herd res\n  herd res --sort accuracy\n  herd res --steps --format csv > steps.csv"
)
@words.workspace_and_trials
@click.option("--steps", is_flag=True, help="Every logged step, a row each.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "tsv", "csv", "json"]),
    help="Default: a table on a terminal, else tsv.",
)
@click.option("--sort", "by", metavar="METRIC", help="Best (largest) first; -METRIC for smallest first.")
@words.where
@words.as_json
def res(
    given: tuple[str, ...], steps: bool, form: str | None, by: str | None, where: str | None, as_json: bool
) -> None:
    """Show parameters and metrics of each trial."""
    selected = selection.select(given, where)
    form = "json" if as_json else form or ("table" if sys.stdout.isatty() else "tsv")
    if steps:
        rows = reading.steps(selected.workspace, selected.indices)
        document = documents.steps(rows) if form == "json" else None
        _print(form, document, documents.STEP, rows)
        return
    wanted = set(selected.indices)
    metrics = {i: m for i, m in reading.finals(selected.workspace).items() if i in wanted}
    shown = _sorted(selected.snapshot, metrics, by) if by else selected.snapshot
    head, table = tables.results(shown, metrics)
    _print(form, documents.res(shown, metrics) if form == "json" else None, head, table)


def _sorted(shown: Snapshot, metrics: reading.Metrics, by: str) -> Snapshot:
    known = {name for found in metrics.values() for name in found}
    if by.lstrip("-") not in known and by not in known:
        hint = nearest(by, known) or (
            f"there are {', '.join(sorted(known))}" if known else "nothing was logged yet"
        )
        raise UsageError(f"--sort {by}: no such metric", hint=hint)
    return reading.best_first(shown, metrics, by)


def _print(form: str, document: object, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if form == "json":
        words.print_json(document)
    elif form == "table":
        click.echo(tables.aligned(head, rows, Screen.of()))
    else:
        click.echo(tables.separated(head, rows, "\t" if form == "tsv" else ","), nl=False)


@click.command(epilog="\b\nExamples:\n  herd stats\n  herd stats 0-3 --json")
@words.workspace_and_trials
@words.where
@words.as_json
def stats(given: tuple[str, ...], where: str | None, as_json: bool) -> int:
    """Show time and memory used, as Slurm or this machine measured it."""
    selected = selection.select(given, where)
    try:
        used = observe.usage(selected.workspace, selected.known, selected.launchers, selected.indices)
    except SchedulerSilentError:
        if not selected.known.warnings:
            raise
        return 1  # it was said already
    if as_json:
        words.print_json(documents.stats(selected.snapshot, used))
    else:
        click.echo(tables.stats(selected.snapshot, used, Screen.of()) or "no trials yet: herd run")
    return 0


@click.command("snapshot", epilog="\b\nExample:\n  herd snapshot | jq .totals")
@words.only_workspace
@_number("-n", "--lines", "count", help="Lines of stderr of a failed trial.")
@_number("--max-failed", help="Failed trials whose stderr is shown.")
def snapshot(given: tuple[str, ...], count: int, max_failed: int) -> None:
    """Print one JSON document with all of it: status, usage, metrics, the stderr of what failed."""
    words.read(given)  # a word that is no workspace is refused
    selected = selection.select(given, lines=True)
    try:
        used = observe.usage(selected.workspace, selected.known, selected.launchers, selected.indices)
    except SchedulerSilentError as silent:
        words.warn([str(silent)])
        used = {}
    failed = [view for view in selected.snapshot.trials if view.status is Status.FAILED][:max_failed]
    errors = [reading.failed_stderr(selected.workspace, view.part, count) for view in failed]
    words.print_json(
        documents.everything(selected.snapshot, used, reading.finals(selected.workspace), errors)
    )
