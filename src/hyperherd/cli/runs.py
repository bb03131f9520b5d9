"""A run on the command line, of a sweep or over a script: its options, what is said of it, and staying till its end."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from hyperherd import units
from hyperherd.cli import arguments
from hyperherd.engine import failures, launchers_here
from hyperherd.engine.facts import Known
from hyperherd.engine.launch import Prepared
from hyperherd.engine.pieces import Run
from hyperherd.engine.placing import Wish
from hyperherd.engine.snapshot import FAILED
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import SchedulerSilentError, UsageError
from hyperherd.jobs import Batch, NativeValue
from hyperherd.launchers import shipped
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, live, summary, tables
from hyperherd.views.columns import Screen
from hyperherd.workspace.submissions import Submission


def gpu_hours(batches: Sequence[Batch]) -> float | None:
    """GPU-hours of all trials running to their time limit; None where no GPU is asked for, or one without a limit."""
    hours = 0.0
    for batch in batches:
        limit_s, each = batch.request.time_s, batch.request.gpus or 0
        if each and limit_s is None:
            return None
        hours += each * (limit_s or 0) / 3600 * len(batch.elements)
    return hours or None


F = TypeVar("F", bound=Callable[..., Any])

SHOWN = 1000
"""Trials in a script that is printed for eyes."""

DONE, REFUSED, IN_PART, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class How:
    """The options that all runs have, by their names."""

    dry_run: bool
    compute: str
    options: tuple[str, ...]
    at_once: int | None
    lost: bool
    place: str
    detach: bool
    wait: bool
    after: str | None
    requeue: bool | None
    yes: bool
    as_json: bool
    script: bool = False

    def wish(self) -> Wish:
        """Where to run. Raises `UsageError`."""
        return wish(self.place, self.compute, self.options)

    def check(self) -> None:
        """Raise `UsageError` for options that contradict each other."""
        if self.script and not self.dry_run:
            raise UsageError("--script shows what -n would submit", hint="herd run -n --script")
        if self.wait and self.detach:
            raise UsageError(
                "--wait stays until all have ended, --detach returns at once", hint="one of the two"
            )


ON = click.option(
    "--on", "place", default="auto", metavar="local|slurm|auto", help="Who runs it (auto: Slurm if there)."
)
COMPUTE = click.option(
    "--compute", default="", metavar="PRESET", help="The compute preset, such as killarney/l40s_1x."
)
SLURM = click.option(
    "--slurm",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of sbatch, such as time=4:00:00; gres= takes one away.",
)

_OPTIONS = (
    click.option("-n", "--dry-run", is_flag=True, help="Say what would be done; change nothing."),
    click.option(
        "-j", "--max-concurrent", "at_once", type=click.IntRange(1), metavar="N", help="At most N at once."
    ),
    click.option("--lost", is_flag=True, help="Submit lost trials again as well."),
    ON,
    COMPUTE,
    SLURM,
    click.option("--detach", is_flag=True, help="On this machine: leave it running and return."),
    click.option("--wait", is_flag=True, help="On Slurm: return when all trials have ended."),
    click.option("--after", metavar="JOBID|WORKSPACE", help="Start when that one has succeeded."),
    click.option(
        "--requeue/--no-requeue",
        default=None,
        help="Queue trials again by themselves, or not, whatever the YAML says.",
    ),
    click.option("--yes", is_flag=True, help="Do not ask about very many trials."),
    arguments.as_json,
)


def wish(place: str, compute: str, options: Sequence[str]) -> Wish:
    """What was typed behind `ON`, `COMPUTE` and `SLURM`. Raises `UsageError`."""
    launchers_here.kind(place)
    return Wish(place, compute, _options(options))


def options(command: F) -> F:
    """The options of `How`, on a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def carry_out(sweep: Sweep, run: Run, how: How) -> int:
    """Do it, or say what would be done; the exit code."""
    with or_here(how.place):
        return _dry_run(sweep, run, how) if how.dry_run else _execute(sweep, run, how)


@contextmanager
def or_here(place: str) -> Iterator[None]:
    """Where Slurm was not asked for by name and does not answer, its error says how to do without it."""
    try:
        yield
    except SchedulerSilentError as silent:
        if place != "auto":
            raise
        command = click.get_current_context().info_name
        hint = f"{silent.hint}; or on this machine: herd {command} --on local".removeprefix("; or ")
        raise SchedulerSilentError(silent.what, where=silent.where, hint=hint) from silent


def _options(words_: Sequence[str]) -> dict[str, NativeValue]:
    """``--slurm NAME=VALUE``, by name with ``_``; an empty value takes an option away. Raises `UsageError`."""
    given: dict[str, NativeValue] = {}
    for word in words_:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(f"--slurm {word}: not NAME=VALUE", hint="such as --slurm time=4:00:00")
        given[name.lstrip("-").replace("-", "_")] = value or None
    native = shipped.native()
    if native.raw in given:
        hint = "such as --slurm qos=short; raw lines stand in hyperherd.yaml, under slurm"
        raise UsageError(f"--slurm {native.raw}: an option of sbatch expected", hint=hint)
    wrong = [f"--slurm {path[0]}: {what}\n    {hint}" for path, what, hint in native.faults(given)]
    if wrong:
        raise UsageError("\n".join(wrong))
    return given


