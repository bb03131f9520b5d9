"""The configuration that a checkpoint was made with: as plain values, and how two of them differ; pure."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from hyperherd.errors import CheckpointError


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def plain(value: object, key: str = "") -> Any:
    """The value as JSON has it: mappings with texts as keys, lists, numbers, texts, true, false, None.

    Paths are texts, tuples lists, sets sorted lists, tensors of one element their value; floats that JSON does not have
    "NaN", "Infinity", "-Infinity". Raises `CheckpointError` for anything else.

    >>> plain({"a": (1, 2.5), "b": {"c": math.inf}})
    {'a': [1, 2.5], 'b': {'c': 'Infinity'}}
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return _scalar(value)
    if isinstance(value, Mapping):
        return {str(name): plain(one, f"{key}.{name}" if key else str(name)) for name, one in value.items()}
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, AbstractSet):
        return sorted((plain(one, key) for one in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(one, f"{key}[{number}]") for number, one in enumerate(value)]
    plain_shape = tuple(getattr(value, "shape", ())) in ((), (1,))
    item = value.item() if hasattr(value, "item") and plain_shape else _ABSENT
    if isinstance(item, (str, bool, int, float)):
        return _scalar(item)
    raise CheckpointError(
        f"the configuration's {key or 'value'} is a {type(value).__name__}, which cannot be compared later",
        hint="give numbers, texts, lists and mappings of those: str(...) makes a text of it",
    )


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Dotted key -> what was saved and what is given now, of two plain mappings, sorted by key.

    Numbers are compared by value, but true is not 1.

    >>> differences({"lr": 1, "m": {"d": 2}, "seed": 0}, {"lr": 1.0, "m": {"d": 3}})
    {'m.d': (2, 3), 'seed': (0, nothing)}
    """
    before, after = dict(_flat(saved)), dict(_flat(now))
    pairs = {key: (before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in sorted({*before, *after})}
    return {key: pair for key, pair in pairs.items() if not _same(*pair)}


def _scalar(value: str | bool | int | float | None) -> str | bool | int | float | None:
    """A builtin of it, also where it is an enum's member or a number of numpy's."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _same(saved: object, now: object) -> bool:
    if isinstance(saved, list) and isinstance(now, list):
        return len(saved) == len(now) and all(map(_same, saved, now))
    if isinstance(saved, dict) and isinstance(now, dict):
        return saved.keys() == now.keys() and all(_same(saved[key], now[key]) for key in saved)
    return isinstance(saved, bool) == isinstance(now, bool) and saved == now
