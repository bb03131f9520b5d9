"""Which trials are meant: by numbers, ranges and names, or by an expression over their values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from hyperherd.errors import HerdError, UsageError, nearest
from hyperherd.sweep import expression
from hyperherd.sweep.trial import Trial, Value

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_NUMBERS = re.compile(r"[\d,\s-]+")
MOST = 10_000_000
"""Numbers in one range; more are a slip of the pen."""


def are_numbers(word: str) -> bool:
    """Whether a word names trials by their numbers, rightly or wrongly."""
    return _NUMBERS.fullmatch(word) is not None


def indices(text: str) -> list[int]:
    """``0-3,5`` as numbers. Raises `UsageError`.

    >>> indices("0-3,5")
    [0, 1, 2, 3, 5]
    """
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"'{text}' names no trials", hint="numbers and ranges, such as 3 or 0-3,5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > MOST:
            raise UsageError(f"'{part}' is no range", hint=f"the smaller number first: {last}-{first}")
        found += range(first, last + 1)
    return found


def named(
    words: Sequence[str], trials: Sequence[Trial], hint_for: Callable[[str], str] = lambda _: ""
) -> list[int]:
    """The indices that the words name: numbers, ranges, or trial names, in the order of the words.

    ``hint_for`` says what else a word might have meant. Raises `HerdError` for what is not there.
    """
    by_name = {trial.name: trial.index for trial in trials}
    there = {trial.index for trial in trials}
    picked: list[int] = []
    for word in words:
        if word in by_name:
            picked.append(by_name[word])
            continue
        if not are_numbers(word):
            name, equals, value = word.partition("=")
            pinned = f"by its value: --where {shlex.quote(f'{name} == {value}')}" if equals and name else ""
            hint = pinned or nearest(word, by_name) or hint_for(word) or "herd ls lists them"
            raise HerdError(f"no trial '{word}'", hint=hint)
        picked += indices(word)
    for index in picked:
        if index not in there:
            raise HerdError(f"no trial {index} in this sweep", hint="herd ls lists them")
    return list(dict.fromkeys(picked))


def holding(trials: Sequence[Trial], where: str, status: Mapping[int, str] | None = None) -> set[int]:
    """The indices of the trials for which the expression holds; ``status`` may be spoken of where it is given.

    A trial that lacks a parameter that the expression reads is left out. Raises `ExpressionError`.
    """
    words = {"index": None, "name": None, **({"status": None} if status is not None else {})}
    names = {**dict.fromkeys(name for t in trials for name in (*t.params, *t.extras)), **words}
    compiled = expression.compile(where, names, where="--where", bare_words=True)
    kept = set()
    for trial in trials:
        values = _values(trial, status)
        if compiled.names <= values.keys() and compiled.evaluate(values):
            kept.add(trial.index)
    return kept


def _values(trial: Trial, status: Mapping[int, str] | None) -> dict[str, Value]:
    own: dict[str, Value] = {"index": trial.index, "name": trial.name}
    if status is not None:
        own["status"] = status[trial.index]
    return {**own, **trial.extras, **trial.params}
