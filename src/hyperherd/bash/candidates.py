"""Which commands of a script may be its training: all that are reached and are not surely something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hyperherd.bash import commands, ending, programs
from hyperherd.bash.commands import Command
from hyperherd.bash.ending import Ending
from hyperherd.bash.programs import Does
from hyperherd.bash.scanning import Scan

_VARIABLE = re.compile(r'"?\$\{?(\w+)(?:\[[@*]\])?\}?"?')
_DEEPEST = 4
"""A variable may hold another."""

_ARGUMENTS = ('"$@"', "$@", "$*", '"$*"')


@dataclass(frozen=True)
class Candidate:
    """A command that may be the training. ``fault`` says why words behind it would not reach one; "" if they would."""

    command: Command
    fault: str = ""

    @property
    def trains(self) -> str:
        """What tells one training from another."""
        return programs.trainer(self.command.texts)


@dataclass(frozen=True)
class Found:
    """The candidates by their place; ``never_run`` are those behind the script's certain ``ending``."""

    candidates: Sequence[Candidate]
    never_run: Sequence[Candidate]
    ending: Ending | None

    def training(self) -> Sequence[Candidate]:
        """The one command, or the same training in branches of which one runs; none if it is not certain.

        A file that is named for training is one beside files that are all named for something else.
        """
        named = [programs.is_named_training(one.trains) for one in self.candidates]
        chosen = self.candidates
        if True in named and None not in named:
            chosen = [one for one, trains in zip(self.candidates, named, strict=True) if trains]
        same = all(
            other.trains == first.trains and first.command.excludes(other.command)
            for place, first in enumerate(chosen)
            for other in chosen[place + 1 :]
        )
        return chosen if same else ()


def find(text: str, scan: Scan) -> Found:
    """All candidates of a script."""
    found = commands.read(scan)
    script = _Script(text, found)
    end = ending.find(found)
    made = [one for command in found if (one := script.candidate(command))]
    return Found(
        [one for one in made if end is None or one.command.start < end.end],
        [one for one in made if end is not None and one.command.start >= end.end],
        end,
    )


class _Script:
    """A script's commands. A call of one of its functions stands for what is in it, or for the words that it runs."""

    def __init__(self, text: str, found: Sequence[Command]) -> None:
        self._functions = commands.functions(found)
        self._unused = {name for name in self._functions if not _is_mentioned(name, text, found)}
        running = [command for command in found if _runs_arguments(command)]
        self._handing_on = {name: [c for c in running if name in c.functions] for name in self._functions}
        self._variables = commands.variables(found)

    def candidate(self, command: Command) -> Candidate | None:
        """The candidate that a command is; None for one that surely trains nothing, or never runs."""
        if command.functions & self._unused or _runs_arguments(command):
            return None
        readings = self._readings(command.texts)
        if any(one.kind == "$(" for one in command.within) and all(map(programs.is_code, readings)):
            return None
        redirections = [one.text for one in command.redirections]
        faults = [fault for words in readings if (fault := self._fault(words, redirections)) is not None]
        return Candidate(command, next(filter(None, faults), "")) if faults else None

    def _readings(self, words: Sequence[str], inside: tuple[str, ...] = ()) -> list[list[str]]:
        """What a command may run, as far as the script says what its variables hold; ``inside`` of which it is."""
        behind = programs.program(words)
        name = _VARIABLE.fullmatch(behind[0]) if behind else None
        values = self._variables.get(name[1], []) if name and len(inside) < _DEEPEST else []
        if name and name[1] in inside:  # CMD="$CMD --more"
            values = [value for value in values if not value or not value[0].startswith("$")]
        known = [value for value in values if value is not None]
        found = [self._readings([*value, *behind[1:]], (*inside, name[1] if name else "")) for value in known]
        readings = [reading for one in found for reading in one]
        return readings if readings and len(known) == len(values) else [*readings, list(words)]

    def _fault(self, words: Sequence[str], redirections: Sequence[str]) -> str | None:
        """Why words behind these would not reach a training, "" if they would; None where they surely train nothing."""
        fault = ""
        while (name := programs.bare(_program(words))) in self._functions:
            behind = self._handing_on[name]
            if not behind:
                return None
            if any(_program(one.texts) != '"$@"' for one in behind):
                fault = f'its function {name}, which does not hand on words as they are: with "$@" it would'
            words = programs.program(words)[1:]
        if programs.does(words) is Does.NO_TRAINING or self._starts_a_function(words):
            return None
        return fault or programs.unreached(words, redirections)

    def _starts_a_function(self, words: Sequence[str]) -> bool:
        """Whether it is ``parallel train ::: 1 2`` of a function of the script's own."""
        behind = programs.program((programs.text_for_a_shell(words) or "").split())
        return bool(behind) and programs.bare(behind[0]) in self._functions


def _program(words: Sequence[str]) -> str:
    """The word that names what is run, as it stands."""
    return next(iter(programs.program(words)), "")


def _runs_arguments(command: Command) -> bool:
    """Whether it runs what its function was called with."""
    return bool(command.functions) and _program(command.texts) in _ARGUMENTS


def _is_mentioned(name: str, text: str, found: Sequence[Command]) -> bool:
    """Whether a function may be called from outside of itself."""
    own = [one for command in found for one in command.within if one.kind == "function" and one.name == name]
    inside = [command for command in found if name in command.functions]
    begin, end = min(one.start for one in own), max(command.end for command in inside)
    word = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
    return bool(word.search(text, 0, begin) or word.search(text, end))
