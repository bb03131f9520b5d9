"""``herd doctor``."""

from __future__ import annotations

import re

import click

from hyperherd.cli import runs, words
from hyperherd.engine import doctor as asking
from hyperherd.engine import places
from hyperherd.engine.describe import describe
from hyperherd.engine.doctor import Question
from hyperherd.errors import UsageError
from hyperherd.requirements.amounts import seconds_in
from hyperherd.views import doctoring
from hyperherd.views.columns import Screen


@click.command(
    epilog="\b\nExamples:\n  herd doctor\n  herd doctor my_sweep --slurm partition=gpu\n  herd doctor --on local"
)
@click.argument("given", nargs=-1, metavar="[WORKSPACE|SCRIPT]")
@runs.ON
@runs.COMPUTE
@runs.SLURM
@click.option("--timeout", default="10m", metavar="TIME", help="Wait so long for the job (default: 10m).")
@words.as_json
def doctor(
    given: tuple[str, ...], place: str, compute: str, options: tuple[str, ...], timeout: str, as_json: bool
) -> int:
    """Find what would fail on a node before it does: the launch script's Python, its packages, its folder.

    The launch script runs up to its training, here and in a job of one minute; instead of the training, what it would
    find is looked at, and compared. Exit code 1 where something would fail.
    """
    wish = runs.wish(place, compute, options)
    timeout_s = _seconds(timeout)
    found = words.read(given)
    question = Question(found.workspace, describe(found.workspace), places.launchers(), wish, timeout_s)
    with runs.or_here(place):
        planned = asking.plan(question)
        if planned.on_a_node:
            click.echo("Looking here, then on a node by a job of one minute ...", err=True)
        diagnosed = asking.examine(question, planned)
    if as_json:
        words.print_json(doctoring.document(diagnosed, str(question.launch), planned.command))
    else:
        click.echo(doctoring.table(diagnosed, Screen.of()))
    for line in doctoring.told(diagnosed):
        click.echo(line, err=True)
    return 0 if diagnosed.well else 1


def _seconds(text: str) -> float:
    """A time such as ``10m``. Raises `UsageError`.

    >>> _seconds("1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([a-zA-Z]+)", text.strip(), re.ASCII)
    factor = seconds_in(found[2]) if found else None
    if found is None or factor is None or not float(found[1]):
        raise UsageError(f"--timeout {text}: no time", hint="such as 10m, 90s or 1h")
    return float(found[1]) * factor
