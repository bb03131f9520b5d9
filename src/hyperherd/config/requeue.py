"""What ``requeue`` says, out of a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hyperherd import units
from hyperherd.config.faults import Faults, nearest_or_all, shown
from hyperherd.jobs import CAUSES, Requeue
from hyperherd.sweep.spec import NO_GROWTH, Growth

SIGNALS = ("USR1", "USR2", "TERM", "INT", "HUP", "QUIT", "ALRM", "XCPU")
MAX_NOTICE_S = 65535
"""The most that Slurm takes (man sbatch, 22.05)."""

_SIGNAL = re.compile(r"(?:SIG)?([A-Z0-9]+)(?:@(\d{1,5}))?", re.IGNORECASE)
_FACTOR = re.compile(r"x(\d{1,3}(?:\.\d{1,6})?)")

T = TypeVar("T")


@dataclass(frozen=True)
class Again:
    """See `SweepSpec`."""

    requeue: Requeue | None = None
    growth: Growth = NO_GROWTH


def build(content: Mapping[str, Any], faults: Faults) -> Again:
    """The value of the whole document ``content``, in which ``requeue`` is a mapping or absent."""
    given = content.get("requeue")
    if not isinstance(given, dict):
        return Again()
    usable = {k: v for k, v in faults.usable(("requeue",), given).items() if v is not None}
    growth = Growth(
        mem=_read("mem", usable, _factor, faults),
        time=_read("time", usable, _factor, faults),
        max_mem_bytes=_read("max_mem", usable, _memory, faults),
        max_time_s=_read("max_time", usable, _limit, faults),
    )
    signal, notice_s = _read("signal", usable, _signal, faults) or (Requeue.signal, Requeue.notice_s)
    without_oom = tuple(cause for cause in CAUSES if cause != "oom")
    requeue = Requeue(
        after=tuple(usable.get("after", CAUSES if "mem" in usable else without_oom)),
        max_timeouts=usable.get("max_timeouts", Requeue.max_timeouts),
        max_restarts=usable.get("max_restarts", Requeue.max_restarts),
        signal=signal,
        notice_s=notice_s,
    )
    _check_together(given, requeue, faults)
    return Again(requeue, growth)


def _read(key: str, given: Mapping[str, Any], reader: Callable[[Any], T], faults: Faults) -> T | None:
    """What a reader makes of a key's value, None where there is none; its ValueError is a fault with its two words."""
    if key not in given:
        return None
    try:
        return reader(given[key])
    except ValueError as error:
        what, hint = error.args
        faults.add(("requeue", key), what, hint)
        return None


def _signal(value: str) -> tuple[str, int]:
    match = _SIGNAL.fullmatch(value)
    if match is None:
        raise ValueError(f"{shown(value)} is not a signal and seconds", "signal: USR2@120")
    name = match[1].upper()
    if name not in SIGNALS:
        raise ValueError(f"'{name}' is no signal that can be sent", nearest_or_all(name, SIGNALS))
    notice_s = Requeue.notice_s if match[2] is None else int(match[2])
    if not 1 <= notice_s <= MAX_NOTICE_S:
        raise ValueError(f"1 to {MAX_NOTICE_S} seconds before the limit, not {notice_s}", "signal: USR2@120")
    return name, notice_s


def _factor(value: Any) -> float:
    match = _FACTOR.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 1:
        raise ValueError(f"a factor above 1 expected, not {shown(value)}", "such as x1.5")
    return float(match[1])


def _memory(value: Any) -> int:
    try:
        return units.bytes_asked(_text(value))
    except ValueError:
        raise ValueError(f"an amount of memory expected, not {shown(value)}", "such as 200G") from None


def _limit(value: Any) -> float:
    try:
        return units.seconds_of_limit(_text(value))
    except ValueError:
        raise ValueError(f"a time limit expected, not {shown(value)}", 'such as "2-00:00:00"') from None


def _text(value: Any) -> str:
    """Raises ValueError for what is neither text nor a whole number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError
    return str(value)


def _check_together(given: Mapping[str, Any], requeue: Requeue, faults: Faults) -> None:
    def has(key: str) -> bool:
        return given.get(key) is not None

    if "oom" in requeue.after and not has("mem"):
        what = "out of memory once is out of memory again, unless it gets more"
        faults.add(("requeue", "after"), what, "mem: x1.5, or leave oom out")
    for key, cause in (("mem", "oom"), ("time", "timeout")):
        if has(key) and cause not in requeue.after:
            faults.add(("requeue", key), f"'after' does not name '{cause}'", f"add it, or remove {key}")
        if has(f"max_{key}") and not has(key):
            faults.add(("requeue", f"max_{key}"), f"there is no '{key}' that it would bound", f"{key}: x1.5")
