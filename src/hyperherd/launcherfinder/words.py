"""Amounts and lists in the words of requirements and of sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def memory(size: int) -> str:
    """Bytes, exact to a MiB.

    >>> memory(80 * 2**30), memory(20000 * 2**20)
    ('80GiB', '20000MiB')
    """
    mib = size >> 20
    return f"{mib >> 10}GiB" if mib and mib % 1024 == 0 else f"{mib}MiB"


def duration(seconds: float) -> str:
    """Rounded up to a second.

    >>> duration(7 * 86400), duration(129600), duration(5400), duration(61)
    ('7d', '36h', '90m', '61s')
    """
    whole = math.ceil(seconds)
    return next(f"{whole // size}{unit}" for unit, size in _SECONDS.items() if whole % size == 0)


def listed(names: Sequence[str]) -> str:
    """The first twelve.

    >>> listed(["a", "b"]), listed([str(number) for number in range(14)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more')
    """
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
