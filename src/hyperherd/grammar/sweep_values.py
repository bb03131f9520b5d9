"""What stands in an override besides plain values: quoted strings, sources, and four kinds of sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, NamedTuple, TypeAlias

from hyperherd.grammar.scalars import ESCAPED, quote
from hyperherd.grammar.writing import write

Number: TypeAlias = "int | float"

_EXACT = Context(prec=700)
_ESCAPES = {ord(character): "\\" + character for character in ESCAPED}


class Quoted(str):
    """A string that was written in quotes; ``mark`` is the kind of quote."""

    __slots__ = ("mark",)
    mark: str

    @classmethod
    def of(cls, text: str, mark: str) -> Quoted:
        quoted = cls(text)
        quoted.mark = mark
        return quoted


class Item(NamedTuple):
    """A value (or a sweep), and how it was written; a computed value is written by `write`."""

    value: Any
    text: str


@dataclass(frozen=True)
class Choice:
    """``a,b,c`` (``simple``) or ``choice(a,b,c)``; an item may be a sweep itself. A ``zipped`` one goes in step with
    the other zipped ones.
    """

    items: tuple[Item, ...]
    simple: bool = False
    shuffled: bool = False
    zipped: bool = False
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Range:
    """``range(start,stop,step)``, without the stop; floats as soon as one of the three is a float."""

    start: Number
    stop: Number
    step: Number
    shuffled: bool = False
    tags: frozenset[str] = frozenset()

    def count(self) -> int:
        """How many values; raises ValueError for a step of zero, NaN and infinities."""
        if not self._is_float:
            return len(range(int(self.start), int(self.stop), int(self.step)))
        start, stop, step = map(_decimal, (self.start, self.stop, self.step))
        if step == 0:
            raise ValueError("the step of a range cannot be zero")
        return max(0, math.ceil(_EXACT.divide(_EXACT.subtract(stop, start), step)))

    def values(self) -> Iterator[Number]:
        """The values in order, exact as decimals: ``range(0,1,0.1)`` holds 0.7, not 0.7000000000000001."""
        if not self._is_float:
            yield from range(int(self.start), int(self.stop), int(self.step))
            return
        start, step = _decimal(self.start), _decimal(self.step)
        for position in range(self.count()):
            yield float(_EXACT.fma(Decimal(position), step, start))

    @property
    def _is_float(self) -> bool:
        return any(isinstance(number, float) for number in (self.start, self.stop, self.step))


@dataclass(frozen=True)
class Interval:
    """``interval(start,end)``, for sweepers that search; it cannot be listed."""

    start: float
    end: float
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Glob:
    """``glob(include,exclude)``: options of a config group, which only the Hydra application knows."""

    include: Any
    exclude: Any


@dataclass(frozen=True)
class Seeds:
    """``__randseed(N)__``: so many random numbers, drawn anew for each combination of the other keys."""

    number: int


Sweep: TypeAlias = "Choice | Range | Interval | Glob | Seeds"
SWEEPS = (Choice, Range, Interval, Glob, Seeds)


def _decimal(number: Number) -> Decimal:
    exact = Decimal(repr(float(number)) if isinstance(number, float) else int(number))
    if not exact.is_finite():
        raise ValueError(f"a range cannot have {number} in it")
    return exact


def exact_sum(left: Number, right: Number) -> Number:
    """The sum as decimals: 0.3 - 0.1 is 0.2. Raises ValueError for NaN and infinities."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return float(_EXACT.add(_decimal(left), _decimal(right)))


def item(value: Any) -> Item:
    """A computed value, which nobody wrote."""
    return Item(value, write(value))


def plain(value: Any) -> Any:
    """``value`` as builtins alone: quoted strings become plain ones."""
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {plain(key): plain(element) for key, element in value.items()}
    return str(value) if isinstance(value, Quoted) else value


def spell(value: Any) -> str:
    r"""``value`` as Hydra's own sweeper spells it: ``hello\ world``, ``True``, ``[1,2]``; quotes stay."""
    if value is None:
        return "null"
    if isinstance(value, Quoted):
        return quote(value, value.mark)
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, list):
        return "[" + ",".join([spell(element) for element in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([f"{spell(key)}:{spell(element)}" for key, element in value.items()]) + "}"
    return str(value)
