"""The command of a script that does the work: the last one that runs Python, or else the last one.

It is found among the commands that stand in nothing else; what is in a loop, a condition or a function is not certain
to run, and not with which words. Where `hyperherd.bash.last_command` asks whether words may be appended, here only
what runs is asked: a pipe behind the command, or `|| exit 75`, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hyperherd.bash import ending
from hyperherd.bash.ending import without_prefix
from hyperherd.bash.scanning import PLACEHOLDER, Kind, Scan, Token
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
_NO_PROGRAM = frozenset(
    ["exit", "return", "wait", "cd", "export", "set", "trap", "source", ".", "echo", "module"]
)


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
        tokens = Scan(text).tokens
    except ScriptError as error:
        return Training("", why=f"it cannot be told where its commands end: {error}")
    end = ending.find(tokens)
    reached = [token for token in tokens if end is None or token.start < end.end]
    found = [(command, before) for command, before, _ in ending.outermost(reached) if _words(command)]
    place = _place([command for command, _ in found])
    if place is None or not _runs_python(_words(found[place][0])):
        construct = _python_inside(reached, found)
        if construct is not None:
            why = "its Python runs in a loop, a condition, a group or a function"
            return Training(text[:construct], why=why)
    if place is None:
        start = found[-1][0][0].start if found else len(text)
        return Training(text[:start], why="its last command runs no program")
    begin = place
    while begin and found[begin][1] in _PIPES:
        begin -= 1  # what feeds it by a pipe is left out
    return _cut(text[: found[begin][0][0].start], _words(found[place][0]))


def _python_inside(tokens: Sequence[Token], found: Sequence[tuple[Sequence[Token], str]]) -> int | None:
    """Where the construct begins that holds a command which runs Python; None where there is none."""
    plain = {token.start for command, _ in found for token in command}
    nesting, first, start = ending.Nesting(), 0, None
    for place, token in enumerate(tokens):
        before = bool(nesting.closers)
        nesting.follow(token)
        if not before:
            if token.kind is Kind.LINE_END or token.text in (";", "&", "&&", "||"):
                first = place + 1
            elif nesting.closers:
                start = tokens[first].start
        inside = token.kind is Kind.WORD and token.start not in plain
        if (
            start is not None
            and inside
            and (_PYTHON.fullmatch(bare(token.text)) or trainer([token.text]) == 0)
        ):
            return start
    return None


def bare(word: str) -> str:
    """A word without its quotes, as far as they are plain.

    >>> bare('"$VENV/bin/python"'), bare("'a'b")
    ('$VENV/bin/python', 'ab')
    """
    return re.sub(r"[\"']", "", word)


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


def _words(command: Sequence[Token]) -> list[str]:
    """The words of a command, without redirections and what stands before a program; empty where it runs none."""
    words = [token for token in command if token.kind is Kind.WORD]
    plain = list(without_prefix(words))
    kept = [word.text for word in words if word not in plain and ending.is_assignment(word.text)]
    while plain and plain[0].text in _ANOTHER_SHELL:
        plain = plain[1:]
    return [*kept, *(word.text for word in plain if word.text != PLACEHOLDER)] if plain else []


def _runs_python(words: Sequence[str]) -> bool:
    found = (interpreter(words), _behind_uv(words), _console_script(words))
    return any(place is not None for place in found)


def _place(commands: Sequence[Sequence[Token]]) -> int | None:
    """The last that runs Python with something of the trial's, else the last that runs Python, else the last."""
    words = [_words(command) for command in commands]
    python = [place for place, command in enumerate(words) if _runs_python(command)]
    given = [place for place in python if any(_is_handed_on(word) for word in words[place])]
    if python:
        return (given or python)[-1]
    others = [p for p, w in enumerate(words) if _first(w) not in _NO_PROGRAM]
    return others[-1] if others and others[-1] == len(words) - 1 else None


def _is_handed_on(word: str) -> bool:
    return bool(re.search(r"\$[\d@*{A-Za-z]", word)) and not _VARIABLE_PYTHON.fullmatch(bare(word))


def _first(words: Sequence[str]) -> str:
    return next((word for word in words if not ending.is_assignment(word)), "")


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
    begin = next((place for place, word in enumerate(words) if not ending.is_assignment(word)), 0)
    names = [bare(word).rpartition("/")[2] for word in words]
    end = len(words) if names[begin] in _RUNNERS else begin + 1
    files = (p for p in range(begin, end) if trainer([words[p]]) == 0 and (p == begin or "/" in words[p]))
    programs = (place for place in range(begin, end) if names[place] in _LAUNCHERS)
    return next(programs, next(files, None))
