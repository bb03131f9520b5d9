"""``herd drill``."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import click

from hyperherd.cli import agreement, arguments, runs
from hyperherd.drill import running as drills
from hyperherd.drill.resumption import Terms
from hyperherd.drill.running import Drill, Request
from hyperherd.engine.facts import Fact
from hyperherd.engine.sweep import meant
from hyperherd.errors import GrammarError, HerdError, UsageError
from hyperherd.grammar import values
from hyperherd.sweep import selection
from hyperherd.sweep.trial import LIVE, Trial, Value
from hyperherd.views import drill as view
from hyperherd.views.columns import Screen

EXAMPLES = "\b\nExamples:\n  herd drill\n  herd drill my_sweep 3 --set steps=500 --slurm time=10\n  herd drill --kill9"


@click.command(epilog=EXAMPLES)
@click.argument("given", nargs=-1, metavar="[WORKSPACE] [TRIAL]")
@runs.ON
@runs.COMPUTE
@runs.SLURM
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="An override in both runs, such as steps=500.",
)
@click.option("--seed", type=int, metavar="N", help="Kill it at the same step again.")
@click.option("--kill9", is_flag=True, help="A crash: SIGKILL, of which nobody is told.")
@click.option("--ignore", multiple=True, metavar="METRIC", help="Do not compare these, such as 'time/*'.")
@click.option(
    "--rtol",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="X",
    help="So far may numbers differ, in proportion.",
)
@click.option("--keep", is_flag=True, help="Keep the logs and results of both runs.")
@arguments.as_json
def drill(given: tuple[str, ...], as_json: bool, seed: int | None, **options: Any) -> int:
    """Run a trial straight, then cut it short and let it resume; say whether both end on the same numbers.

    The signal is the one that Slurm sends before the time limit. The trial's own runs are not touched.
    """
    found = arguments.read(given, trials=True)
    sweep, description = found.sweep, found.sweep.describe()
    free, known = drills.choose(sweep, description)
    request = Request(
        seed=random.SystemRandom().randrange(10**6) if seed is None else seed,
        wish=runs.wish(options["place"], options["compute"], options["options"]),
        overrides=dict(map(_override, options["overrides"])),
        crash=options["kill9"],
        keep=options["keep"],
        terms=Terms(options["ignore"], options["rtol"]),
    )
    trial = _one(found, free, known)
    with agreement.as_ctrl_c(), runs.or_here(options["place"]):
        report = drills.run(Drill(sweep, description, trial, request, _tell))
    if as_json:
        arguments.print_json(view.document(report))
    else:
        click.echo(view.text(report, Screen.of()))
    return runs.REFUSED if report.faults else runs.DONE


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _one(found: arguments.Words, trials: Sequence[Trial], facts: Mapping[int, Fact]) -> Trial:
    """The trial that was named, else the first. Raises `HerdError`, `UsageError`."""
    if not found.trials:
        if trials:
            return trials[0]
        raise HerdError("every trial is submitted or runs", hint="wait until one has ended: herd status")
    live = [fact.trial for fact in facts.values() if fact.status in LIVE]
    chosen = selection.named(found.trials, [*trials, *live], meant)
    if len(chosen) != 1:
        raise UsageError(f"{len(chosen)} trials, where one is wanted", hint="name it by its number")
    for one in trials:
        if one.index == chosen[0]:
            return one
    raise HerdError(
        f"trial {chosen[0]} is {facts[chosen[0]].status}, and a drill of it might use its files",
        hint="drill another one",
    )


def _override(word: str) -> tuple[str, Value]:
    name, equals, text = word.partition("=")
    if not name or not equals:
        raise UsageError(f"--set {word}: not NAME=VALUE", hint="such as --set steps=500")
    try:
        return name, values.read(text)
    except GrammarError as error:
        raise UsageError(f"--set {word}: {error}") from error
