"""The functions of Hydra's grammar, ``choice`` to ``glob``: items in, one value or sweep out.

Source: hydra-core 1.3, ``_internal/grammar/grammar_functions.py``: the same is accepted, in the same order.
Beyond it: a choice keeps quoted strings quoted, and its items may be sweeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hyperherd.grammar.sweep_values import (
    SWEEPS,
    Choice,
    Glob,
    Interval,
    Item,
    Quoted,
    Range,
    Sweep,
    exact_sum,
    item,
    plain,
)


class MisuseError(ValueError):
    """A function was called with what it does not take; the message is for the user."""


@dataclass(frozen=True)
class Call:
    """``positional`` and ``named`` arguments, and where a shuffled list takes its order from."""

    positional: tuple[Item, ...]
    named: Mapping[str, Item]
    random: Random


@dataclass(frozen=True)
class Function:
    """``names`` are the arguments that have names; those of a ``variadic`` one are given by name only."""

    evaluate: Callable[[Call], Any]
    names: tuple[str, ...]
    usage: str
    variadic: bool = True

    def __call__(self, call: Call) -> Any:
        """The value or sweep; raises `MisuseError`."""
        unknown = [name for name in call.named if name not in self.names]
        if unknown:
            raise MisuseError(f"it has no argument '{unknown[0]}'")
        if self.variadic:
            return self.evaluate(call)
        if len(call.positional) > len(self.names):
            raise MisuseError(f"it takes at most {len(self.names)} arguments")
        by_position = dict(zip(self.names, call.positional, strict=False))
        twice = [name for name in by_position if name in call.named]
        if twice:
            raise MisuseError(f"'{twice[0]}' is given twice")
        return self.evaluate(replace(call, positional=(), named={**by_position, **call.named}))


def _named(call: Call, name: str) -> Any:
    """The value of an argument given by name; None if it is null or not given."""
    return call.named[name].value if name in call.named else None


def _choice(call: Call) -> Choice:
    items = call.positional
    if not items:
        raise MisuseError("it needs at least one value")
    for argument in items:
        if argument.value is None or isinstance(argument.value, (Interval, Glob)):
            raise MisuseError(f"{argument.text} cannot be one of its values")
    if len(items) == 1 and isinstance(items[0].value, Choice) and items[0].value.simple:
        return replace(items[0].value, simple=False)
    return Choice(items)


def _zip(call: Call) -> Choice:
    return replace(_choice(call), zipped=True)


def _range(call: Call) -> Range:
    start, stop = _number(call, "start"), _number(call, "stop")
    step = _number(call, "step") if "step" in call.named else 1
    if start is None or step is None:
        raise MisuseError("it needs numbers")
    return Range(0, start, step) if stop is None else Range(start, stop, step)


def _number(call: Call, name: str) -> int | float | None:
    value = _named(call, name)
    if value is not None and not isinstance(value, (int, float)):
        raise MisuseError(f"{name} is not a number: {call.named[name].text}")
    return value


def _interval(call: Call) -> Interval:
    start, end = _number(call, "start"), _number(call, "end")
    if start is None or end is None:
        raise MisuseError("it needs two numbers")
    return Interval(float(start), float(end))


def _glob(call: Call) -> Glob:
    include, exclude = plain(_named(call, "include")), plain(_named(call, "exclude"))
    if not isinstance(include, (str, list)) or not (exclude is None or isinstance(exclude, (str, list))):
        raise MisuseError("it needs a pattern or a list of patterns")
    return Glob(include, exclude)


def _tag(call: Call) -> Any:
    if not call.positional:
        raise MisuseError("it needs a sweep")
    swept = _named(call, "sweep")
    *tags, last = [argument.value for argument in call.positional] + ([] if swept is None else [swept])
    if not isinstance(last, (Choice, Range, Interval)):
        raise MisuseError("its last argument must be a sweep")
    for tag in tags:
        if not isinstance(tag, str):
            raise MisuseError("a tag must be text")
    return replace(last, tags=frozenset(map(str, tags)))


def _shuffle(call: Call) -> Any:
    only = _only(call, "list", list) or _only(call, "sweep", (Choice, Range))
    arguments = (only,) if only else call.positional
    for argument in arguments:
        if argument.value is None or isinstance(argument.value, (Interval, Glob)):
            raise MisuseError(f"{argument.text} cannot be shuffled")
    if len(arguments) != 1:
        return Choice(arguments, simple=True, shuffled=True)
    value = arguments[0].value
    if isinstance(value, (Choice, Range)):
        return replace(value, shuffled=True)
    if isinstance(value, list):
        return call.random.sample(value, len(value))
    return [value]


def _sort(call: Call) -> Any:
    reverse = _named(call, "reverse") if "reverse" in call.named else False
    if not isinstance(reverse, bool):
        raise MisuseError("reverse must be true or false")
    only = _only(call, "list", list) or _only(call, "sweep", (Choice, Range))
    arguments = (only,) if only else call.positional
    if len(arguments) != 1:
        return Choice(_sorted_items(_primitives(arguments), reverse), simple=True)
    value = arguments[0].value
    if isinstance(value, Choice):
        return replace(value, items=_sorted_items(value.items, reverse))
    if isinstance(value, Range):
        return _sorted_range(value, reverse)
    if isinstance(value, list):
        return _sorted_list(value, reverse)
    if value is None or isinstance(value, (Interval, Glob)):
        raise MisuseError(f"{arguments[0].text} cannot be sorted")
    return value


def _only(call: Call, name: str, kinds: type | tuple[type, ...]) -> Item | None:
    """The one argument that may be given by name instead of by position."""
    value = _named(call, name)
    if value is None:
        return None
    if not isinstance(value, kinds):
        raise MisuseError(f"{name} cannot be {call.named[name].text}")
    return call.named[name]


def _primitives(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise MisuseError("it needs at least one value")
    for argument in items:
        if not isinstance(argument.value, (int, float, str)):
            raise MisuseError(f"{argument.text} cannot be sorted")
    return items


def _sorted_items(items: Sequence[Item], reverse: bool) -> tuple[Item, ...]:
    try:
        return tuple(sorted(items, key=lambda element: element.value, reverse=reverse))
    except TypeError as error:
        raise MisuseError(f"its values have no order ({error})") from error


def _sorted_list(values: list[Any], reverse: bool) -> list[Any]:
    if len(values) > 1 and any(isinstance(value, Quoted) for value in values):
        raise MisuseError("quoted strings in a list have no order in Hydra; write them without quotes")
    try:
        return sorted(values, reverse=reverse)
    except TypeError as error:
        raise MisuseError(f"its values have no order ({error})") from error


def _sorted_range(swept: Range, reverse: bool) -> Range:
    """Turned around if it runs the other way, by Hydra's own arithmetic.

    The result begins at ``stop - step``, which is not the last value where the step does not divide the range.
    """
    if reverse == (swept.start >= swept.stop) or swept.start == swept.stop:
        return swept
    size = abs(swept.step) if swept.start > swept.stop else -abs(swept.step)
    start, stop = exact_sum(swept.stop, size), exact_sum(swept.start, size)
    return replace(swept, start=start, stop=stop, step=-swept.step)


@dataclass(frozen=True)
class _Cast:
    """``int(...)`` and its kin: applied to a value, or to each value of a list, map or sweep."""

    convert: Callable[[Any], Any]
    casts_numbers: bool

    def __call__(self, call: Call) -> Any:
        if bool(call.positional) == (_named(call, "value") is not None):
            raise MisuseError("it needs a value" if not call.positional else "its value is given twice")
        arguments = call.positional or (call.named["value"],)
        swept = arguments[0].value if len(arguments) == 1 else Choice(arguments, simple=True)
        try:
            return self.apply(swept)
        except (ValueError, TypeError, OverflowError) as error:
            raise MisuseError(str(error)) from error

    def apply(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.apply(element) for element in value]
        if isinstance(value, dict):
            return {key: self.apply(element) for key, element in value.items()}
        return self.apply_to_sweep(value) if isinstance(value, SWEEPS) else self.convert(value)

    def apply_to_sweep(self, swept: Sweep) -> Sweep:
        if isinstance(swept, Choice):
            items = tuple(self.apply_to_item(element) for element in swept.items)
            return Choice(items, simple=swept.simple, zipped=swept.zipped)
        if isinstance(swept, Range) and self.casts_numbers:
            return Range(self.convert(swept.start), self.convert(swept.stop), self.convert(swept.step))
        if isinstance(swept, Interval) and self.casts_numbers:
            return Interval(self.convert(swept.start), self.convert(swept.end), swept.tags)
        raise MisuseError("such a sweep cannot be converted")

    def apply_to_item(self, element: Item) -> Item:
        value = self.apply(element.value)
        return Item(value, element.text) if isinstance(value, SWEEPS) else item(value)


def _to_text(value: Any) -> str:
    if value is None:
        raise MisuseError("null has no text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _to_bool(value: Any) -> bool:
    if not isinstance(value, str):
        return bool(value)
    word = value.lower()
    if word not in ("true", "false"):
        raise MisuseError(f"'{value}' is neither true nor false")
    return word == "true"


_BOUNDS = "range(stop), range(start,stop) or range(start,stop,step)"

FUNCTIONS: Mapping[str, Function] = {
    "choice": Function(_choice, (), "choice(a,b,c)"),
    "zip": Function(_zip, (), "zip(a,b,c)"),
    "range": Function(_range, ("start", "stop", "step"), _BOUNDS, variadic=False),
    "interval": Function(_interval, ("start", "end"), "interval(start,end)", variadic=False),
    "glob": Function(_glob, ("include", "exclude"), "glob(pattern,exclude=pattern)", variadic=False),
    "tag": Function(_tag, ("sweep",), "tag(name,choice(a,b))"),
    "shuffle": Function(_shuffle, ("sweep", "list"), "shuffle(a,b,c) or shuffle(range(5))"),
    "sort": Function(_sort, ("sweep", "list", "reverse"), "sort(3,1,2) or sort(range(5),reverse=true)"),
    "int": Function(_Cast(int, casts_numbers=True), ("value",), "int(value)"),
    "float": Function(_Cast(float, casts_numbers=True), ("value",), "float(value)"),
    "str": Function(_Cast(_to_text, casts_numbers=False), ("value",), "str(value)"),
    "bool": Function(_Cast(_to_bool, casts_numbers=False), ("value",), "bool(value)"),
}

_LOGARITHMIC = "Hydra has none for it; write the values: 1e-4,1e-3,1e-2"
_LINEAR = "range(start,stop,step) lists numbers, without the stop: range(0,1,0.25)"
_RANDOM = (
    "random seeds are __randseed(3)__, three of its own for each combination; else write the values: 1,2,3"
)
_LISTING = "values one by one are a,b,c or choice(a,b,c)"

INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(
        ("log", "log10", "exp", "pow", "logspace", "geomspace", "logrange", "loguniform", "log_uniform"),
        _LOGARITHMIC,
    ),
    **dict.fromkeys(("linspace", "arange", "seq", "linear", "quniform", "step"), _LINEAR),
    **dict.fromkeys(
        ("random", "rand", "randint", "randseed", "randperm", "seed", "seeds", "uniform", "normal", "sample"),
        _RANDOM,
    ),
    **dict.fromkeys(
        (
            *("list", "set", "tuple", "array", "values", "grid", "grid_search", "product", "categorical"),
            *("choose", "options", "select", "one_of", "oneof", "any", "sweep"),
        ),
        _LISTING,
    ),
}
"""Functions of other tools that people type here, and what does what they mean."""
