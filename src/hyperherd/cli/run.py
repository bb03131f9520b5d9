"""``herd run``."""

from __future__ import annotations

import click

from hyperherd.cli import arguments, runs
from hyperherd.cli.runs import How
from hyperherd.engine.pieces import RunRequest
from hyperherd.sweep import selection
from hyperherd.sweep.plan import Choice

EXAMPLES = "\b\nExamples:\n  herd run -n\n  herd run -j 4 lr=0.1\n  herd run my_sweep --on slurm -i 0-3,5"


@click.command(epilog=EXAMPLES)
@arguments.workspace_and_pins
@click.option("-i", "--indices", metavar="0-3,5", help="Only these trials; lost ones too.")
@click.option("-p", "--pin", "pins", multiple=True, metavar="NAME=VALUE", help="Only trials with this value.")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Keep what the YAML no longer describes as orphans; with -i, run completed trials again.",
)
@click.option("--script", is_flag=True, help="With -n: the whole job script.")
@runs.options
def run(
    given: tuple[str, ...], indices: str | None, pins: tuple[str, ...], force: bool, **options: object
) -> int:
    """Reconcile with hyperherd.yaml and run every trial that has not succeeded yet."""
    how = How(**options)  # type: ignore[arg-type]  # click gives each option its declared type
    how.check()
    found = arguments.read(given, pins=pins)
    sweep, description = found.sweep, found.sweep.describe(even_if_many=how.yes)
    arguments.check_pins(found.pins, [parameter.name for parameter in description.spec.parameters])
    choice = Choice(
        indices=frozenset(selection.indices(indices)) if indices else None,
        pins=found.pins,
        lost=how.lost,
        force=force,
    )
    request = RunRequest(how.wish(), choice, how.at_once, how.after, how.requeue)
    return runs.carry_out(sweep, sweep.asked(description, request), how)
