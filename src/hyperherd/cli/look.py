"""``herd ls``, ``status`` and ``show``: how the trials stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from hyperherd.cli import arguments, tasks_found
from hyperherd.engine import launchers_here, overview
from hyperherd.engine import watch as watching
from hyperherd.engine.shared_looks import Looks
from hyperherd.engine.snapshot import TrialView
from hyperherd.engine.sweep import Look, Sweep
from hyperherd.errors import UsageError
from hyperherd.sweep import selection
from hyperherd.sweep.plan import matches, nobody_has
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen

WATCH_S = 30.0
"""Between two looks of ``status --watch``, where Slurm is asked."""


@click.command(
    epilog="\b\nExamples:\n  herd ls\n  herd ls my_sweep optimizer=adam\n  herd ls --where 'lr > 0.01'"
)
@arguments.workspace_and_pins
@click.option("-p", "--pin", "pins", multiple=True, metavar="NAME=VALUE", help="Only trials with this value.")
@click.option("--where", metavar="EXPR", help="Only trials for which this holds: 'lr > 0.01'.")
@arguments.as_json
def ls(given: tuple[str, ...], pins: tuple[str, ...], where: str | None, as_json: bool) -> None:
    """List all trials with their parameters, before the first run too; asks no scheduler."""
    found = arguments.read(given, pins=pins)
    description = found.sweep.describe()
    arguments.warn(description.spec.notes)
    arguments.check_pins(found.pins, [parameter.name for parameter in description.spec.parameters])
    listed = [one for one in found.sweep.listed(description) if matches(one.trial.params, found.pins)]
    if found.pins and not listed:
        raise nobody_has(found.pins)
    if where:
        kept = selection.holding([one.trial for one in listed], where)
        listed = [one for one in listed if one.trial.index in kept]
    if as_json:
        arguments.print_json({"trials": [documents.listed(one) for one in listed]})
        return
    abbrevs = {parameter.name: parameter.abbrev for parameter in description.spec.parameters}
    shown = tables.ls(listed, Screen.of(), abbrevs)
    click.echo(shown or ("no trials match" if where or found.pins else "no trials"))


@click.command(
    epilog="\b\nExamples:\n  herd status\n  herd status -a\n  herd status --where 'status == failed'"
)
@click.argument("given", nargs=-1, metavar="[WORKSPACE]... [TRIALS]")
@click.option("-b", "--brief", is_flag=True, help="Only the totals.")
@click.option("-a", "--all", "everything", is_flag=True, help="A row for each trial.")
@click.option(
    "--sort", "by", metavar="NAME", help="Rows by a metric or a parameter; -NAME: the other way round."
)
@arguments.number("--limit", default=0, help="At most so many rows.")
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@arguments.where
@arguments.as_json
def status(given: tuple[str, ...], where: str | None, **options: Any) -> None:
    """Show how every trial is doing: the best and what failed, what runs and how far it is. Of several workspaces, one
    after the other; outside of any, how your sweeps are doing.
    """
    form = _Form(**options)
    if form.watch and form.as_json:
        raise UsageError("--watch draws on a terminal, --json prints one document", hint="one of the two")
    show = _shown(given, where, form)
    if not form.watch:
        show()
        return
    elsewhere = launchers_here.cluster(launchers_here.names())
    watching.until_over(_Screen(show), WATCH_S if elsewhere else 2.0)


@dataclass(frozen=True)
class _Screen:
    """What is drawn again and again, until Ctrl-C (`watch.Watched`)."""

    show: Callable[[], object]

    def look(self) -> object:
        return self.show()

    def glance(self) -> object:
        return None

    def over(self) -> bool:
        return False


@dataclass(frozen=True)
class _Form:
    """How it is shown: what was typed."""

    brief: bool
    everything: bool
    by: str | None
    limit: int
    watch: bool
    as_json: bool

    @property
    def looks(self) -> Looks:
        return Looks.shared(WATCH_S) if self.watch else Looks.once()


def _shown(given: Sequence[str], where: str | None, form: _Form) -> Callable[[], object]:
    """What looks and shows, of whatever the words name; it returns what has been seen."""
    if tasks := tasks_found.alone(given):
        return partial(tasks_found.show, tasks[0], as_json=form.as_json)
    if arguments.nowhere(given):
        if where:
            raise UsageError(
                "--where: of which sweep?", hint="name its folder: herd status FOLDER --where ..."
            )
        return partial(_overview, form)
    if sweeps := arguments.several(given):
        return partial(_several, sweeps, where, form)
    return partial(_one, given, where, form)


def _one(given: Sequence[str], where: str | None, form: _Form) -> object:
    look = arguments.look(given, where, lines=not form.brief, looks=form.looks)
    beside = tasks_found.beside(look.workspace, look.sweep.launchers)
    if form.as_json:
        of_tasks = documents.tasks(beside) if beside else {}
        arguments.print_json(documents.status(look.dashboard(every_time=True)) | of_tasks)
        return None
    text = _drawn([look], form)
    _show("\n\n".join([text, *([tables.tasks(beside, Screen.of())] if beside else [])]), form)
    return text


def _several(sweeps: Sequence[Sweep], where: str | None, form: _Form) -> object:
    looks = [sweep.look(where=where, lines=not form.brief, looks=form.looks) for sweep in sweeps]
    arguments.warn(line for look in looks for line in look.snapshot.warnings)
    if form.as_json:
        arguments.print_json(documents.several([look.dashboard(every_time=True) for look in looks]))
        return None
    _show(text := _drawn(looks, form), form)
    return text


def _drawn(looks: Sequence[Look], form: _Form) -> str:
    screen = Screen.of()
    if screen.height and len(looks) > 1:
        screen = replace(screen, height=screen.height // len(looks))
    drawn = []
    for look in looks:
        head = [tables.heading(look.snapshot, screen)] if len(looks) > 1 else []
        drawn.append("\n".join([*head, _body(look, form, screen)]))
    return "\n\n".join(drawn)


def _body(look: Look, form: _Form, screen: Screen) -> str:
    """Through a pipe a line for each trial, as scripts read it."""
    if form.brief:
        return tables.totals(look.snapshot, screen)
    rows = _rows(look, form) if form.by or form.limit else None
    if screen.height is None:
        return tables.status(look.snapshot, screen, rows)
    from hyperherd.views import status as view  # scripts that read a pipe do without

    in_rows = form.everything or look.named or rows is not None
    board = look.dashboard(every_time=in_rows)
    if not in_rows:
        return view.draw(board, screen)
    shown = view.every_row(board, screen, rows)
    return view.cut_to(shown, screen.height) if form.watch else shown


def _rows(look: Look, form: _Form) -> Sequence[TrialView]:
    from hyperherd.engine import compared  # for those who sort

    trials = compared.ordered(look.results(), form.by) if form.by else tables.ordered(look.snapshot)
    return trials[: form.limit or None]


def _show(text: str, form: _Form) -> None:
    if form.watch and Screen.of().colour:
        click.clear()
    click.echo(text)


def _overview(form: _Form) -> None:
    """Raises `HerdError` where no sweep is known."""
    glances, unreadable = overview.sweeps()
    arguments.warn(unreadable)
    if not glances:
        arguments.read(())
    if form.as_json:
        arguments.print_json(documents.overview(glances))
    else:
        _show(tables.overview(glances, Screen.of(), time.time()), form)


@click.command(epilog="\b\nExample:\n  herd show 3")
@arguments.workspace_and_trial
@arguments.as_json
def show(given: tuple[str, ...], as_json: bool) -> None:
    """Show all about one trial: parameters, exact command and environment, attempts, metrics, last error line."""
    look = arguments.look(given, only_one=True)
    view = look.one()
    inspected = look.inspect(view)
    if as_json:
        arguments.print_json(documents.shown(look.dashboard(every_time=True), view, inspected))
        return
    click.echo(tables.shown(view, inspected, Screen.of()))
