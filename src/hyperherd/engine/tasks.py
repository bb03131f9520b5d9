"""Single commands, submitted from Python to any launcher, and waited for.

::

    with hyperherd.experiment(launcher=SlurmLauncher(partition="gpu")):
        hyperherd.Task(["python", "train.py", "--lr", "0.1"]).submit()

A task is a batch of one element: register, claim and note of its end are those of a sweep's trials
(docs/architecture.md, "Exactly once"). Its files lie in ``<folder>/.hyperherd/tasks/<token>/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import registers, variables
from hyperherd.attempts.filenames import Unit
from hyperherd.bash.quoting import quote
from hyperherd.engine import submitted_task
from hyperherd.engine.submitted_task import INDEX, SubmittedTask
from hyperherd.errors import HerdError, WorkspaceError
from hyperherd.jobs import Batch, Element
from hyperherd.launchers.base import Candidate, Launcher, candidate, complete
from hyperherd.sweep.trial import Status
from hyperherd.workspace import layout, task_folders
from hyperherd.workspace.folder import Workspace, absolute


@dataclass(frozen=True)
class Task:
    """One command: a sequence is a program and its arguments, a `Path` a script that bash runs, text is bash.

    ``name``    the job's (None: the program's)
    ``folder``  where it runs and keeps its files, seen from the experiment's folder (None: there; outside of any: here)
    ``env``     variables besides those that it inherits

    Raises `HerdError` for what cannot be a command, a name or a variable.
    """

    command: str | Path | Sequence[str | Path]
    _: KW_ONLY
    name: str | None = None
    folder: str | Path | None = None
    env: Mapping[str, str | int | float] | None = None

    def __post_init__(self) -> None:
        if not _is_command(self.command):
            raise HerdError(
                f"{self.command!r} is no command",
                hint='a program and its arguments, ["python", "train.py"]; text, for bash; or the Path of a script',
            )
        words = self._words()
        if not words or not words[0].strip():
            raise HerdError(f"{self.command!r} is no command", hint='such as ["python", "train.py"]')
        for name in self.env or ():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise HerdError(f"{name!r} cannot be the name of a variable", hint="letters, digits and _")
        if any("\0" in text for text in (*words, *self._variables().values())):
            raise HerdError("a command cannot hold a zero byte", where=repr(self.command))
        if not (self.name is None or (self.name and self.name.isprintable())):
            raise HerdError(f"{self.name!r} cannot be a job's name", hint="one line of text")

    def _variables(self) -> dict[str, str]:
        return {name: str(value) for name, value in (self.env or {}).items()}

    def submit(self, launcher: Candidate | None = None) -> SubmittedTask:
        """Hand it to a launcher (None: the experiment's) and return without waiting for it.

        Raises `HerdError` without a launcher outside of any experiment, `WorkspaceError`, `SubmissionRefusedError` and
        `SubmissionUnknownError`; whatever is raised, it does not run.
        """
        around = _EXPERIMENT.get()
        if launcher is None and around is not None:
            launcher = around.launcher
        if launcher is None:
            raise HerdError(
                f"there is nobody to run {self._title()}: no launcher, and no experiment around it",
                hint="submit(launcher=DirectLauncher()) runs it on this machine; `with experiment(launcher=...):` "
                "gives all in it one (a thread sees it in contextvars.copy_context().run(task.submit))",
            )
        chosen = complete(_checked(launcher).chosen())
        workspace, batch = self._batch(around.folder if around else absolute(Path(".")))
        _write(batch, chosen, self)
        made = submitted_task.submit(batch.name, chosen, batch, workspace)
        if around is not None:
            around.tasks.append(made)
        return made

    @staticmethod
    def load(folder: str | Path, token: str, launcher: Launcher | None = None) -> SubmittedTask:
        """A task that was submitted in this folder before, by its token, which ends its files' folder
        (``herd status FOLDER`` lists them): it can be waited for, or cancelled. ``launcher``: None for one as it was
        submitted with, which has no options of its own.

        Raises `HerdError` where there is none, `LauncherError` where its launcher is not here, `SchedulerSilentError`.
        """
        from hyperherd.engine import found_tasks, launchers_here  # for those who load one

        return found_tasks.load(
            Workspace(absolute(Path(folder))), token, launcher, launchers_here.launchers()
        )

    def _batch(self, start: Path) -> tuple[Workspace, Batch]:
        folder = start / (self.folder or ".")
        if not folder.is_dir():
            raise HerdError(
                "there is no such folder", where=str(folder), hint=f"mkdir -p {quote(str(folder))}"
            )
        if isinstance(self.command, Path) and not (folder / self.command).is_file():
            raise HerdError("there is no such script", where=str(folder / self.command))
        token = registers.new_token()
        workspace = Workspace(folder)
        files = task_folders.files(workspace, token)
        place = files.script.parent
        element = Element(
            INDEX, Unit(INDEX), 1, "", ((variables.RESULTS, str(place / layout.RESULTS / str(INDEX))),)
        )
        return workspace, Batch(token, self._title(), folder, place / "task.sh", files, (element,))

    def _words(self) -> list[str]:
        one = isinstance(self.command, (str, Path))
        return [str(self.command)] if one else [str(word) for word in self.command]  # type: ignore[union-attr]

    def _title(self) -> str:
        first = self._words()[0].split()[0]
        return self.name or re.sub(r"[^\w.+-]+", "-", Path(first).name).strip("-") or "task"

    def script(self) -> str:
        """The bash that a launcher is told to run."""
        exports = [f"export {name}={quote(value)}" for name, value in self._variables().items()]
        return "\n".join(["#!/bin/bash", *exports, self._line(), ""])

    def _line(self) -> str:
        if isinstance(self.command, str):
            return f"set --\n{self.command}"
        words = " ".join(map(quote, self._words()))
        return f'exec "$BASH" -- {words}' if isinstance(self.command, Path) else f"exec -- {words}"


def _is_command(value: object) -> bool:
    if isinstance(value, (str, Path)):
        return True
    return (
        isinstance(value, Sequence)
        and not isinstance(value, (bytes, bytearray))
        and all(isinstance(word, (str, Path, int, float)) for word in value)
    )


@dataclass(frozen=True)
class Experiment:
    """``tasks`` are those submitted in it so far; ``folder`` is absolute."""

    launcher: Candidate
    folder: Path
    tasks: list[SubmittedTask] = field(default_factory=list)


_EXPERIMENT: ContextVar[Experiment | None] = ContextVar("hyperherd_experiment", default=None)


@contextmanager
def experiment(launcher: Candidate, folder: str | Path = ".") -> Iterator[Experiment]:
    """Give the tasks submitted within a launcher and a folder; leaving the block waits for all of them.

    Then it raises one `HerdError` for all that have not completed, but for those that this program has cancelled, and
    unless the block raised something itself. Ctrl-C ends those of this machine; those of a cluster go on.
    """
    current = Experiment(_checked(launcher), absolute(Path(folder)))
    before = _EXPERIMENT.set(current)
    try:
        try:
            yield current
        except KeyboardInterrupt:
            raise
        except BaseException:
            submitted_task.until_ended(current.tasks)
            raise
        finally:
            _EXPERIMENT.reset(before)
        submitted_task.until_ended(current.tasks)
    except KeyboardInterrupt as interrupt:
        _end_local(current.tasks, interrupt)
        raise
    _raise_failed(current.tasks)


def _checked(value: object) -> Candidate:
    if (found := candidate(value)) is not None:
        return found
    hint = "such as SlurmLauncher(partition=...), DirectLauncher(), or find_launcher(...)"
    raise HerdError(f"{value!r} is no launcher", hint=hint)


def _end_local(tasks: Sequence[SubmittedTask], interrupt: KeyboardInterrupt) -> None:
    left = []
    for task in tasks:
        try:
            if not task.launcher.traits.elsewhere:
                task.cancel()
        except HerdError as error:
            left.append(str(error))
    if left:
        raise HerdError("\n".join(left)) from interrupt


def _raise_failed(tasks: Sequence[SubmittedTask]) -> None:
    verdicts = [(task, task.verdict()) for task in tasks]
    bad = [(t, v) for t, v in verdicts if v.status is not Status.COMPLETED and not t.stopped]
    if bad:
        lines = [
            f"\n  {t.name} ({t.id}): {v.status}{f', {v.reason}' if v.reason else ''}; {t.stderr}"
            for t, v in bad[:20]
        ]
        more = f"\n  and {len(bad) - 20} more" if len(bad) > 20 else ""
        raise HerdError(f"{len(bad)} of {len(tasks)} tasks have not completed:{''.join(lines)}{more}")


def _write(batch: Batch, launcher: Launcher, task: Task) -> None:
    """The folders and the two scripts: first what is run, as one that is newer counts as changed."""
    files = batch.files
    try:
        for folder in (files.attempts.block(Unit(INDEX)), files.logs / layout.OF_SLURM):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"cannot be written: {error.strerror}",
            where=str(files.script.parent),
            hint="choose another folder",
        ) from error
    for path, text in ((batch.launch, task.script()), (files.script, launcher.script(batch))):
        fsio.replace(path, text.encode("utf-8", "surrogateescape"), 0o600, durable=False)
