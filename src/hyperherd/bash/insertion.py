"""Where overrides stand in a script: behind its training, or where it says ``{overrides}``, or where the user says.

What is certain is done (`hyperherd.bash.candidates`): the one command that may be the training gets the words. Where
several may be it, or none, the error shows them and what to type.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperherd.bash import candidates, commands, ending, programs
from hyperherd.bash.candidates import Candidate, Found
from hyperherd.bash.commands import Command
from hyperherd.bash.ending import Ending
from hyperherd.bash.programs import Does
from hyperherd.bash.quoting import quote, quote_portably, unquote
from hyperherd.bash.scanning import PLACEHOLDER, Scan, line_of, number_of_line
from hyperherd.errors import ScriptError, UsageError

LAST = "last"
"""What ``--at`` says for the last command of the script, whatever it is."""

_SHELLS = frozenset(["bash", "sh", "dash", "ash", "ksh", "zsh"])
_SHEBANG = re.compile(r"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*(\S+))?")
_CARRIAGE_RETURN = re.compile(r"[ \t]*\r(?:\n|\Z)")
_HINT = f"write {PLACEHOLDER} where they belong, as in python main.py {PLACEHOLDER}"
_LONGEST = 9
"""Digits of a line's number; no script is longer."""
_SHOWN = 80
"""Characters of a command in messages."""


@dataclass(frozen=True)
class Place:
    """A script cut where the overrides stand: ``parts`` are what is around them.

    ``before`` is put before the first word and ``after`` behind the last, where there are any. ``lines`` and
    ``command`` name who gets them: ``line 9``, ``python main.py``.
    """

    parts: tuple[str, ...]
    before: str
    after: str
    quote: Callable[[str], str]
    lines: str
    command: str

    @property
    def told(self) -> str:
        """Who gets the overrides, for people."""
        return f"{self.lines}: {self.command}"

    def script(self, words: Sequence[str]) -> str:
        """The script with these words; what they hold is never run, and arrives as it is."""
        return self.inserted(words).join(self.parts)

    def inserted(self, words: Sequence[str]) -> str:
        """What stands between the parts for these words; "" for none."""
        return self.before + " ".join(map(self.quote, words)) + self.after if words else ""

    def words(self, script: str) -> list[str] | None:
        """The reverse of `script`; None for a text that it does not make."""
        length, rest = divmod(len(script) - sum(map(len, self.parts)), len(self.parts) - 1)
        if rest or length < 0:
            return None
        first = len(self.parts[0])
        inserted = script[first : first + length]
        if inserted.join(self.parts) != script:
            return None
        if not inserted:
            return []
        if not inserted.startswith(self.before) or not inserted.endswith(self.after):
            return None
        return unquote(inserted[len(self.before) : len(inserted) - len(self.after)])


def find(text: str, at: str = "") -> Place:
    """Where overrides stand in this script; ``at`` is what the user says: the number of a line, `LAST`, or nothing.

    Raises `ScriptError`, which says what else to write, and `UsageError` for an ``at`` that is neither.
    """
    if "\0" in text:
        raise ScriptError("no script: it holds NUL bytes", hint="a text file that bash runs is wanted here")
    quoting = _quoting(text)
    scan = Scan(text)
    placed = _placeholders(text, scan)
    if placed and at:
        raise ScriptError(
            f"the script says {PLACEHOLDER} already", where=line_of(text, placed[0]), hint="leave --at out"
        )
    if placed:
        parts = _cut(text, [(place, place + len(PLACEHOLDER)) for place in placed])
        return Place(parts, "", _behind(parts), quoting, _lines(text, placed), PLACEHOLDER)
    found = _asked_for(text, scan, at) if at else _training(text, scan)
    _refuse_backticks(text, scan, [command.end for command in found])
    lines = _lines(text, [command.words[0].start for command in found])
    parts = _cut(text, [(command.end, command.end) for command in found], scan.dangling)
    return Place(parts, " ", _behind(parts), quoting, lines, _shown(text, found[0]))


