"""``herd ls``, ``status`` and ``show``: how the trials stand."""

from __future__ import annotations

import sys
import time

import click

from hyperherd.cli import selection, words
from hyperherd.engine import inspection, observe, places
from hyperherd.engine.describe import describe
from hyperherd.engine.snapshot import Snapshot
from hyperherd.errors import UsageError
from hyperherd.sweep.plan import matches, nobody_has
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen

WATCH_S = 30.0
"""Between two looks of ``status --watch``, where Slurm is asked."""


@click.command(
    epilog="\b\nExamples:\n  herd ls\n  herd ls my_sweep optimizer=adam\n  herd ls --where 'lr > 0.01'"
)
@words.workspace_and_pins
@click.option("-p", "--pin", "pins", multiple=True, metavar="NAME=VALUE", help="Only trials with this value.")
@click.option("--where", metavar="EXPR", help="Only trials for which this holds: 'lr > 0.01'.")
@words.as_json
def ls(given: tuple[str, ...], pins: tuple[str, ...], where: str | None, as_json: bool) -> None:
    """List all trials with their parameters, before the first run too; asks no scheduler."""
    found = words.read(given, pins=pins)
    description = describe(found.workspace, even_if_many=True)
    words.warn(description.spec.notes)
    words.check_pins(found.pins, [parameter.name for parameter in description.spec.parameters])
    listed = [
        one for one in observe.listed(found.workspace, description) if matches(one.trial.params, found.pins)
    ]
    if found.pins and not listed:
        raise nobody_has(found.pins)
    if where:
        kept = selection.holding([one.trial for one in listed], where)
        listed = [one for one in listed if one.trial.index in kept]
    if as_json:
        words.print_json({"trials": [documents.listed(one) for one in listed]})
        return
    click.echo(tables.ls(listed, Screen.of()) or ("no trials match" if where or found.pins else "no trials"))


@click.command(
    epilog="\b\nExamples:\n  herd status\n  herd status -a\n  herd status --where 'status == failed'"
)
@words.workspace_and_trials
@click.option("-b", "--brief", is_flag=True, help="Only the totals.")
@click.option("-a", "--all", "everything", is_flag=True, help="Completed trials too.")
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@words.where
@words.as_json
def status(
    given: tuple[str, ...], brief: bool, everything: bool, watch: bool, where: str | None, as_json: bool
) -> None:
    """Show how every trial is doing: what needs you first, totals last."""
    if watch and as_json:
        raise UsageError("--watch draws on a terminal, --json prints one document", hint="one of the two")
    while True:
        selected = selection.select(given, where, lines=not brief)
        if as_json:
            words.print_json(documents.status(selected.snapshot))
        else:
            fold = not everything and sys.stdout.isatty() and not selected.named
            _draw(selected.snapshot, brief=brief, fold=fold, watch=watch)
        if not watch:
            return
        time.sleep(WATCH_S if places.cluster(places.names()) else 2.0)


def _draw(snapshot: Snapshot, *, brief: bool, fold: bool, watch: bool) -> None:
    screen = Screen.of()
    most = screen.height if watch else None
    drawn = (
        tables.totals(snapshot, screen) if brief else tables.status(snapshot, screen, fold=fold, most=most)
    )
    if watch and screen.colour:
        click.clear()
    click.echo(drawn)


@click.command(epilog="\b\nExample:\n  herd show 3")
@words.workspace_and_trial
@words.as_json
def show(given: tuple[str, ...], as_json: bool) -> None:
    """Show all about one trial: parameters, exact command and environment, attempts, metrics, last error line."""
    selected = selection.select(given, only_one=True)
    view = selected.snapshot.trials[0]
    inspected = inspection.inspect(selected.workspace, selected.known, view.index)
    if as_json:
        words.print_json(documents.shown(view, inspected))
        return
    click.echo(tables.shown(view, inspected, Screen.of()))
