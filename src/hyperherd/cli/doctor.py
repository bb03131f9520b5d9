"""``herd doctor``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import click

from hyperherd.cli import agreement, arguments, runs
from hyperherd.doctor import asking
from hyperherd.doctor.asking import Question
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import UsageError
from hyperherd.requirements.amounts import seconds_in
from hyperherd.views import doctoring
from hyperherd.views.columns import Screen
from hyperherd.workspace import folder, layout
from hyperherd.workspace.folder import Workspace


@click.command(
    epilog="\b\nExamples:\n  herd doctor\n  herd doctor my_sweep --slurm partition=gpu\n  herd doctor --on local"
)
@click.argument("given", nargs=-1, metavar="[WORKSPACE|SCRIPT]")
@runs.ON
@runs.COMPUTE
@runs.SLURM
@click.option("--timeout", default="10m", metavar="TIME", help="Wait so long for the job (default: 10m).")
@arguments.as_json
def doctor(
    given: tuple[str, ...], place: str, compute: str, options: tuple[str, ...], timeout: str, as_json: bool
) -> int:
    """Find what would fail on a node before it does: the launch script's Python, its packages, its folder.

    The launch script runs up to its training, here and in a job of one minute; instead of the training, what it would
    find is looked at, and compared. Exit code 1 where something would fail.
    """
    wish = runs.wish(place, compute, options)
    timeout_s = _seconds(timeout)
    sweep = Sweep(_workspace(given))
    question = Question(sweep, sweep.describe(), wish, timeout_s)
    with agreement.as_ctrl_c(), runs.or_here(place):
        planned = asking.plan(question)
        if planned.on_a_node:
            click.echo("Looking here, then on a node by a short job ...", err=True)
        diagnosed = asking.examine(question, planned)
    if as_json:
        arguments.print_json(doctoring.document(diagnosed, str(question.launch), planned.command))
    else:
        click.echo(doctoring.table(diagnosed, Screen.of()))
    for line in doctoring.told(diagnosed):
        click.echo(line, err=True)
    return 0 if diagnosed.well else 1


def _workspace(given: Sequence[str]) -> Workspace:
    """A script needs not have been run by herd to be looked at. That of a sweep means the sweep."""
    if len(given) == 1 and os.path.isfile(given[0]) and os.path.basename(given[0]) != layout.CONFIG:
        script = Path(given[0])
        return _sweep_beside(script) or folder.of_script(script)
    return arguments.read(given).workspace


def _sweep_beside(script: Path) -> Workspace | None:
    """The sweep in the script's folder, if this is its launch script. Raises `ConfigError`."""
    if not (script.parent / layout.CONFIG).is_file():
        return None
    workspace = folder.find(script.parent)
    launch = workspace.root / Sweep(workspace).describe().spec.launcher
    return workspace if launch.exists() and launch.samefile(script) else None


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
