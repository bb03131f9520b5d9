"""What ``herd status``, ``stop`` and ``clean`` do about tasks of Python's: alone in a folder, or beside a sweep."""

from __future__ import annotations

import os
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
from hyperherd.workspace import layout, task_folders
from hyperherd.workspace.folder import Workspace, absolute

if TYPE_CHECKING:  # most folders have no tasks
    from hyperherd.engine.found_tasks import Found


def alone(given: Sequence[str], *, takes_words: bool = False) -> tuple[Workspace, Sequence[str]] | None:
    """The folder of tasks that the words name, or that we are in, which is no sweep's; and the words that are left,
    where the command ``takes_words`` for tasks. Raises `UsageError` for one word too many.
    """
    named = click.get_current_context().find_root().obj
    word = named or next(iter(given), None)
    if word is not None and os.path.isdir(os.path.join(word, layout.STATE_FOLDER, layout.TASKS)):
        workspace = Workspace(absolute(Path(word)))
        if not arguments.is_a_workspace(word) and task_folders.are_in(workspace):
            left = given if named else given[1:]
            if left and not takes_words:
                raise UsageError(f"'{left[0]}' is one word too many", hint="one folder at a time")
            return workspace, left
    if named or (given and not takes_words) or arguments.workspace_folder() is not None:
        return None
    here = Workspace(absolute(Path(".")))
    return (here, given) if task_folders.are_in(here) else None


def beside(workspace: Workspace, here: Mapping[str, Launcher]) -> Sequence[Found]:
    """The tasks in a sweep's folder."""
    if not task_folders.are_in(workspace):
        return []
    return _look(workspace, here, silent_is_fatal=False)


def _look(workspace: Workspace, here: Mapping[str, Launcher], *, silent_is_fatal: bool) -> Sequence[Found]:
    from hyperherd.engine import found_tasks

    found, warnings = found_tasks.look(workspace, here, silent_is_fatal=silent_is_fatal)
    arguments.warn(warnings)
    return found


def show(workspace: Workspace, *, as_json: bool) -> None:
    found = _look(workspace, launchers_here.launchers(), silent_is_fatal=False)
    if as_json:
        arguments.print_json(documents.tasks(found))
    else:
        click.echo(tables.tasks(found, Screen.of()))


def stop(workspace: Workspace, words: Sequence[str], *, everything: bool, yes: bool, as_json: bool) -> int:
    """Cancel those that are named, or all; the exit code."""
    from hyperherd.engine import found_tasks

    if not words and not everything:
        raise UsageError("which tasks?", hint="their tokens, names or job ids, or --all")
    found = _look(workspace, launchers_here.launchers(), silent_is_fatal=True)
    living = [one for one in (found_tasks.named(found, words) if words else found) if one.lives]
    if not words and living:
        agreement.ask(f"cancel {units.counted(len(living), 'task')}", yes)
    refused = found_tasks.stop(workspace, living)
    if as_json:
        arguments.print_json(documents.stopped_tasks(living, refused))
    for one in living:
        if one.token in refused:
            click.echo(f"task {one.token} could not be cancelled: {refused[one.token]}", err=True)
        else:
            click.echo(f"task {one.token} cancelled (it was {one.verdict.status})", err=as_json)
    if not living:
        click.echo("nothing to cancel: none of them is waiting or running", err=True)
    return 1 if refused else 0


def clean(workspace: Workspace, *, logs: bool, everything: bool, yes: bool) -> None:
    """Cancel all that live; with ``everything`` delete their files."""
    from hyperherd.engine import found_tasks, stopping

    if logs and not everything:
        raise UsageError(
            "-l: the logs of tasks lie with their other files", hint="herd clean -a deletes all of it"
        )
    here = launchers_here.launchers()
    found = _look(workspace, here, silent_is_fatal=True)
    living = [one for one in found if one.lives and not one.elsewhere]
    what = [f"cancel {units.counted(len(living), 'task')}"] if living else []
    if everything:
        count = len(task_folders.tokens(workspace))
        what.append(f"delete the files of {units.counted(count, 'task')} in {workspace.root}")
    if not what:
        click.echo("nothing is waiting or running", err=True)
        return
    agreement.ask(" and ".join(what), yes)
    if everything:
        stopping.clean(workspace, here, logs=False, everything=True)
    else:
        found_tasks.stop_all(workspace, here, stopping.ENDING_S)
    click.echo("done: " + " and ".join(what), err=True)
