"""``herd run``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import click

from hyperherd.cli import words
from hyperherd.engine import control, cost, launch, observe, places, placing, waiting
from hyperherd.engine.describe import describe
from hyperherd.engine.launch import Prepared, Run
from hyperherd.engine.reconcile import Known
from hyperherd.errors import SchedulerSilentError, UsageError
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm.options import Value
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, progress, summary
from hyperherd.workspace.submissions import Submission

SHOWN = 1000
"""Trials in a script that is printed for eyes."""

DONE, REFUSED, IN_PART, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class Options:
    """The options of ``herd run`` by their names."""

    given: tuple[str, ...]
    dry_run: bool
    compute: str
    options: tuple[str, ...]
    at_once: int | None
    indices: str | None
    pins: tuple[str, ...]
    force: bool
    lost: bool
    place: str
    detach: bool
    wait: bool
    after: str | None
    requeue: bool | None
    yes: bool
    as_json: bool


EXAMPLES = "\b\nExamples:\n  herd run -n\n  herd run -j 4 lr=0.1\n  herd run my_sweep --on slurm -i 0-3,5"


@click.command(epilog=EXAMPLES)
@words.workspace_and_pins
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option(
    "-j", "--max-concurrent", "at_once", type=click.IntRange(1), metavar="N", help="At most N at once."
)
@click.option("-i", "--indices", metavar="0-3,5", help="Only these trials; lost ones too.")
@click.option("-p", "--pin", "pins", multiple=True, metavar="NAME=VALUE", help="Only trials with this value.")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Keep what the YAML no longer describes as orphans; with -i, run completed trials again.",
)
@click.option("--lost", is_flag=True, help="Submit lost trials again as well.")
@click.option(
    "--on", "place", default="auto", metavar="local|slurm|auto", help="Who runs it (auto: Slurm if there)."
)
@click.option(
    "--compute", default="", metavar="PRESET", help="The compute preset, such as killarney/l40s_1x."
)
@click.option(
    "--slurm",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of sbatch, such as time=4:00:00.",
)
@click.option("--detach", is_flag=True, help="On this machine: leave it running and return.")
@click.option("--wait", is_flag=True, help="On Slurm: return when all trials have ended.")
@click.option("--after", metavar="JOBID|WORKSPACE", help="Start when that one has succeeded.")
@click.option(
    "--requeue/--no-requeue",
    default=None,
    help="Queue trials again by themselves, or not, whatever the YAML says.",
)
@click.option("--yes", is_flag=True, help="Do not ask about a sweep of more than a million trials.")
@words.as_json
def run(**options: object) -> int:
    """Reconcile with hyperherd.yaml and run every trial that has not succeeded yet."""
    asked = Options(**options)  # type: ignore[arg-type]  # click gives each option its declared type
    if asked.wait and asked.detach:
        raise UsageError("--wait stays until all have ended, --detach returns at once", hint="one of the two")
    found = words.read(asked.given, pins=asked.pins)
    description = describe(found.workspace, even_if_many=asked.yes)
    wish = placing.Wish(asked.place, asked.compute, _options(asked.options))
    places.kind(wish.on)
    words.check_pins(found.pins, [parameter.name for parameter in description.spec.parameters])
    choice = Choice(
        indices=frozenset(words.indices(asked.indices)) if asked.indices else None,
        pins=found.pins,
        lost=asked.lost,
        force=asked.force,
    )
    launchers = places.launchers()
    request = launch.Request(wish, choice, asked.at_once, asked.after, asked.requeue)
    task = Run(found.workspace, description, launchers, request)
    try:
        return _dry_run(task, asked) if asked.dry_run else _execute(task, asked)
    except SchedulerSilentError as silent:
        if asked.place != "auto":
            raise
        hint = f"{silent.hint}; or run it on this machine: herd run --on local".removeprefix("; or ")
        raise SchedulerSilentError(silent.what, where=silent.where, hint=hint) from silent


def _options(words_: Sequence[str]) -> dict[str, Value]:
    """``--slurm NAME=VALUE``, by name with ``_``; an empty value takes an option away. Raises `UsageError`."""
    given: dict[str, Value] = {}
    for word in words_:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(f"--slurm {word}: not NAME=VALUE", hint="such as --slurm time=4:00:00")
        given[name.lstrip("-").replace("-", "_")] = value or None
    if faults := sbatch.faults(given):
        first = faults[0]
        raise UsageError(f"--slurm {first.where.removeprefix('slurm.')}: {first.what}", hint=first.hint)
    return given


def _dry_run(task: Run, asked: Options) -> int:
    prepared = launch.prepare(task)
    if asked.as_json:
        words.print_json(documents.run(prepared, [], dry_run=True))
        return DONE
    _announce(task, prepared)
    shown = {piece.place.requires: piece for piece in reversed(prepared.pieces)}
    told = 0
    for piece in reversed(shown.values()):
        batch = piece.batch.only(piece.batch.elements[:SHOWN])
        click.echo(replace(piece, batch=batch).script(), nl=False)
        told += len(batch.elements)
    if rest := len(prepared.plan.submit) - told:
        click.echo(f"({rest:,} more trials are left out here; --json has every script whole)", err=True)
    click.echo("Dry run: nothing was written or submitted.", err=True)
    return DONE


def _announce(task: Run, prepared: Prepared) -> None:
    told = summary.announced(prepared, cost.gpu_hours([piece.batch for piece in prepared.pieces]))
    click.echo(f"{task.description.spec.name}: {told}", err=True)
    if task.description.spec.grid is None and task.description.spec.sample is None:
        click.echo(f"  {summary.other_grid(task.description.spec)}", err=True)
    for line in (*filter(None, summary.placed(prepared.pieces)), *summary.grown(prepared.pieces)):
        click.echo(f"  {line}", err=True)
    for warning in prepared.known.warnings:
        click.echo(f"  note: {warning}", err=True)
    for finding in prepared.findings:
        click.echo(f"  note: {finding.what}\n        {finding.hint}", err=True)


def _execute(task: Run, asked: Options) -> int:
    prepared, made = launch.execute(task, lambda prepared: _announce(task, prepared))
    if asked.as_json:
        words.print_json(documents.run(prepared, made, dry_run=False))
    if not made:
        click.echo(summary.nothing(prepared, task.request.choice), err=True)
        return DONE
    for line in summary.submitted(made):
        click.echo(line, err=True)
    refused = [one for one in made if one.refused]
    going = [one.record for one in made if not one.refused]
    if not going:
        return REFUSED
    if asked.wait if any(record.launcher == "slurm" for record in going) else not asked.detach:
        return max(_follow(task, going), IN_PART if refused else DONE)
    click.echo(f"See how they do: herd status{_named(task)}", err=True)
    return IN_PART if refused else DONE


def _follow(task: Run, made: Sequence[Submission]) -> int:
    """Stay until their trials have ended. Ctrl-C stops those on this machine; on Slurm they go on."""
    going = [index for record in made for index in record.indices]
    here = all(record.launcher == "local" for record in made)
    pause_s = words.seconds_of("HYPERHERD_POLL_S") or waiting.PAUSE_S["local" if here else "slurm"]
    try:
        with progress.bar(going, task.description.spec.name) as show:
            known = waiting.until_ended(task.workspace, task.launchers, going, show, pause_s)
    except KeyboardInterrupt:
        if not here:
            click.echo(
                f"\nLeft; the trials go on. See herd status{_named(task)}, stop them: herd stop{_named(task)} --all",
                err=True,
            )
            return INTERRUPTED
        click.echo(
            "\nStopping the trials (what has not finished runs again at the next herd run) ...", err=True
        )
        control.stop(task.workspace, task.launchers, going)
        return INTERRUPTED
    observe.remember(task.workspace, known)
    return _judge(task, made, known)


def _judge(task: Run, made: Sequence[Submission], known: Known) -> int:
    recorded = {record.token for record in known.submissions}
    going = [index for record in made for index in record.indices]
    kept = [index for record in made if record.token in recorded for index in record.indices]
    ended = [known.facts[index] for index in kept if index in known.facts]
    if gone := len(going) - len(ended):
        click.echo(
            f"{gone} trials are known no longer: somebody has deleted {task.workspace.state} or its manifest",
            err=True,
        )
        return IN_PART
    bad = [fact for fact in ended if fact.status is not Status.COMPLETED]
    told = f"{len(ended) - len(bad)} completed, {len(bad)} not" if bad else f"{len(ended)} completed"
    others = f" (of the {len(ended)} that ran now)" if len(ended) < len(known.facts) else ""
    click.echo(told + others, err=True)
    for fact in bad[:10]:
        reason = f" ({fact.reason})" if fact.reason else ""
        click.echo(f"  {fact.trial.index}: {fact.status}{reason}  {fact.trial.name}", err=True)
    if bad:
        click.echo(
            f"Look at one: herd tail{_named(task)} {bad[0].trial.index}; run them again: herd run{_named(task)}",
            err=True,
        )
    return IN_PART if bad else DONE


def _named(task: Run) -> str:
    """The workspace as an argument, where it is not the current folder."""
    here = os.path.realpath(".") == os.path.realpath(task.workspace.root)
    return "" if here else f" {shlex.quote(os.path.relpath(task.workspace.root))}"
