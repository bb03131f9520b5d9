"""A user's own sbatch script: what it asks for, and where overrides stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hyperherd.bash import last_command
from hyperherd.bash.last_command import Place
from hyperherd.errors import HerdError, ScriptError
from hyperherd.jobs import Inline
from hyperherd.launchers.slurm import directives, parse
from hyperherd.launchers.slurm.directives import Directives
from hyperherd.workspace import folder

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


@dataclass(frozen=True)
class Script:
    """A script as it stands now. ``here`` is where it is submitted from, which is where it runs, as with sbatch."""

    path: Path
    place: Place
    interpreter: tuple[str, ...]
    asked: Directives
    here: Path

    @property
    def folder(self) -> Path:
        """Where it runs: its own ``--chdir``, if it has one."""
        return self.here / str(self.asked.herds.get("chdir", ""))

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
        return Inline(self.interpreter, self.place.parts)

    @property
    def notes(self) -> list[str]:
        """What of it does not hold, for people."""
        said = [name for name in _IN_ITS_PLACE if name in self.asked.herds]
        return [f"its --{name} is left out: {_IN_ITS_PLACE[name]}" for name in said]


def load(path: Path, here: Path) -> Script:
    """Read the script at ``path``, to be run from the folder ``here``. Raises `HerdError`."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise HerdError(f"cannot be read: {error.strerror}", where=str(path), hint=_hint(path)) from error
    try:
        asked = directives.read(text)
        place = last_command.find(text)
        _check_array(str(asked.herds.get("array", "0")))
        for name in _REFUSED.keys() & asked.herds.keys():
            raise ScriptError(f"#SBATCH --{name.replace('_', '-')} cannot be kept", hint=_REFUSED[name])
    except ScriptError as error:
        where = f"{path}:{error.where.removeprefix('line ')}" if error.where else str(path)
        raise ScriptError(error.what, where=where, hint=error.hint) from error
    return Script(
        path=folder.absolute(path),
        place=place,
        interpreter=last_command.interpreter(text),
        asked=asked,
        here=here,
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
