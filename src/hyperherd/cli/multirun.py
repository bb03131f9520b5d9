"""``herd multirun``: a sweep over any sbatch script."""

from __future__ import annotations

from pathlib import Path

import click

from hyperherd import units
from hyperherd.cli import agreement, runs
from hyperherd.cli.runs import How
from hyperherd.engine import describe, launch, places, scripts
from hyperherd.engine import multirun as asking
from hyperherd.engine.launch import Run
from hyperherd.grammar import product
from hyperherd.sweep.plan import Choice
from hyperherd.workspace import folder

MANY = 10_000
"""More combinations than this are asked about; a cluster's controller keeps that many jobs (MaxJobCount)."""


@click.command(
    epilog="\b\nExamples:\n  herd multirun sbatch.sh env.num_envs=8,16,32 env.name=HalfCheetah,Reacher\n"
    "  herd multirun sbatch.sh -n lr=0.1,0.01\n"
    "  herd multirun sbatch.sh env=a,b 'seed=__randseed(5)__'\n"
    "  herd status sbatch.sh"
)
@click.argument("script", metavar="SCRIPT")
@click.argument("overrides", nargs=-1, metavar="[KEY=SWEEP]...")
@click.option("--seed", type=int, help="Makes random seeds, and the order of shuffle, repeatable.")
@runs.options
def multirun(script: str, overrides: tuple[str, ...], seed: int | None, **options: object) -> int:
    """Run each combination of a sweep with a script of yours, as one array.

    The overrides are appended to the script's last command, or stand where it says {overrides}; its #SBATCH lines are
    kept. What has succeeded before is not run again, what has failed is. herd status, tail, show, res, stats and stop
    take SCRIPT, too.
    """
    how = How(**options)  # type: ignore[arg-type]  # click gives each option its declared type
    how.check()
    product_ = product.read(overrides, seed=seed)
    loaded = scripts.load(Path(script), folder.absolute(Path(".")))
    if product_.count() > MANY:
        agreement.ask(f"make {units.counted(product_.count(), 'trial')}", how.yes)
    workspace = folder.of_script(loaded.path)
    for note in (*product_.notes(), *loaded.notes):
        click.echo(f"note: {note}", err=True)
    request = launch.Request(how.wish(), Choice(lost=how.lost), how.at_once, how.after, how.requeue)

    def anew(run: Run) -> Run:
        return asking.ask(workspace, loaded, product_).in_run(run)

    before = describe.of_script(workspace, loaded)
    return runs.carry_out(anew(Run(workspace, before, places.launchers(), request, anew)), how)
