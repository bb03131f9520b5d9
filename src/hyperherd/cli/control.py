"""``herd stop`` and ``herd clean``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hyperherd import units
from hyperherd.cli import agreement, arguments, tasks_found
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import UsageError
from hyperherd.sweep.trial import LIVE
from hyperherd.views import documents

if TYPE_CHECKING:
    from hyperherd.engine.stopping import Stopped


@click.command(
    epilog="\b\nExamples:\n  herd stop 3\n  herd stop 0-3,5\n  herd stop --where 'lr > 0.1'\n  herd stop --all"
)
@arguments.workspace_and_trials
@click.option("-a", "--all", "everything", is_flag=True, help="All that are waiting or running.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@arguments.where
@arguments.as_json
def stop(given: tuple[str, ...], everything: bool, yes: bool, where: str | None, as_json: bool) -> int:
    """Cancel trials, or tasks submitted from Python. The next herd run starts a sweep's cancelled trials again."""
    if tasks := tasks_found.alone(given, takes_words=True):
        if where:
            raise UsageError(
                "--where: tasks have no parameters", hint="their tokens, names or job ids, or --all"
            )
        return tasks_found.stop(*tasks, everything=everything, yes=yes, as_json=as_json)
    look = arguments.look(given, where, silent_is_fatal=True)
    if not everything and not look.named:
        raise UsageError("which trials?", hint="their numbers or names, --where, or --all")
    live = [view.index for view in look.snapshot.trials if view.status in LIVE]
    if everything and live:
        agreement.ask(f"cancel {units.counted(len(live), 'trial')}", yes)
    done = look.sweep.stop(look.indices if look.named else None)
    if as_json:
        arguments.print_json(documents.stopped(done))
    _say(done, as_json)
    if not live and not done.strays:
        click.echo("nothing to cancel: none of them is waiting or running", err=True)
    return 0 if done.whole else 1


def _say(done: Stopped, as_json: bool) -> None:
    for fact in done.cancelled:
        click.echo(f"trial {fact.trial.index} cancelled (it was {fact.status})", err=as_json)
    for index, reason in done.refused.items():
        click.echo(f"trial {index} could not be cancelled: {reason}", err=True)
    for stray, reason in done.strays.items():
        told = f"could not be cancelled: {reason}" if reason else "cancelled; it was not on record"
        click.echo(f"{stray.job} of submission {stray.token} {told}", err=bool(reason) or as_json)
    if done.not_noted:
        click.echo(f"herd: cancelled, but not noted on disk: {done.not_noted}", err=True)


@click.command(epilog="\b\nExamples:\n  herd clean\n  herd clean -l\n  herd clean -a --yes")
@arguments.only_workspace
@click.option("-l", "--logs", is_flag=True, help="Delete the logs too.")
@click.option("-a", "--all", "everything", is_flag=True, help="Delete all state: trials, results, logs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(given: tuple[str, ...], logs: bool, everything: bool, yes: bool) -> int:
    """Cancel everything; with -l delete the logs, with -a all state, that of Python's tasks too. hyperherd.yaml and the
    launch script stay.
    """
    if tasks := tasks_found.alone(given):
        tasks_found.clean(tasks[0], logs=logs, everything=everything, yes=yes)
        return 0
    workspace = arguments.read(given).workspace
    if not workspace.state.exists():
        click.echo("nothing to clean: this sweep has not run", err=True)
        return 0
    look = arguments.look(given, silent_is_fatal=True)
    live = [view.index for view in look.snapshot.trials if view.status in LIVE]
    what = [f"cancel {units.counted(len(live), 'trial')}"] if live else []
    beside = tasks_found.beside(workspace, look.sweep.launchers) if everything else []
    if tasks_alive := sum(one.lives and not one.elsewhere for one in beside):
        what.append(f"cancel {units.counted(tasks_alive, 'task')}")
    whose = f"{_of(look.indices)} of {look.snapshot.sweep_name} in {workspace.root}"
    if everything:
        of_tasks = f", and the files of {units.counted(len(beside), 'task')}" if beside else ""
        what.append(f"delete the state, logs and results{whose}{of_tasks}")
    elif logs:
        what.append(f"delete the logs{whose}")
    if not what:
        click.echo("nothing is waiting or running", err=True)
        return 0
    agreement.ask(" and ".join(what), yes)
    done = look.sweep.clean(logs=logs, everything=everything)
    click.echo("done: " + " and ".join(what), err=True)
    if done.not_noted:
        click.echo(f"herd: not noted on disk: {done.not_noted}", err=True)
    return 0 if done.whole else 1


def _of(indices: Sequence[int]) -> str:
    return f" of {units.counted(len(indices), 'trial')}" if indices else ""


@click.command(epilog="\b\nExamples:\n  herd repair --check\n  herd repair\n  herd repair --copied")
@arguments.only_workspace
@click.option("--check", is_flag=True, help="Only say what is wrong.")
@click.option("--moved", is_flag=True, help="This folder was moved here: the jobs on record are its own.")
@click.option("--copied", is_flag=True, help="This folder is a copy: what waits or runs is the original's.")
def repair(given: tuple[str, ...], check: bool, moved: bool, copied: bool) -> int:
    """Make the record of a sweep again from what is left: job scripts, registers, claims and notes. What is replaced is
    copied first. Nothing is started and nothing is cancelled.
    """
    if check + moved + copied > 1:
        raise UsageError("--check, --moved and --copied: one of them", hint="herd repair --check looks first")
    sweep = Sweep(arguments.read(given).workspace)
    if moved:
        sweep.is_original()
        click.echo(f"noted as moved: the jobs on record now belong to {sweep.workspace.root}")
        return 0
    if copied:
        left = sweep.is_copy()
        live = units.counted(len(left), "live trial")
        click.echo(f"noted as a copy: the original keeps its {live}; the next herd run starts them here too")
        return 0
    mended, copies = sweep.repair(check=check)
    for line in mended.findings:
        click.echo(f"- {line}")
    if mended.whole:
        click.echo("nothing to mend")
    elif check:
        click.echo("to repair what can be repaired: herd repair; then see herd status")
    else:
        click.echo(f"repaired as far as possible; the old files are in {copies}. See herd status")
    return 1 if check and not mended.whole else 0
