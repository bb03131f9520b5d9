"""What ``herd status``, ``stop`` and ``clean`` do about tasks of Python's: alone in a folder, or beside a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyperherd import units
from hyperherd.cli import agreement, arguments
from hyperherd.engine import launchers_here
from hyperherd.errors import UsageError
from hyperherd.launchers.base import Launcher
from hyperherd.views import documents, tables
from hyperherd.views.columns import Screen
from hyperherd.workspace import task_folders
from hyperherd.workspace.folder import Workspace, absolute

if TYPE_CHECKING:  # most folders have no tasks
    from hyperherd.engine.found_tasks import Found


def alone(given: Sequence[str]) -> tuple[Workspace, Sequence[str]] | None:
    """The folder of tasks that the words name, or that we are in, which is no sweep's; and the words that are left."""
    named = click.get_current_context().find_root().obj
    word = named or next(iter(given), None)
    if word is not None:
        workspace = Workspace(absolute(Path(word)))
        if not arguments.is_a_workspace(word) and task_folders.tokens(workspace):
            return workspace, given if named else given[1:]
    if named or arguments.workspace_folder() is not None:
        return None
    here = Workspace(absolute(Path(".")))
    return (here, given) if task_folders.tokens(here) else None


def beside(workspace: Workspace, here: Mapping[str, Launcher]) -> Sequence[Found]:
    """The tasks in a sweep's folder."""
    if not task_folders.tokens(workspace):
        return []
    from hyperherd.engine import found_tasks

    found, warnings = found_tasks.look(workspace, here)
    arguments.warn(warnings)
    return found


def _all(workspace: Workspace) -> Sequence[Found]:
    return beside(workspace, launchers_here.launchers())


def show(workspace: Workspace, *, as_json: bool) -> None:
    found = _all(workspace)
    if as_json:
        arguments.print_json(documents.tasks(found))
    else:
        click.echo(tables.tasks(found, Screen.of()))


def stop(workspace: Workspace, words: Sequence[str], *, everything: bool, yes: bool) -> int:
    """Cancel those that are named, or all; the exit code."""
    from hyperherd.engine import found_tasks

    if not words and not everything:
        raise UsageError("which tasks?", hint="their tokens, names or job ids, or --all")
    found = _all(workspace)
    living = [one for one in (found if everything else found_tasks.named(found, words)) if one.lives]
    if everything and living:
        agreement.ask(f"cancel {units.counted(len(living), 'task')}", yes)
    refused = found_tasks.stop(living)
    for one in living:
        if one.token in refused:
            click.echo(f"task {one.token} could not be cancelled: {refused[one.token]}", err=True)
        else:
            click.echo(f"task {one.token} cancelled (it was {one.verdict.status})")
    if not living:
        click.echo("nothing to cancel: none of them is waiting or running", err=True)
    return 1 if refused else 0


def clean(workspace: Workspace, *, everything: bool, yes: bool) -> None:
    """Cancel all that live; with ``everything`` delete their files."""
    from hyperherd.engine import found_tasks, stopping

    found = _all(workspace)
    living = [one for one in found if one.lives]
    what = [f"cancel {units.counted(len(living), 'task')}"] if living else []
    if everything:
        what.append(f"delete the files of {units.counted(len(found), 'task')} in {workspace.root}")
    if not what:
        click.echo("nothing is waiting or running", err=True)
        return
    agreement.ask(" and ".join(what), yes)
    stopping.clean(workspace, launchers_here.launchers(), logs=False, everything=everything)
    if not everything:
        found_tasks.stop_all(workspace, launchers_here.launchers(), stopping.ENDING_S)
    click.echo("done: " + " and ".join(what), err=True)
