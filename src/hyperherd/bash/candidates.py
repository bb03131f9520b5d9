"""Which commands of a script may be its training: all that are reached and are not surely something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hyperherd.bash import commands, ending, programs
from hyperherd.bash.commands import Command
from hyperherd.bash.ending import Ending
from hyperherd.bash.programs import Does
from hyperherd.bash.scanning import Scan

_VARIABLE = re.compile(r'"?\$\{?(\w+)(?:\[[@*]\])?\}?"?')
_DEEPEST = 4
"""A variable may hold another."""

_HANDS_ON = re.compile(r'(?:\w+\+?=\((?:.*\s)?)?"\$(?:@|\{@[:}])')
"""A word, or an array, that stands for what a function was given, each as it is."""
_SHOWN = 3
"""Calls of a function in messages."""

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


def misled(text: str, found: Sequence[Command], command: Command) -> str:
    """Why words given to this command by the user would be run as bash, or be lost; "" if neither."""
    return _Script(text, found).misled(command)


class _Script:
    """A script's commands. A call of one of its functions stands for what is in it, or for the words that it runs."""

    def __init__(self, text: str, found: Sequence[Command]) -> None:
        self._found = found
        self._functions = commands.functions(found)
        self._variables = commands.variables(found)
        any_may_be_called = any(map(self._calls_what_it_is_told, found))
        self._unused = {
            name for name in self._functions if not any_may_be_called and not _is_mentioned(name, text, found)
        }
        running = [command for command in found if _runs_arguments(command)]
        self._handing_on = {name: [c for c in running if name in c.functions] for name in self._functions}

    def candidate(self, command: Command) -> Candidate | None:
        """The candidate that a command is; None for one that surely trains nothing, or never runs."""
        if command.functions & self._unused or _runs_arguments(command):
            return None
        readings = self._readings(command.texts)
        if any(one.kind == "$(" for one in command.within) and all(map(programs.is_code, readings)):
            return None
        redirections = [one.text for one in command.redirections]
        faults = [fault for words in readings if (fault := self._fault(words, redirections)) is not None]
        return (
            Candidate(command, next(filter(None, faults), "") or self._differs(command)) if faults else None
        )

    def misled(self, command: Command, inside: frozenset[str] = frozenset()) -> str:
        """Why words given to a command would be run as bash, or be lost; ``inside`` of which functions it is."""
        for words in self._readings(command.texts):
            name = programs.bare(_program(words))
            fault = programs.misread(words)
            if name in self._functions - inside:
                fault = fault or self._misled_in(name, inside | {name})
            if fault:
                return fault
        place = self._found.index(command) + 1
        following = self._found[place] if command.after in ("|", "|&") and place < len(self._found) else None
        if following and programs.reads_commands(following.texts) and not programs.may_train(command.texts):
            return f"piped into {_program(following.texts)}, which would run what is in the overrides"
        return ""

    def _misled_in(self, name: str, inside: frozenset[str]) -> str:
        there = [command for command in self._found if name in command.functions]
        words = [token.text for command in there for token in (*command.assignments, *command.words)]
        run = [word for command in there if programs.may_train(command.texts) for word in command.texts]
        as_they_are = any(map(_HANDS_ON.match, words))
        if not as_they_are or any(_holds([word], "@*") and not _HANDS_ON.match(word) for word in run):
            return f'its function {name}, which does not hand on words as they are: with "$@" it would'
        given = (command for command in there if _holds(command.texts, self._arguments(name)))
        return next(filter(None, (self.misled(command, inside) for command in given)), "")

    def _calls_what_it_is_told(self, command: Command) -> bool:
        """Whether a word that is not known, such as ``"$1"``, may be the name of a function."""
        name = programs.bare(_program(command.texts))
        if "$" not in name or re.search(r"[/.]", name) or _runs_arguments(command):
            return False
        found = _VARIABLE.fullmatch(name)
        values = self._variables.get(found[1]) if found else None
        return not values or any(value is None or "$" in "".join(value[:1]) for value in values)

    def _differs(self, command: Command) -> str:
        """Why a command surely is not the same training each time it runs; "" where it may be."""
        for name in sorted(command.functions):
            calls = self._calls(name, frozenset())
            words = [word for call in calls for word in call.split()[1:]]
            if len(calls) > 1 and self._is_told(command, self._arguments(name), words):
                shown = "; ".join(sorted(calls)[:_SHOWN])
                return f"in its function {name}, which is called for several things: {shown}"
        loops = [one for one in command.within if one.kind in ("for", "select") and not _is_one(one.items)]
        if any(self._is_told(command, {one.name}, one.items) for one in loops if one.name):
            return "another one in each turn of its loop"
        return (
            "another one for each line that is read"
            if self._is_told(command, self._read_in(command), ())
            else ""
        )

    def _is_told(self, command: Command, names: set[str], values: Sequence[str]) -> bool:
        """Whether these variables say what is run: they name its program or file, or a step that is no training."""
        if _holds(programs.named(command.texts), names):
            return True
        is_training = programs.is_named_training(programs.trainer(command.texts))
        steps = [
            programs.bare(value)
            for value in values
            if programs.is_named_training(programs.bare(value)) is False
        ]
        return not is_training and bool(steps) and _holds(command.texts, names)

    def _read_in(self, command: Command) -> set[str]:
        """The variables that are read in a loop that it stands in."""
        loops = {one.start for one in command.within if one.kind in ("while", "until")}
        reading = [
            one
            for one in self._found
            if _program(one.texts) == "read" and loops & {around.start for around in one.within}
        ]
        return {programs.bare(word) for one in reading for word in one.texts[1:]}

    def _calls(self, name: str, inside: frozenset[str]) -> set[str]:
        """The calls of a function, as they stand; of one that hands on its words also who calls that."""
        calls = set()
        for command in self._found:
            if programs.bare(_program(command.texts)) != name or name in command.functions:
                continue
            around = [
                one for one in command.functions - inside if _holds(command.texts, self._arguments(one))
            ]
            for one in around:
                calls |= self._calls(one, inside | {name})
            if not around:
                calls.add(" ".join(command.texts))
                loops = [one for one in command.within if one.kind in ("for", "select")]
                names = {one.name for one in loops if one.name and not _is_one(one.items)}
                if _holds(command.texts, names | self._read_in(command)):
                    calls.add(f"{' '.join(command.texts)} in a loop")
        return calls

    def _arguments(self, name: str) -> set[str]:
        """What stands for a function's arguments in it: ``1``, ``@``, and variables that were given one."""
        known = set("123456789@*")
        for command in self._found:
            if name in command.functions:
                declared = [token.text for token in (*command.assignments, *command.words[1:])]
                known |= {
                    word.partition("=")[0]
                    for word in declared
                    if commands.is_assignment(word) and _holds([word.partition("=")[2]], known)
                }
        return known

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
            words = programs.program(words)[1 + self._shifts(name) :]
        if programs.does(words) is Does.NO_TRAINING or self._starts_a_function(words):
            return None
        if _program(words) in programs.SOURCING:
            fault = fault or f"in the file of {words[0]}, which need not hand on the words behind it"
        return fault or programs.unreached(words, redirections)

    def _shifts(self, name: str) -> int:
        """How many of its first words a function takes off."""
        return sum(
            command.texts[0] == "shift"
            for command in self._found
            if command.words and name in command.functions
        )

    def _starts_a_function(self, words: Sequence[str]) -> bool:
        """Whether it is ``parallel train ::: 1 2`` of a function of the script's own."""
        behind = programs.program((programs.text_for_a_shell(words) or "").split())
        return bool(behind) and programs.bare(behind[0]) in self._functions


def _holds(words: Sequence[str], names: Iterable[str]) -> bool:
    """Whether one of these variables stands in the words, not in single quotes."""
    one = "|".join(re.escape(name) for name in names)
    pattern = re.compile(rf"\$(?:\{{[#!]?)?(?:{one})(?!\w)") if one else None
    return pattern is not None and any(pattern.search(re.sub(r"'[^']*'", "", word)) for word in words)


def _is_one(items: Sequence[str]) -> bool:
    return len(items) == 1 and not re.search(r"[$*?{`\[]", items[0])


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