def reads_an_argument(text: str) -> str:
    """Where a script reads an argument of its own (``$1``), not of a function: ``line 3``; "" where it does not.

    >>> reads_an_argument("f() { echo $1; }\\nf x | awk '{print $1}'\\nC=${1:?}\\n"), reads_an_argument("f $x\\n")
    ('line 3', '')
    """
    for command in commands.read(Scan(text)):
        for token in (*command.assignments, *command.words) if not command.functions else ():
            if re.search(r"\$\{?[1-9]", re.sub(r"'[^']*'", "", token.text)):
                return line_of(text, token.start)
    return ""


def _refuse_backticks(text: str, scan: Scan, places: Sequence[int]) -> None:
    """Raise `ScriptError` for a place in backticks, where bash takes backslashes and backticks out of any quotes."""
    for start, end in scan.backticks:
        if any(start < place < end for place in places):
            what = "the command stands in backticks, in which overrides would be changed, or run"
            raise ScriptError(what, where=line_of(text, start), hint="write $(...) in their place")


def _cut(text: str, places: Sequence[tuple[int, int]], dangling: int | None = None) -> tuple[str, ...]:
    """What is around these places; without the backslash that ends the file."""
    edges = [0, *(edge for place in places for edge in place), len(text)]
    parts = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    if dangling is not None:
        parts[-1] = text[places[-1][1] : dangling] + text[dangling + 1 :]
    return tuple(parts)


def _behind(parts: Sequence[str]) -> str:
    """A line end of Windows would become part of the last word: in a comment it does not."""
    ending = [_CARRIAGE_RETURN.match(part) is not None for part in parts[1:]]
    if any(ending) and not all(ending):
        raise ScriptError("some of its lines end as in Windows", hint="dos2unix gives them those of Unix")
    return " #" if any(ending) else ""


def interpreter(text: str) -> tuple[str, ...]:
    """The program that reads the script, and its argument, as the kernel takes them from its first line; bash where
    that names none.

    >>> interpreter("#!/bin/bash -l\\n"), interpreter("echo\\n")
    (('/bin/bash', '-l'), ('bash',))
    """
    line = text.partition("\n")[0]
    words = line[2:].strip().split(None, 1) if line.startswith("#!") else []
    return tuple(words) or ("bash",)


def _quoting(text: str) -> Callable[[str], str]:
    found = _SHEBANG.match(text)
    if found is None:
        return quote
    program = found[1].rpartition("/")[2].strip()
    program = (found[2] or program).rpartition("/")[2].strip() if program == "env" else program
    if program not in _SHELLS:
        raise ScriptError(
            f"a script for {program}: overrides can only be put into shell scripts",
            where="line 1",
            hint="call it from a bash script, and give that",
        )
    return quote if program == "bash" else quote_portably


def _placeholders(text: str, scan: Scan) -> list[int]:
    """Where the script says ``{overrides}``. Raises for one that would not be words of a command."""
    proper = set(scan.placeholders)
    for found in re.finditer(re.escape(PLACEHOLDER), text):
        place = found.start()
        comment = bisect.bisect_right(scan.comments, (place, 0)) - 1
        commented = comment >= 0 and place < scan.comments[comment][1]
        if place not in proper and not commented:
            raise ScriptError(
                _why_no_word(text, place, found.end()),
                where=line_of(text, place),
                hint=_where_instead(text, place),
            )
    if scan.placeholders:
        there = commands.read(scan)
        _refuse_dead(text, ending.find(there), min(scan.placeholders))
        _refuse_misled(text, there)
    return sorted(scan.placeholders)


