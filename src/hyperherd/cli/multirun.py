"""``herd multirun``: a sweep over any sbatch script."""

from __future__ import annotations

from pathlib import Path

import click

from hyperherd import units
from hyperherd.cli import agreement, runs
from hyperherd.cli.runs import How
from hyperherd.engine import scripts
from hyperherd.engine.pieces import RunRequest
from hyperherd.engine.script_sources import ProductSource
from hyperherd.engine.scripts import Call
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import UsageError
from hyperherd.grammar import product
from hyperherd.sweep.plan import Choice
from hyperherd.workspace import folder

MANY = 10_000
"""More combinations than this are asked about; a cluster's controller keeps that many jobs (MaxJobCount)."""


class TakesArguments(click.Command):
    """A command whose option ``--args`` takes all words up to a ``--``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--args" in args:
            begin = args.index("--args")
            if "--" not in args[begin:]:
                raise UsageError(
                    "--args: a -- ends the script's arguments", hint="--args data.yaml 3 -- lr=0.1,0.01"
                )
            end = args.index("--", begin)
            own = [word for argument in args[begin + 1 : end] for word in ("--args", argument)]
            args = [*args[:begin], *own, *args[end + 1 :]]
        return super().parse_args(ctx, args)


@click.command(
    epilog="\b\nExamples:\n  herd multirun sbatch.sh env.num_envs=8,16,32 env.name=HalfCheetah,Reacher\n"
    "  herd multirun sbatch.sh -n lr=0.1,0.01\n"
    "  herd multirun sbatch.sh env=a,b 'seed=__randseed(5)__'\n"
    "  herd multirun sbatch.sh --at 12 lr=0.1,0.01\n"
    "  herd multirun sbatch.sh --args data.yaml 3 -- lr=0.1,0.01\n"
    "  herd status sbatch.sh",
    cls=TakesArguments,
)
@click.argument("script", metavar="SCRIPT")
@click.argument("overrides", nargs=-1, metavar="[KEY=SWEEP]...")
@click.option(
    "--at", default="", metavar="LINE|last", help="The line of the command that gets the overrides."
)
@click.option(
    "--args",
    "arguments",
    multiple=True,
    metavar="WORD... --",
    help="The script's own arguments ($1, ...), up to a --.",
)
@click.option("--seed", type=int, help="Makes random seeds, and the order of shuffle, repeatable.")
@runs.options
def multirun(
    script: str,
    overrides: tuple[str, ...],
    at: str,
    arguments: tuple[str, ...],
    seed: int | None,
    **options: object,
) -> int:
    """Run each combination of a sweep with a script of yours, as one array.

    The overrides are appended to the script's training: the one command that may be it. Where several may, name its
    line with --at, or write {overrides} where they belong. The script's #SBATCH lines are kept. What has succeeded
    before is not run again, what has failed is. herd status, tail, show, res, stats and stop take SCRIPT, too.
    """
    how = How(**options)  # type: ignore[arg-type]  # click gives each option its declared type
    how.check()
    product_ = product.read(overrides, seed=seed)
    loaded = scripts.load(Path(script), Call(folder.absolute(Path(".")), at, arguments))
    if product_.count() > MANY:
        agreement.ask(f"make {units.counted(product_.count(), 'trial')}", how.yes)
    sweep = Sweep(folder.of_script(loaded.path))
    click.echo(f"overrides go to {loaded.place.told}", err=True)
    for note in (*product_.notes(), *loaded.notes):
        click.echo(f"note: {note}", err=True)
    request = RunRequest(how.wish(), Choice(lost=how.lost), how.at_once, how.after, how.requeue)
    description = sweep.describe(source=ProductSource(loaded, product_))
    return runs.carry_out(sweep, sweep.asked(description, request), how)