def _dry_run(sweep: Sweep, run: Run, how: How) -> int:
    prepared = sweep.plan(run)
    if how.as_json:
        arguments.print_json(documents.run(prepared, [], dry_run=True))
        return DONE
    _announce(run, prepared)
    if how.script or run.description.script:
        _show_scripts(prepared)
    else:
        click.echo(tables.planned(prepared, Screen.of()))
    click.echo("Dry run: nothing was written or submitted.", err=True)
    return DONE


def _show_scripts(prepared: Prepared) -> None:
    shown = {(piece.place.requires, piece.place.grown): piece for piece in reversed(prepared.pieces)}
    told = 0
    for piece in reversed(shown.values()):
        batch = piece.batch.only(piece.batch.elements[:SHOWN])
        click.echo(replace(piece, batch=batch).script(), nl=False)
        told += 1 if piece.is_of_tasks else len(batch.elements)
    if rest := len(prepared.plan.submit) - told:
        click.echo(
            f"({units.counted(rest, 'trial')} not shown here; --json has every script whole)", err=True
        )


def _announce(run: Run, prepared: Prepared) -> None:
    told = summary.announced(prepared, gpu_hours([piece.batch for piece in prepared.pieces]))
    click.echo(f"{run.description.spec.name}: {told}", err=True)
    if other_grid := summary.other_grid(run.description):
        click.echo(f"  {other_grid}", err=True)
    pieces = prepared.pieces
    expected = summary.expected(pieces, time.time())
    for line in (*filter(None, summary.placed(pieces)), *summary.grown(pieces), *expected):
        click.echo(f"  {line}", err=True)
    for warning in (*run.description.spec.notes, *prepared.known.warnings):
        click.echo(f"  note: {warning}", err=True)
    for finding in prepared.findings:
        click.echo(f"  note: {finding.what}\n        {finding.hint}", err=True)


def _execute(sweep: Sweep, run: Run, how: How) -> int:
    prepared, made = sweep.carry_out(run, lambda prepared: _announce(run, prepared))
    if how.as_json:
        arguments.print_json(documents.run(prepared, made, dry_run=False))
    if not made:
        click.echo(summary.nothing(prepared, run.request.choice), err=True)
        return DONE
    for line in summary.submitted(made):
        click.echo(line, err=True)
    refused = [one for one in made if one.refused]
    going = [one.record for one in made if not one.refused]
    if not going:
        return REFUSED
    if how.wait if any(shipped.traits(record.launcher).elsewhere for record in going) else not how.detach:
        return max(_follow(sweep, run, going), IN_PART if refused else DONE)
    click.echo(f"See how they do: herd status{_named(run)}", err=True)
    return IN_PART if refused else DONE


def _follow(sweep: Sweep, run: Run, made: Sequence[Submission]) -> int:
    """Stay until their trials have ended. Ctrl-C stops those on this machine; on Slurm they go on."""
    going = [index for record in made for index in record.trials]
    here = not any(shipped.traits(record.launcher).elsewhere for record in made)
    try:
        with live.shown(sweep) as show:
            known = sweep.wait(going, made, show)
    except KeyboardInterrupt:
        if not here:
            click.echo(
                f"\nLeft; the trials go on. See herd status{_named(run)}, stop them: herd stop{_named(run)} --all",
                err=True,
            )
            return INTERRUPTED
        click.echo(
            "\nStopping the trials (what has not finished runs again at the next herd run) ...", err=True
        )
        for line in summary.stopped(sweep.stop(going)):
            click.echo(line, err=True)
        return INTERRUPTED
    return _judge(sweep, run, made, known)


def _judge(sweep: Sweep, run: Run, made: Sequence[Submission], known: Known) -> int:
    recorded = {record.token for record in known.submissions}
    going = [index for record in made for index in record.trials]
    kept = [index for record in made if record.token in recorded for index in record.trials]
    ended = [known.facts[index] for index in kept if index in known.facts]
    if gone := len(going) - len(ended):
        deleted = f"somebody has deleted {run.workspace.state} or its manifest"
        click.echo(f"{units.counted(gone, 'trial')} not known any more: {deleted}", err=True)
        return IN_PART
    bad = [fact for fact in ended if fact.status is not Status.COMPLETED]
    counted = Counter(fact.status for fact in bad)
    told = ", ".join(
        [f"{len(ended) - len(bad)} completed", *(f"{counted[s]} {s}" for s in Status if counted[s])]
    )
    others = f" (of the {len(ended)} that ran now)" if len(ended) < len(known.facts) else ""
    click.echo(told + others, err=True)
    for line in summary.failures(failures.alike(sweep.views(known, [fact.trial.index for fact in bad]))):
        click.echo(line, err=True)
    for fact in [fact for fact in bad if fact.status not in FAILED][: summary.MOST]:
        reason = f" ({fact.reason})" if fact.reason else ""
        click.echo(f"  {fact.trial.index}: {fact.status}{reason}  {fact.trial.name}", err=True)
    if best := summary.best(sweep.seen(known).results()):
        click.echo(best, err=True)
    if bad:
        look = f"herd tail{_named(run)} {bad[0].trial.index}"
        click.echo(f"Look at one: {look}; run them again: herd run{_named(run)}", err=True)
    else:
        click.echo(f"See what they found: herd res{_named(run)}", err=True)
    return IN_PART if bad else DONE


def _named(run: Run) -> str:
    """The workspace, or the script, as an argument, where it is not the current folder."""
    if run.description.script:
        return f" {shlex.quote(os.path.relpath(run.description.script.path))}"
    here = os.path.realpath(".") == os.path.realpath(run.workspace.root)
    return "" if here else f" {shlex.quote(os.path.relpath(run.workspace.root))}"
