"""Overrides and sweeps in Hydra's words: ``lr=0.1,0.01``, ``+seed=range(0,5)``, ``~db``, ``group@package=a``.

What Hydra 1.3 accepts is accepted and means the same. Beyond it: sweeps may be nested and flatten, ranges
are exact decimals, ``shuffle`` has a seed, quoted strings in functions stay strings, an empty sweep is an
error, unquoted text may hold ``; # & ~`` and non-ASCII characters, and there are ``zip(...)`` and
``__randseed(N)__``, which `hyperherd.grammar.product` combines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hyperherd.errors import GrammarError
from hyperherd.grammar.elements import holds_sweep, parse_value
from hyperherd.grammar.sweep_values import SWEEPS, Choice, Item, Range, Seeds, item, plain

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

_SEEDS = re.compile(r"[ \t]*__rand(?:seed|perm)(?:\([ \t]*([0-9]{1,10})[ \t]*\))?__[ \t]*")
_SEED_WORD = re.compile(r"__rand(?:seed|perm)(?:\(.*\))?__")


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

    @property
    def is_zipped(self) -> bool:
        return isinstance(self.item.value, Choice) and self.item.value.zipped

    def choices(self, seed: int = 0) -> list[Item]:
        """The values one by one, each with its source; what is no sweep is one. Raises `GrammarError`."""
        return _Expansion(self.text, _seeded(seed, self.name)).of(self.item)

    def count(self) -> int:
        """How many values, without listing those of ranges; at least one. Raises `GrammarError` as `choices` does."""
        return _Expansion(self.text, _seeded(0, "")).count(self.item)


def parse(text: str, *, seed: int = 0) -> Override:
    """One override. Raises `GrammarError`, a caret under what is wrong."""
    found = _OVERRIDE.match(text)
    if found is None or not found["equals"]:
        end = found.end() if found else 0
        if found and found["prefix"] == "~" and end == len(text):
            return Override("~", found["key"], found["package"], Item(None, ""), False, text)
        raise _bad_name(text, end)
    if seeds := _SEEDS.fullmatch(text, found.end()):
        value = Item(Seeds(1 if seeds[1] is None else int(seeds[1])), seeds[0].strip())
    elif wrong := _SEED_WORD.search(text, found.end()):
        hint = "it stands alone: seed=__randseed(3)__; text is put into quotes: '__randseed__'"
        what = f"{wrong[0]} is only a part of this value"
        raise GrammarError(what, text=text, position=wrong.start(), hint=hint)
    else:
        value = parse_value(text, found.end(), seed=f"{seed} {found['key']}")
    return Override(found["prefix"], found["key"], found["package"], value, True, text)


def expand_value(text: str, *, seed: int = 0) -> list[Any]:
    """The values of a sweep such as ``range(0,5)`` or ``a,b``, as builtins; what is no sweep is one value.

    The same ``seed`` gives the same order to ``shuffle``. Raises `GrammarError`.

    >>> expand_value("range(0,1,0.25)"), expand_value("adam, 'sgd', [1,2]")
    ([0.0, 0.25, 0.5, 0.75], ['adam', 'sgd', [1, 2]])
    """
    parsed = parse_value(text, seed=f"{seed} ")
    if isinstance(parsed.value, Choice) and parsed.value.zipped:
        hint = "in YAML: zip: [[a, b]]"
        raise GrammarError("zip() pairs parameters, and here is one alone", text=text, position=0, hint=hint)
    found = _Expansion(text, _seeded(seed, "")).of(parsed)
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
            raise self._empty(whole)
        return choices

    def count(self, whole: Item) -> int:
        number = self._count(whole)
        if not number:
            raise self._empty(whole)
        return number

    def _each(self, one: Item) -> Iterator[Item]:
        value = one.value
        if isinstance(value, Choice):
            yield from self._in_order(
                value, [choice for part in self._parts(value) for choice in self._each(part)]
            )
        elif isinstance(value, Range):
            yield from self._in_order(value, self._range(one, value))
        else:
            yield self._single(one)

    def _count(self, one: Item) -> int:
        value = one.value
        if isinstance(value, Choice):
            return sum(self._count(part) for part in self._parts(value))
        if isinstance(value, Range):
            return self._length(one, value)
        if isinstance(value, Seeds):
            return value.number
        self._single(one)
        return 1

    def _parts(self, choice: Choice) -> tuple[Item, ...]:
        for part in choice.items:
            if isinstance(part.value, Choice) and part.value.zipped:
                raise self._error(
                    part, "a zip() inside of another sweep", "it is the whole value: a=zip(1,2,3)"
                )
        return choice.items

    def _single(self, one: Item) -> Item:
        """What is one value. Raises `GrammarError` for what cannot be listed."""
        if isinstance(one.value, SWEEPS):
            kind = type(one.value).__name__.lower()
            hint = "write the values: choice(a,b,c), or range(start,stop,step)"
            raise self._error(one, f"{kind}() cannot be listed", hint)
        if holds_sweep(one.value):
            hint = "sweep over whole lists or maps: choice([1,2],[3,4])"
            raise self._error(one, "a sweep inside of a list or map", hint)
        return one

    def _in_order(self, sweep: Choice | Range, choices: list[Item]) -> list[Item]:
        return self.random.sample(choices, len(choices)) if sweep.shuffled else choices

    def _range(self, one: Item, swept: Range) -> list[Item]:
        if (count := self._length(one, swept)) > MOST_VALUES:
            raise self._error(one, f"a range of {count} values", f"at most {MOST_VALUES} are listed")
        try:
            return [item(number) for number in swept.values()]
        except (ValueError, OverflowError) as error:
            raise self._unlistable(one, error) from error

    def _length(self, one: Item, swept: Range) -> int:
        try:
            return swept.count()
        except (ValueError, OverflowError) as error:
            raise self._unlistable(one, error) from error

    def _unlistable(self, one: Item, error: Exception) -> GrammarError:
        return self._error(one, f"a range that cannot be listed: {error}", "")

    def _empty(self, one: Item) -> GrammarError:
        return self._error(one, "an empty sweep: it has no values", "")

    def _error(self, one: Item, what: str, hint: str) -> GrammarError:
        return GrammarError(what, text=self.text, position=max(0, self.text.find(one.text)), hint=hint)
