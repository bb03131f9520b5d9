"""A user's own sbatch script: what it asks for, and where overrides stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperherd.bash import insertion
from hyperherd.bash.insertion import Place
from hyperherd.bash.scanning import line_of
from hyperherd.errors import HerdError, ScriptError
from hyperherd.jobs import Inline
from hyperherd.launchers.slurm import directives, parse
from hyperherd.launchers.slurm.directives import Directives
from hyperherd.workspace import folder, submissions
from hyperherd.workspace.folder import Workspace

_IN_ITS_PLACE = {
    "output": "each trial's output goes to a file of its own",
    "error": "each trial's output goes to a file of its own",
    "wait": "herd multirun --wait waits",
}
_REFUSED = {
    "clusters": "log in to that cluster, and run it there",
    "help": "it submits nothing; take it out",
    "test_only": "it submits nothing; herd multirun -n shows what would be",
    "usage": "it submits nothing; take it out",
    "version": "it submits nothing; take it out",
}


_OWN_REQUEUE = re.compile(r"\bscontrol\s+requeue(?:hold)?\b([^\n;]*)")
_JOB_ID = re.compile(r"\$\{?SLURM_JOB_?ID\}?(?!_|\w)")
_OWN_PATH = re.compile(
    r"\bscontrol\b[^\n]*\bshow\s+job(?:s|id)?\b(?:[^\n]|(?<=[\\|])\n|(?<=\|[ \t])\n)*\bCommand\b"
    r"|\bsqueue\b[^\n]*%[.\d]*o\b"
)
"""How a script asks for its own path: ``squeue``'s ``%o`` is it, too."""


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
    asked: Directives
    call: Call

    @property
    def folder(self) -> Path:
        """Where it runs: its own ``--chdir``, if it has one."""
        return self.call.here / str(self.asked.herds.get("chdir", ""))

    @property
    def job_name(self) -> str:
        """As sbatch names it."""
        return str(self.asked.herds.get("job_name") or self.path.name)

    @property
    def tasks(self) -> tuple[int, ...]:
        """The array indices of its own ``--array``; none where it has none."""
        return parse.indices(self._array) if self._array else ()

    @property
    def tasks_at_once(self) -> int | None:
        """The ``%N`` of its own ``--array``."""
        most = self._array.partition("%")[2]
        return int(most) if most else None

    @property
    def _array(self) -> str:
        return str(self.asked.herds.get("array", ""))

    @property
    def inline(self) -> Inline:
        """What a batch of its combinations runs."""
        return Inline(
            insertion.interpreter(self.text),
            self.place.parts,
            self.path,
            self.call.arguments,
            requeues=_OWN_REQUEUE.search(self.text) is not None,
        )

    @property
    def is_alone(self) -> bool:
        """Whether each combination is a job of its own: the id of an array's last element is that of the whole array,
        so that ``scontrol requeue $SLURM_JOB_ID`` in it, or ``$id`` that holds it, would queue all of them again.
        """
        ids = [found[1] for found in _OWN_REQUEUE.finditer(self.text)]
        return any(map(_JOB_ID.search, ids)) or (bool(ids) and "SLURM_ARRAY_JOB_ID" not in self.text)

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
        said = [
            f"its --{name} is left out: {_IN_ITS_PLACE[name]}"
            for name in _IN_ITS_PLACE
            if name in self.asked.herds
        ]
        if self.is_alone:
            said.append(
                "it queues itself again by $SLURM_JOB_ID, so each combination is a job of its own; with "
                "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID} they would be one array"
            )
        read = insertion.reads_an_argument(self.text)
        if read and not self.call.arguments:
            given = f"herd multirun {self.path.name} --args WORD... -- KEY=SWEEP..."
            said.append(f"{read} reads an argument of the script, and none is given; type: {given}")
        return said


def load(path: Path, call: Call) -> Script:
    """Read the script at ``path``, to be called like this. Raises `HerdError`."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise HerdError(f"cannot be read: {error.strerror}", where=str(path), hint=_hint(path)) from error
    try:
        asked = directives.read(text)
        place = insertion.find(text, call.at)
        _check_own_path(text)
        _check_array(str(asked.herds.get("array", "0")))
        for name in _REFUSED.keys() & asked.herds.keys():
            raise ScriptError(f"#SBATCH --{name.replace('_', '-')} cannot be kept", hint=_REFUSED[name])
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


def _check_own_path(text: str) -> None:
    """Raises `ScriptError` for a script that would take herd's generated script for itself."""
    found = _OWN_PATH.search(re.sub(r"(?m)^[ \t]*#.*", lambda comment: " " * len(comment[0]), text))
    if found and "HYPERHERD_" not in text:
        raise ScriptError(
            "it asks scontrol for its own path (Command=), and in a sweep that is the path of herd's script",
            where=line_of(text, found.start()),
            hint="write $0, which lies beside your script here; for sbatch as well: "
            "if [[ ${HYPERHERD_TRIAL_ID-} ]]; then script=$0; else script=$(scontrol ...); fi",
        )


def _check_array(expression: str) -> None:
    """Raises `ScriptError` for one that sbatch would refuse."""
    one = r"\d+(-\d+(:[1-9]\d*)?)?"
    if not re.fullmatch(rf"\[?{one}(,{one})*\]?(%[1-9]\d*)?", expression, re.ASCII):
        raise ScriptError(
            f"--array={expression} is no array that sbatch takes", hint="such as 1-90 or 0,3,5-9%4"
        )


def _hint(path: Path) -> str:
    return "a script is wanted here, such as sbatch.sh" if path.is_dir() else f"see `ls -l {path}`"
