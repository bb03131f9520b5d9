"""The command of a launch script that does the work, cut into the Python that runs it and what that is given.

It is found among the commands that may be a training (`hyperherd.bash.candidates`). Where several may be one, it is the
last that runs Python with something of the trial's (``$1``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hyperherd.bash import candidates, commands
from hyperherd.bash.candidates import Found
from hyperherd.bash.commands import Command
from hyperherd.bash.programs import bare
from hyperherd.bash.scanning import PLACEHOLDER, Scan
from hyperherd.errors import ScriptError

_PYTHON = re.compile(r"(?:\S*/)?(?:python|pypy)[\d.]*t?")
_VARIABLE_PYTHON = re.compile(
    r"\$\{?\w*(?:python|interpreter)(?:_?(?:bin|exe|cmd))?(?::?[-=][^}]*)?\}?", re.IGNORECASE
)
_LAUNCHERS = frozenset(["torchrun", "accelerate", "deepspeed"])
"""Programs that are Python themselves and start a trainer's file or module."""
_RUNNERS = frozenset(
    [
        *("srun", "mpirun", "mpiexec", "env", "nice", "ionice", "timeout", "stdbuf", "taskset", "numactl"),
        *("apptainer", "singularity", "conda", "mamba", "micromamba", "uv", "poetry", "pixi", "pdm"),
    ]
)
"""Programs that run what stands behind their options."""
_WITH_A_VALUE = frozenset(["-X", "-W"])
_PIPES = ("|", "|&")
_ANOTHER_SHELL = frozenset(["exec", "command", "builtin", "nohup"])


class Runs(Enum):
    """What the words of a command end in: a Python's arguments, a program that a Python on its first line runs
    (``torchrun``), or anything else.
    """

    PYTHON = "python"
    CONSOLE_SCRIPT = "console script"
    PROGRAM = "program"


@dataclass(frozen=True)
class Training:
    """A script cut before its command. All words are as they stand in the script, not expanded.

    ``setup``      the script up to the command, or up to what it stands in
    ``words``      what stays, up to the interpreter and its options (assignments first); empty where no single command
                   can be told
    ``arguments``  what the interpreter would be given: the trainer's file, or ``-m`` and a module, and all behind it
    ``why``        why no single command can be told
    """

    setup: str
    words: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    runs: Runs = Runs.PROGRAM
    why: str = ""

    @property
    def program(self) -> str:
        """The word that bash looks up; "" where no command can be told."""
        return _first((*self.words, *self.arguments))

    @property
    def asks_slurm(self) -> bool:
        """Whether it would ask for an allocation of its own outside of a job."""
        return bare(self.program).rpartition("/")[2] in ("srun", "salloc", "sbatch")


def find(text: str) -> Training:
    """The command that does a script's work."""
    try:
        scan = Scan(text)
    except ScriptError as error:
        return Training("", why=f"it cannot be told where its commands end: {error}")
    found = commands.read(scan)
    chosen = _chosen(candidates.find(text, scan))
    if chosen is None:
        outermost = [command.start for command in found if not command.within and command.words]
        return Training(
            text[: outermost[-1] if outermost else len(text)], why="none of its commands may be a training"
        )
    if chosen.within:
        why = "its training runs in a loop, a condition, a group, a function or a substitution"
        return Training(text[: _begin_of_outermost(found, chosen)], why=why)
    return _cut(text[: _begin_of_pipeline(found, chosen)], _words(chosen))


def _chosen(found: Found) -> Command | None:
    possible = [one.command for one in found.training() or found.candidates]
    python = [command for command in possible if _runs_python(_words(command))]
    given = [command for command in python if any(map(_is_handed_on, _words(command)))]
    return next(iter((given or python or possible)[-1:]), None)


def _begin_of_pipeline(found: Sequence[Command], command: Command) -> int:
    """What feeds a command by a pipe is left out."""
    beside = [other for other in found if not other.within and other.start <= command.start]
    while len(beside) > 1 and beside[-1].before in _PIPES:
        beside.pop()
    return beside[-1].start


