"""Overrides and sweeps in Hydra's words: ``lr=0.1,0.01``, ``+seed=range(0,5)``, ``~db``, ``group@package=a``.

What Hydra 1.3 accepts is accepted and means the same. Beyond it: sweeps may be nested and flatten, ranges
are exact decimals, ``shuffle`` has a seed, quoted strings in functions stay strings, an empty sweep is an
error, and unquoted text may hold ``; # & ~`` and non-ASCII characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hyperherd.errors import GrammarError
from hyperherd.grammar.elements import holds_sweep, parse_value
from hyperherd.grammar.sweep_values import SWEEPS, Choice, Item, Range, Sweep, item, plain

MOST_VALUES = 5_000_000
"""A range with more values than this is taken for a mistake: they would not fit into memory."""

_ID = r"[A-Za-z_][A-Za-z0-9_-]*"
_NAME = r"[A-Za-z_$][A-Za-z0-9_$-]*"
_PART = rf"(?:{_NAME}|0|[1-9](?:_?[0-9])*)"
_PACKAGE = rf"(?:{_PART}(?:\.{_PART})+|{_NAME}|)"
_OVERRIDE = re.compile(
    rf"(?P<prefix>~|\+\+|\+|)(?P<key>{_ID}(?:/{_ID})+|{_PACKAGE})"
    rf"(?:@(?P<package>{_PACKAGE}))?(?P<equals>=)?"
)


@dataclass(frozen=True)
class Override:
    """One override. ``item.value`` is a value, a sweep, or None for a deletion without one.

    ``prefix`` is one of ``""``, ``+``, ``++``, ``~``; ``package`` is None where there is no ``@``;
    ``has_value`` is False for ``~key`` alone; ``text`` is the source.
    """

    prefix: str
    key: str
    package: str | None
    item: Item
    has_value: bool
    text: str

    @property
    def name(self) -> str:
        """What stands before the ``=``, prefix and package included; equal names replace each other."""
        return self.prefix + self.key + ("" if self.package is None else f"@{self.package}")

    @property
    def is_sweep(self) -> bool:
        return isinstance(self.item.value, SWEEPS)

    def choices(self, seed: int = 0) -> list[Item]:
        """The values one by one, each with its source; what is no sweep is one. Raises `GrammarError`."""
        return _Expansion(self.text, _seeded(seed, self.name)).of(self.item)


def parse(text: str, *, seed: int = 0) -> Override:
    """One override. Raises `GrammarError`, a caret under what is wrong."""
    found = _OVERRIDE.match(text)
    if found is None or not found["equals"]:
        end = found.end() if found else 0
        if found and found["prefix"] == "~" and end == len(text):
            return Override("~", found["key"], found["package"], Item(None, ""), False, text)
        raise _bad_name(text, end)
    value = parse_value(text, found.end(), seed=f"{seed} {found['key']}")
    return Override(found["prefix"], found["key"], found["package"], value, True, text)


def expand_value(text: str, *, seed: int = 0) -> list[Any]:
    """The values of a sweep such as ``range(0,5)`` or ``a,b``, as builtins; what is no sweep is one value.

    The same ``seed`` gives the same order to ``shuffle``. Raises `GrammarError`.

    >>> expand_value("range(0,1,0.25)"), expand_value("adam, 'sgd', [1,2]")
    ([0.0, 0.25, 0.5, 0.75], ['adam', 'sgd', [1, 2]])
    """
    found = _Expansion(text, _seeded(seed, "")).of(parse_value(text, seed=f"{seed} "))
    return [plain(choice.value) for choice in found]


def _seeded(seed: int, name: str) -> Random:
    """Different keys shuffle differently; the same key always in the same way."""
    return Random(f"{seed} {name}")


def _bad_name(text: str, position: int) -> GrammarError:
    if position == len(text):
        return GrammarError("a value is missing", text=text, position=position, hint="write name=value")
    what = f"{text[position]!r} cannot stand in a name"
    hint = (
        "a name is letters, digits and _ - $, parted by . (or by / for a config group), then = and the value"
    )
    return GrammarError(what, text=text, position=position, hint=hint)


@dataclass(frozen=True)
class _Expansion:
    """Lists what a value or sweep stands for; ``text`` is for messages."""

    text: str
    random: Random

    def of(self, whole: Item) -> list[Item]:
        choices = list(self._each(whole))
        if not choices:
            raise self._error(whole, "an empty sweep: it has no values", "")
        return choices

    def _each(self, one: Item) -> Iterator[Item]:
        value = one.value
        if isinstance(value, Choice):
            yield from self._in_order(value, [choice for part in value.items for choice in self._each(part)])
        elif isinstance(value, Range):
            yield from self._in_order(value, self._range(one, value))
        elif isinstance(value, SWEEPS):
            kind = type(value).__name__.lower()
            hint = "write the values: choice(a,b,c), or range(start,stop,step)"
            raise self._error(one, f"{kind}() cannot be listed", hint)
        elif holds_sweep(value):
            hint = "sweep over whole lists or maps: choice([1,2],[3,4])"
            raise self._error(one, "a sweep inside of a list or map", hint)
        else:
            yield one

    def _in_order(self, sweep: Sweep, choices: list[Item]) -> list[Item]:
        shuffled = isinstance(sweep, (Choice, Range)) and sweep.shuffled
        return self.random.sample(choices, len(choices)) if shuffled else choices

    def _range(self, one: Item, swept: Range) -> list[Item]:
        try:
            count = swept.count()
            if count <= MOST_VALUES:
                return [item(number) for number in swept.values()]
        except (ValueError, OverflowError) as error:
            raise self._error(one, f"a range that cannot be listed: {error}", "") from error
        raise self._error(one, f"a range of {count} values", f"at most {MOST_VALUES} are listed")

    def _error(self, one: Item, what: str, hint: str) -> GrammarError:
        return GrammarError(what, text=self.text, position=max(0, self.text.find(one.text)), hint=hint)
