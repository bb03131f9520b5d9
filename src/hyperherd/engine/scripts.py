"""A user's own sbatch script: what it asks for, and where overrides stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperherd.bash import insertion
from hyperherd.bash.insertion import Place
from hyperherd.errors import HerdError, ScriptError
from hyperherd.jobs import Inline, OwnScript
from hyperherd.launchers import shipped
from hyperherd.search.source import History, Source
from hyperherd.sweep.plan import Described
from hyperherd.workspace import folder, submissions
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Call:
    """How a script is called. ``here`` is where it is submitted from, which is where it runs, as with sbatch; ``at``
    where the user wants the overrides (`insertion.find`), ``arguments`` its own.
    """

    here: Path
    at: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """A script as it stands now, and how it is called."""

    path: Path
    text: str
    place: Place
    asked: OwnScript
    call: Call

    @property
    def folder(self) -> Path:
        """Where it runs: in a folder of its own, if it names one."""
        return self.call.here / self.asked.folder

    @property
    def job_name(self) -> str:
        """As its launcher names it."""
        return self.asked.name or self.path.name

    @property
    def tasks(self) -> tuple[int, ...]:
        """The numbers of the jobs that it is itself; none where it is one."""
        return self.asked.tasks

    @property
    def tasks_at_once(self) -> int | None:
        """How many of them it lets run at once."""
        return self.asked.tasks_at_once

    @property
    def inline(self) -> Inline:
        """What a batch of its combinations runs."""
        return Inline(
            insertion.interpreter(self.text),
            self.place.parts,
            self.path,
            self.call.arguments,
            requeues=self.asked.requeues,
        )

    @property
    def is_alone(self) -> bool:
        """Whether each combination is a job of its own."""
        return self.asked.is_alone

    @property
    def recorded(self) -> dict[str, Any]:
        """How it is called, as a submission records it."""
        call = self.call
        return {
            "folder": str(call.here),
            "at": call.at,
            "command": self.place.command,
            "arguments": call.arguments,
        }

    @property
    def notes(self) -> list[str]:
        """What of it does not hold, for people."""
        said = list(self.asked.notes)
        read = insertion.reads_an_argument(self.text)
        if read and not self.call.arguments:
            given = f"herd multirun {self.path.name} --args WORD... -- KEY=SWEEP..."
            said.append(f"{read} reads an argument of the script, and none is given; type: {given}")
        return said


class ScriptSource(Source):
    """The sweep of a script as it was asked for so far; each trial with the array that the script has now."""

    name = "script"
    keeps = True

    def __init__(self, script: Script) -> None:
        self.script = script

    def described(self, history: History) -> Sequence[Described]:
        """Nothing new."""
        return ()

    def as_now(self, before: Described) -> Described:
        """With the script's array."""
        typed = before.typed and replace(before.typed, tasks=self.script.tasks)
        return replace(before, typed=typed)

    def named_by(self, proposed: Sequence[Described]) -> Sequence[str]:
        """All keys."""
        return list(dict.fromkeys(name for one in proposed for name in one.params))


def load(path: Path, call: Call) -> Script:
    """Read the script at ``path``, to be called like this. Raises `HerdError`."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise HerdError(f"cannot be read: {error.strerror}", where=str(path), hint=_hint(path)) from error
    try:
        asked = shipped.native().of_script(text)
        place = insertion.find(text, call.at)
    except ScriptError as error:
        where = f"{path}:{error.where.removeprefix('line ')}" if error.where else str(path)
        raise ScriptError(error.what, where=where, hint=error.hint) from error
    return Script(folder.absolute(path), text, place, asked, call)


def load_again(workspace: Workspace, path: Path) -> Script:
    """Read it, to be called as it was submitted last. Raises `HerdError`, also where the line that the user named then
    has another command now.
    """
    here = folder.absolute(Path("."))
    last = next((record for record in reversed(submissions.read(workspace)) if record.folder), None)
    if last is None:
        return load(path, Call(here))
    before = Path(last.folder)
    found = load(path, Call(before if before.is_dir() else here, last.at, last.arguments))
    if last.at and found.place.command != last.command:
        raise ScriptError(
            f"--at {last.at} was `{last.command}` when it was submitted, and is `{found.place.command}` now",
            where=str(path),
            hint=f"name the line again: herd multirun {path.name} --at LINE ...",
        )
    return found


def _hint(path: Path) -> str:
    return "a script is wanted here, such as sbatch.sh" if path.is_dir() else f"see `ls -l {path}`"