def _begin_of_outermost(found: Sequence[Command], command: Command) -> int:
    """Where that begins which a command stands in: a construct, or the command with its substitution."""
    around = [one.start for one in command.within if one.kind != "$("]
    around += [o.start for o in found if not o.within and o.start <= command.start < o.end]
    around += [
        w.start for o in found for w in o.within[:1] if w.kind != "$(" and o.start <= command.start < o.end
    ]
    return min(around, default=command.start)


def interpreter(words: Sequence[str]) -> int | None:
    """Which of a command's words is the Python; None where none is.

    >>> interpreter(["srun", "--mpi=none", "/opt/py/bin/python3.11", "-u", "train.py"]), interpreter(["./a.out"])
    (2, None)
    >>> interpreter(["$PY", "-u", "train.py"]), interpreter(["uv", "run", "train.py"])
    (0, None)
    """
    for place, word in enumerate(map(bare, words)):
        if _PYTHON.fullmatch(word) or _VARIABLE_PYTHON.fullmatch(word):
            return place
    file = trainer(words)
    before = file - 1 if file else -1
    while before > 0 and words[before].startswith("-"):
        before -= 1
    return before if before >= 0 and bare(words[before]).startswith("$") else None


def trainer(words: Sequence[str]) -> int | None:
    """Which of a command's words is the trainer's file."""
    files = (place for place, word in enumerate(words) if re.fullmatch(r"[^\s=]*\.py", bare(word)))
    return next(files, None)


def _words(command: Command) -> list[str]:
    """The words of a command, without redirections and the builtins that run a program; assignments first."""
    plain = [word for word in command.texts if word != PLACEHOLDER]
    while plain and plain[0] in _ANOTHER_SHELL:
        plain = plain[1:]
    return [*(token.text for token in command.assignments), *plain]


def _runs_python(words: Sequence[str]) -> bool:
    found = (interpreter(words), _behind_uv(words), _console_script(words))
    return any(place is not None for place in found)


def _is_handed_on(word: str) -> bool:
    return bool(re.search(r"\$[\d@*{A-Za-z]", word)) and not _VARIABLE_PYTHON.fullmatch(bare(word))


def _first(words: Sequence[str]) -> str:
    return next((word for word in words if not commands.is_assignment(word)), "")


def _cut(setup: str, words: list[str]) -> Training:
    place = interpreter(words)
    if place is not None:
        place += 1
        while place < len(words) and words[place].startswith("-") and words[place] not in ("-m", "-c", "-"):
            place += 2 if words[place] in _WITH_A_VALUE else 1
        inline = words[place : place + 1] == ["-c"]
        return Training(setup, tuple(words[:place]), () if inline else tuple(words[place:]), Runs.PYTHON)
    place = _behind_uv(words)
    if place is not None:
        return Training(setup, (*words[:place], "python"), tuple(words[place:]), Runs.PYTHON)
    place = _console_script(words)
    if place is not None:
        return Training(setup, tuple(words[:place]), tuple(words[place:]), Runs.CONSOLE_SCRIPT)
    return Training(setup, tuple(words))


def _behind_uv(words: Sequence[str]) -> int | None:
    """Which of the words of ``uv run`` is the trainer's file, or ``-m``, where only options and their values stand
    before it.
    """
    starts = (place + 2 for place in range(len(words)) if words[place : place + 2] == ["uv", "run"])
    for place in range(next(starts, len(words)), len(words)):
        if words[place] == "-m" or trainer([words[place]]) == 0:
            return place
        if not any(word.startswith("-") for word in words[place - 1 : place + 1]):
            return None
    return None


def _console_script(words: Sequence[str]) -> int | None:
    """Which of the words is a program with a Python on its first line, as far as one can tell without that line."""
    begin = next((place for place, word in enumerate(words) if not commands.is_assignment(word)), 0)
    names = [bare(word).rpartition("/")[2] for word in words]
    end = len(words) if names[begin] in _RUNNERS else begin + 1
    files = (p for p in range(begin, end) if trainer([words[p]]) == 0 and (p == begin or "/" in words[p]))
    programs = (place for place in range(begin, end) if names[place] in _LAUNCHERS)
    return next(programs, next(files, None))
