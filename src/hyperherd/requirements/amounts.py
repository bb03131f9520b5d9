"""Sizes and durations in the words of requirements. G is 10^9 bytes, GiB is 2^30; m is minutes."""

from __future__ import annotations

import math

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400),
}
_SIZES = {
    **{f"{letter}": 1000**power for power, letter in enumerate("KMGT", start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)},
    "B": 1,
}
BYTES = {**_SIZES, **{f"{letter}B": _SIZES[letter] for letter in "KMGT"}}
_BYTES = {unit.lower(): factor for unit, factor in BYTES.items()}


def seconds_in(unit: str) -> int | None:
    """How many seconds a unit has; None for a word that is no unit. ``M`` may be months: it is none.

    >>> [seconds_in(unit) for unit in ("min", "m", "H", "Days", "M", "y")]
    [60, 60, 3600, 86400, None, None]
    """
    return None if unit == "M" else SECONDS.get(unit.lower())


def bytes_in(unit: str) -> int | None:
    """How many bytes a unit has, whatever its case; None for a word that is no unit.

    >>> [bytes_in(unit) for unit in ("G", "gb", "MiB", "B", "Gi")]
    [1000000000, 1000000000, 1048576, 1, None]
    """
    return _BYTES.get(unit.lower())


def rounded_up(number: str, factor: int) -> int:
    """A number written in digits, with or without decimals, times ``factor``. Exact, however long it is.

    >>> rounded_up("1.5", 3600), rounded_up("0.0001", 60), rounded_up("007", 1), rounded_up(".5", 60)
    (5400, 1, 7, 30)
    """
    whole, _, decimals = number.partition(".")
    parts: int = 10 ** len(decimals)
    return -(-int(whole + decimals) * factor // parts)


def duration(seconds: int) -> str:
    """As the grammar has it, exactly.

    >>> [duration(seconds) for seconds in (0, 59, 5400, 363600, 604800)]
    ['0s', '59s', '90m', '101h', '7d']
    """
    unit = _unit_of(seconds) if seconds else "s"
    return f"{seconds // SECONDS[unit]}{unit}"


def size(memory: int) -> str:
    """As the grammar has it, exactly, in the unit that makes the shortest number.

    >>> [size(memory) for memory in (24 * 10**9, 24 * 2**30, 1536 * 2**20, 2**40, 1001)]
    ['24G', '24GiB', '1536MiB', '1TiB', '1001B']
    """
    count, unit = min((memory // factor, unit) for unit, factor in _SIZES.items() if memory % factor == 0)
    return f"{count}{unit}"


def durations_for_people(*seconds: int) -> list[str]:
    """In one unit, so that they can be compared.

    >>> durations_for_people(101 * 3600, 100 * 3600), durations_for_people(36060, 36000)
    (['101 h', '100 h'], ['601 min', '600 min'])
    """
    unit = _unit_of(math.gcd(*seconds))
    return [f"{one // SECONDS[unit]} {'min' if unit == 'm' else unit}" for one in seconds]


def sizes_for_people(*sizes: int) -> list[str]:
    """Rounded where that is shorter, unless two that differ would look alike.

    >>> sizes_for_people(24 * 2**30, 25 * 10**9), sizes_for_people(16_384_000_123, 16_384_000_124)
    (['24 GiB', '25 GB'], ['16384000123 B', '16384000124 B'])
    """
    texts = [_size_for_people(memory) for memory in sizes]
    return texts if len(set(texts)) == len(set(sizes)) else [f"{memory} B" for memory in sizes]


def _unit_of(seconds: int) -> str:
    """The largest in which it is whole."""
    return next(unit for unit in "dhms" if seconds % SECONDS[unit] == 0)


def _size_for_people(memory: int) -> str:
    """
    >>> [_size_for_people(memory) for memory in (0, 24 * 10**9, 2**40, 67_553_288_192, 2**30 + 1)]
    ['0 B', '24 GB', '1 TiB', '62.9 GiB', '1 GiB']
    """
    text = size(memory)
    digits = text.rstrip("BGKMTi")
    if len(digits) <= 4:
        unit = text[len(digits) :]
        return f"{digits} {unit}" if unit.endswith("B") else f"{digits} {unit}B"
    power = min(max(memory.bit_length() - 1, 10) // 10, 4)
    whole, tenth = divmod(memory * 10 // 1024**power, 10)
    return f"{whole}.{tenth}".removesuffix(".0") + f" {'KMGT'[power - 1]}iB"
