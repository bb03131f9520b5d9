"""The ``#SBATCH`` lines of a script, read as sbatch reads them.

Sources: man sbatch (22.05 to 24.11), getopt_long(3).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hyperherd.errors import ScriptError, nearest
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.slurm import options as table
from hyperherd.launchers.slurm.forms import Kind
from hyperherd.launchers.slurm.option_table import APART, BARE, REFUSED, SHORT, SHORT_FLAGS
from hyperherd.launchers.slurm.options import KINDS


@dataclass(frozen=True)
class Option:
    """One option as it stands: ``name`` with ``_`` ("" for one that is not in our table), its value (True: none), and
    its words.
    """

    name: str
    value: str | bool
    words: tuple[str, ...]


@dataclass(frozen=True)
class Directives:
    """What lines ask for: ``options`` by name with ``_``, those of `APART` in ``herds``; ``extra`` are raw words of
    options that only this cluster may know.
    """

    options: Mapping[str, Value] = field(default_factory=dict)
    herds: Mapping[str, Value] = field(default_factory=dict)
    extra: tuple[str, ...] = ()


def read(script: str) -> Directives:
    """What the ``#SBATCH`` lines of a script ask for; of two that say the same the later one holds.

    Raises `ScriptError` for what sbatch would refuse.

    >>> read("#!/bin/bash\\n#SBATCH -t 10 --gres=gpu:1  # short\\necho\\n#SBATCH -t 1\\n").options
    {'time': '10', 'gres': 'gpu:1'}
    """
    found = []
    for number, line in _lines(script):
        for option in options(_checked(words(line), number)):
            _check(option, number)
            found.append(option)
    return _sorted(found)


def taken(lines: Iterable[str]) -> Directives:
    """The same of raw lines that a user adds, with or without their ``#SBATCH``; what is wrong in them is for `check`.

    >>> made = taken(["--export=NONE", "#SBATCH -t 5 --spank=a", "--chdir=/data"])
    >>> made.options, made.herds, made.extra
    ({'export': 'NONE', 'time': '5'}, {'chdir': '/data'}, ('--spank=a',))
    """
    return _sorted(option for line in lines for option in options(words(line)))


def _sorted(found: Iterable[Option]) -> Directives:
    asked: dict[str, Value] = {}
    herds: dict[str, Value] = {}
    extra: list[str] = []
    for option in found:
        if option.name in APART:
            herds[option.name] = option.value
        elif option.name:
            asked = table.merged(asked, {option.name: option.value})
        else:
            extra.append(" ".join(map(table.quoted, option.words)))
    return Directives(asked, herds, tuple(extra))


def _lines(script: str) -> Iterator[tuple[int, str]]:
    """The directives, with the numbers of their lines: they end with the first line of commands."""
    for number, line in enumerate(script.split("\n"), 1):
        if line.startswith("#SBATCH"):
            yield number, line
        elif line.strip() and not line.lstrip().startswith("#"):
            return


def words(line: str) -> list[str]:
    """The words of a raw line as sbatch splits it; none where a quote is not closed."""
    try:
        return shlex.split(line.strip().removeprefix("#SBATCH"), comments=True)
    except ValueError:
        return []


def _checked(found: list[str], number: int) -> list[str]:
    where = f"line {number}"
    if not found:
        raise ScriptError("no option on this #SBATCH line, or a quote that is not closed", where=where)
    if found[0] in ("hetjob", "packjob"):
        raise ScriptError("a job of several parts (hetjob) cannot be an array", where=where)
    if not found[0].startswith("-"):
        hint = nearest(f"--{found[0]}", [f"--{name.replace('_', '-')}" for name in (*KINDS, *REFUSED)])
        raise ScriptError(f"'{found[0]}' is no option of sbatch", where=where, hint=hint)
    return found


def _check(option: Option, number: int) -> None:
    if option.name and option.name not in APART and (told := table.refusal(option.name, option.value)):
        what = f"--{option.name.replace('_', '-')}: {told[0]}"
        raise ScriptError(what, where=f"line {number}", hint=told[1])


def options(given: Sequence[str]) -> Iterator[Option]:
    """The options in words, as getopt reads them: a long one by any beginning that is its alone, its value behind ``=``
    or in the next word; several short flags in one word.

    >>> [(o.name, o.value) for o in options(["--err=x", "-HN2", "--exclusive", "--time", "5", "--spank=a"])]
    [('error', 'x'), ('hold', True), ('nodes', '2'), ('exclusive', True), ('time', '5'), ('', True)]
    """
    rest = list(given)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            yield _long(word, rest)
        elif word.startswith("-"):
            yield from _short(word, rest)


def _long(word: str, rest: list[str]) -> Option:
    """``rest`` loses the word that is its value."""
    name, equals, value = word[2:].partition("=")
    name = _full(name.replace("-", "_"))
    if not name:
        taken = [rest.pop(0)] if rest and not equals and not rest[0].startswith("-") else []
        return Option("", True, (word, *taken))
    if equals:
        return Option(name, value, (word,))
    return _valued(name, word, rest)


def _full(name: str) -> str:
    """The option that a beginning stands for; "" for none."""
    known = [*KINDS, *REFUSED]
    if name in known:
        return name
    matches = [other for other in known if other.startswith(name)]
    return matches[0] if len(matches) == 1 else ""


def _short(word: str, rest: list[str]) -> Iterator[Option]:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = SHORT.get(letter, "")
        if letter in SHORT_FLAGS:
            yield Option(name, True, (f"-{letter}",))
        elif letters:
            yield Option(name, letters, (f"-{letter}{letters}",))
            return
        else:
            yield _valued(name, word, rest)


def _valued(name: str, word: str, rest: list[str]) -> Option:
    """An option without ``=``: the next word is its value, where it takes one."""
    takes_none = name in BARE or KINDS.get(name) in (Kind.FLAG, Kind.OPTIONAL)
    if takes_none or not rest:
        return Option(name, True, (word,))
    value = rest.pop(0)
    return Option(name, value, (word, value))
