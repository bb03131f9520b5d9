"""Values as people read them, and Slurm's word for how a trial stands."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hyperherd.engine.snapshot import TrialView
from hyperherd.errors import GrammarError
from hyperherd.grammar.values import read, write
from hyperherd.jobs import Usage
from hyperherd.sweep.trial import Status

if TYPE_CHECKING:
    from hyperherd.engine.compared import Spread


def parameter(item: Any) -> str:
    """A parameter's value, so that no two look alike: text that reads as something else is in quotes.

    >>> parameter(2), parameter("2"), parameter(None), parameter(""), parameter("a b"), parameter(0.1 + 0.2)
    ('2', "'2'", 'null', "''", 'a b', '0.3')
    """
    if item is None:
        return "null"
    return write(item) if isinstance(item, str) and _reads_as_something_else(item) else value(item)


def _reads_as_something_else(text: str) -> bool:
    try:
        return not text or not isinstance(read(text), str)
    except GrammarError:
        return False


def value(item: Any) -> str:
    """A parameter or metric in a table: floats in at most 6 significant digits, text as it is.

    >>> value(0.30000000000000004), value(1e-05), value("a b"), value([1, 2.5]), value(None)
    ('0.3', '1e-05', 'a b', '[1, 2.5]', '')
    """
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return f"{item:.6g}"
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def short(item: float | None) -> str:
    """A number that changes while one looks, in four significant digits.

    >>> short(0.123456), short(1234567.0), short(None)
    ('0.1235', '1.235e+06', '')
    """
    return "" if item is None else f"{item:.4g}"


def spread(found: Spread) -> str:
    """A mean with its standard deviation, in as many decimals as that tells of.

    >>> from hyperherd.engine.compared import Spread
    >>> spread(Spread(0.912133, 0.0042, 3)), spread(Spread(0.5, None, 1)), spread(Spread(1234.5, 250.0, 3))
    ('0.9121 ±0.0042', '0.5', '1234 ±250')
    """
    if not found.sd or not math.isfinite(found.sd):
        return value(found.mean) + (" ±0" if found.sd == 0 else "")
    decimals = 1 - math.floor(math.log10(found.sd))
    if decimals > MOST_DECIMALS or abs(found.mean) >= WIDEST:
        return f"{value(found.mean)} ±{found.sd:.2g}"
    decimals = max(decimals, 0)
    return f"{found.mean:.{decimals}f} ±{found.sd:.{decimals}f}"


MOST_DECIMALS = 6
WIDEST = 1e6
"""What is larger is written with an exponent."""


def sparkline(values: Iterable[float], width: int) -> str:
    """The course of some numbers in ``width`` characters at most, each the mean of its share of them.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), sparkline([1, 1], 8), sparkline([], 8), sparkline(range(100), 4)
    ('▁▂▃▄▅▆▇█', '▄▄', '', '▁▃▆█')
    """
    given = [value for value in values if math.isfinite(value)]
    if not given:
        return ""
    count = min(width, len(given))
    shares = [given[k * len(given) // count : (k + 1) * len(given) // count] for k in range(count)]
    means = [sum(share) / len(share) for share in shares]
    low, high = min(means), max(means)
    if high == low or not math.isfinite(high - low):
        return "▄" * count
    return "".join("▁▂▃▄▅▆▇█"[round((mean - low) / (high - low) * 7)] for mean in means)


_WORDS = {
    Status.SUBMITTED: "PENDING",
    Status.QUEUED: "PENDING",
    Status.RUNNING: "RUNNING",
    Status.COMPLETED: "COMPLETED",
    Status.FAILED: "FAILED",
    Status.CANCELLED: "CANCELLED",
}


def state(view: TrialView, used: Usage) -> str:
    """The scheduler's own word where it has one. It has none on this machine, nor for a trial of which sacct has no row
    of its own (one that was cancelled while it waited); nothing for a trial that was never submitted.
    """
    return used.word or (_WORDS.get(view.status, "") if view.submitted else "")