def _where_instead(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    if found := re.match(r"\s*(?:export\s+)?(\w+)=", line):
        return f"write it where the variable is used: ${found[1]} {PLACEHOLDER}"
    return f"without quotes, with blanks around it: python main.py {PLACEHOLDER}"


def _refuse_misled(text: str, found: Sequence[Command]) -> None:
    """Raise `ScriptError` where ``{overrides}``, or an array that holds them, is given to what runs or loses them."""
    arrays = [
        token.text.partition("=")[0].rstrip("+")
        for command in found
        for token in (*command.assignments, *command.words)
        if commands.is_assignment(token.text) and PLACEHOLDER in token.text
    ]
    one = re.compile("|".join([re.escape(PLACEHOLDER), *(rf"\$\{{?{name}\b" for name in arrays)]))
    for command in found:
        if any(map(one.search, command.texts)) and (fault := candidates.misled(text, found, command)):
            hint = "call the program without it"
            raise ScriptError(
                f"the overrides are given to {fault}", where=line_of(text, command.start), hint=hint
            )


def _why_no_word(text: str, start: int, end: int) -> str:
    mark = text[start - 1 : start]
    if mark in ("'", '"') and text[end : end + 1] == mark:
        return (
            f"{PLACEHOLDER} is in quotes, and would be one word: each override is a word of its own, "
            "and is quoted already where it must be"
        )
    return f"{PLACEHOLDER} is not a word of its own here (in quotes, a here-document, or part of a word)"


def _refuse_dead(text: str, found: Ending | None, place: int) -> None:
    """Raise `ScriptError` if the script has certainly ended before it comes to this place."""
    if found is not None and found.end <= place:
        word = found.word
        what = f"the script ends here, with {word.text}: the command that overrides belong to would never run"
        hint = f"take it away, or write {PLACEHOLDER} at a command before it: python main.py {PLACEHOLDER}"
        raise ScriptError(what, where=line_of(text, word.start), hint=hint)


def _training(text: str, scan: Scan) -> Sequence[Command]:
    """The training's command, or commands of which one runs. Raises `ScriptError` where it is not certain."""
    found = candidates.find(text, scan)
    training = found.training()
    if not found.candidates:
        raise _without_candidates(text, scan, found)
    if not training:
        raise _several(text, found.candidates)
    for one in training:
        if one.fault:
            what = f"the script's training is {one.fault}"
            raise ScriptError(what, where=line_of(text, one.command.start), hint=_HINT)
    return [one.command for one in training]


def _without_candidates(text: str, scan: Scan, found: Found) -> ScriptError:
    if found.never_run:
        _refuse_dead(text, found.ending, found.never_run[0].command.start)
    if not any(command.words for command in commands.read(scan)):
        return ScriptError("the script has no command", hint="its training is what overrides are appended to")
    return ScriptError(
        "the script has no command that may be a training: programs such as echo and cp surely are none",
        hint=f"{_HINT}, or name the command's line: --at LINE",
    )


def _several(text: str, found: Sequence[Candidate]) -> ScriptError:
    shown = "".join(
        f"\n  {line_of(text, one.command.words[0].start)}: {_shown(text, one.command)}" for one in found
    )
    number = number_of_line(text, found[-1].command.words[0].start)
    return ScriptError(
        f"several commands may be its training, and it is not certain which is to get the overrides:{shown}",
        hint=f"name the line of one, such as --at {number}, or {_HINT}",
    )


def _asked_for(text: str, scan: Scan, at: str) -> Sequence[Command]:
    """The command that the user means. Raises `ScriptError`, `UsageError`."""
    if at != LAST and not re.fullmatch("[0-9]+", at):
        raise UsageError(f"--at {at}: the number of a line, or {LAST}, expected", hint="such as --at 12")
    found = commands.read(scan)
    outside = [c for c in found if c.words and all(one.kind != "$(" for one in c.within)]
    there = outside[-1:] if at == LAST else [c for c in outside if _spans(text, c, int(at[:_LONGEST]))]
    named = [c for c in there if programs.does(c.texts) is Does.PERHAPS_TRAINS] or there
    if len(named) != 1:
        few = "; ".join(_shown(text, command) for command in named)
        what = f"it has several commands: {few}" if named else "no command stands there"
        raise ScriptError(what, where=f"line {at}" if at != LAST else "", hint=_HINT)
    command = named[0]
    _refuse_dead(text, ending.find(outside), command.start)
    fault = programs.unreached(command.texts, [one.text for one in command.redirections])
    fault = fault or candidates.misled(text, found, command)
    if not fault and programs.runs_no_program(command.texts):
        fault = f"{command.texts[0]}, which runs no program"
    if fault:
        raise ScriptError(f"this command is {fault}", where=line_of(text, command.start), hint=_HINT)
    return [command]


def _spans(text: str, command: Command, line: int) -> bool:
    return number_of_line(text, command.start) <= line <= number_of_line(text, command.end)


def _lines(text: str, places: Sequence[int]) -> str:
    """``line 3``, or ``lines 3 and 5``."""
    numbers = list(dict.fromkeys(str(number_of_line(text, place)) for place in places))
    return f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"


def _shown(text: str, command: Command) -> str:
    words = " ".join(text[command.words[0].start : command.end].replace("\\\n", " ").split())
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 3]}..."
