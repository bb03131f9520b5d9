"""``herd tail``: what a trial wrote, and what it goes on to write."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from hyperherd.cli import arguments
from hyperherd.engine import outputs
from hyperherd.engine import snapshot as snapshots
from hyperherd.engine.outputs import STDERR, STDOUT
from hyperherd.engine.snapshot import TrialView
from hyperherd.engine.sweep import Look
from hyperherd.errors import UsageError
from hyperherd.sweep.trial import LIVE
from hyperherd.views import documents
from hyperherd.views.columns import Screen, cut
from hyperherd.workspace import logs
from hyperherd.workspace.logs import Grown

FOLLOW_S = 0.5


@click.command(
    epilog="\b\nExamples:\n  herd tail 3\n  herd tail my_sweep 3 -n 100 --stderr\n  herd tail 3 -f"
)
@arguments.workspace_and_trial
@arguments.number("-n", "--lines", "count", help="How many lines.")
@click.option("--stdout", "only", flag_value=STDOUT, help="Only what it wrote to stdout.")
@click.option("--stderr", "only", flag_value=STDERR, help="Only what it wrote to stderr.")
@click.option("-f", "--follow", is_flag=True, help="Go on as it writes to either, until it ends or Ctrl-C.")
@click.option("--task", type=int, metavar="N", help="Of a trial whose script is an array: this task of it.")
@arguments.as_json
def tail(
    given: tuple[str, ...], count: int, only: str | None, follow: bool, task: int | None, as_json: bool
) -> None:
    """Show the end of a trial's output, and Slurm's own last words."""
    if follow and as_json:
        raise UsageError("--follow with --json: a document has an end", hint="one of the two")
    look = arguments.look(given, only_one=True)
    view = look.one()
    fact = look.fact(view)
    if task is not None:
        view = snapshots.of_task(look.workspace, fact, task)
    elif fact.tasks:
        click.echo(f"task {view.unit.number} of {len(fact.tasks)}; another with --task", err=True)
    paths = outputs.sources(look.workspace, view, (only,) if only else (STDOUT, STDERR))
    if as_json:
        arguments.print_json(documents.tail(view, outputs.tails(paths, count), count))
    elif follow and view.status in LIVE:
        follow_to_its_end(look, view, paths, count)
    else:
        _show(view, paths, count)


def _show(view: TrialView, paths: Mapping[str, Path], count: int) -> None:
    """The ends of the logs. Raises `HerdError` where only one was asked for and it is not there."""
    streams = outputs.tails(paths, count)
    path, lines = next(iter(streams.values()))
    if lines is None and len(streams) == 1:
        raise outputs.no_log(view, path)
    _say_if_empty(view, paths)
    page = _Page(paths, headed=sum(bool(lines) for _, lines in streams.values()) > 1)
    for name, (_, lines) in streams.items():
        for line in lines or ():
            page.show(Grown(name, line))


def follow_to_its_end(look: Look, view: TrialView, paths: Mapping[str, Path], count: int) -> None:
    """Lines as they come, until a look (seldom, where Slurm is asked) finds that the trial has ended."""
    _say_if_empty(view, paths)
    page = _Page(paths, headed=len(paths) > 1)
    begin = {}
    for name, path in paths.items():
        lines, position = logs.so_far(path, count)
        begin[name] = (path, position)
        for line in lines:
            page.show(Grown(name, line))
    going_on = look.going_on(view, FOLLOW_S)

    def wait() -> bool:
        time.sleep(FOLLOW_S)
        return going_on()

    for grown in logs.follow(begin, wait):
        page.show(grown)


def _say_if_empty(view: TrialView, paths: Mapping[str, Path]) -> None:
    if not any(path.exists() for path in paths.values()):
        click.echo(f"trial {view.index} is {view.status} and has written nothing yet", err=True)


class _Page:
    """Lines on stdout, where ``headed`` under the path of the log that they are from, each time it is another one.

    A line without an end, as a progress bar is, stands on a terminal's last line until it has one.
    """

    def __init__(self, paths: Mapping[str, Path], *, headed: bool) -> None:
        self._heads = {name: _from_here(path) for name, path in paths.items()} if headed else {}
        self._last = ""
        self._width = Screen.of().width
        self._open = False

    def show(self, grown: Grown) -> None:
        """One line."""
        if not grown.whole and self._width is None:
            return
        if self._heads and grown.name != self._last:
            self._end_line()
            click.echo(f"{chr(10) if self._last else ''}==> {self._heads[grown.name]} <==")
        self._last = grown.name
        before = "\r\033[K" if self._open else ""
        if grown.whole or self._width is None:
            click.echo(before + grown.text)
        else:
            click.echo(before + cut(grown.text, self._width - 1), nl=False)
        self._open = not grown.whole
        sys.stdout.flush()

    def _end_line(self) -> None:
        if self._open:
            click.echo()
        self._open = False


def _from_here(path: Path) -> str:
    """Relative where it is below the current folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
