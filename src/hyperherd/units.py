"""Durations and memory: read, write. Inside, everything is seconds and bytes. And numbers of things.

Sources of the forms: man sbatch (--time, --mem), man sacct (Elapsed, MaxRSS, ReqMem), Slurm 22.05.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime

_FACTOR = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_CLOCK = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(?:(\d+):)?(\d+)(\.\d+)?")
_MEMORY = re.compile(r"(\d+)(?:([KMGT])B?)?", re.IGNORECASE)
_COUNTED_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]?)[nc]?", re.IGNORECASE)
_UNLIMITED = frozenset({"UNLIMITED", "INFINITE", "-1"})


def counted(number: int, noun: str) -> str:
    """In words.

    >>> counted(1, "trial"), counted(0, "trial"), counted(1200, "trial")
    ('1 trial', '0 trials', '1,200 trials')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def folded(numbers: Iterable[int]) -> str:
    """Numbers in ranges, the least first.

    >>> folded([7, 1, 2, 3, 9, 10]), folded([])
    ('1-3,7,9-10', '')
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def positive(text: str) -> float | None:
    """A finite number above 0, None for anything else.

    >>> positive("0.5"), positive("0"), positive("nan"), positive("1s")
    (0.5, None, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < math.inf else None


def seconds_of_limit(text: str) -> float:
    """A time limit as sbatch reads it; ``math.inf`` for no limit. Raises ValueError.

    A single number is minutes, one colon is minutes:seconds, but hours:minutes after days. Zero is no limit.

    >>> [seconds_of_limit(t) for t in ("90", "1:30", "2:00:00", "1-12", "1-12:30", "UNLIMITED", "0")]
    [5400.0, 90.0, 7200.0, 129600.0, 131400.0, inf, inf]
    """
    if text.upper() in _UNLIMITED:
        return math.inf
    days, dash, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isascii() and part.isdigit() for part in [*parts, *([days] if dash else [])]):
        raise ValueError(f"not a time limit: {text!r}")
    numbers = [int(part) for part in parts]
    if len(numbers) > 3:
        raise ValueError(f"not a time limit: {text!r}")
    if dash:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
    else:
        hours, minutes, seconds = {1: [0, *numbers, 0], 2: [0, *numbers], 3: numbers}[len(numbers)]
    total = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
    return float(total) if total else math.inf


def limit(seconds: float) -> str:
    """A time limit in a form that sbatch reads, rounded up to a second.

    >>> limit(5400), limit(90061), limit(0.2), limit(math.inf)
    ('01:30:00', '1-01:01:01', '00:00:01', 'UNLIMITED')
    """
    if math.isinf(seconds):
        return "UNLIMITED"
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{days}-{clock}" if days else clock


def seconds_elapsed(text: str) -> float | None:
    """A duration as sacct and squeue print it, ``[D-][[H:]M:]S[.s]``; None for an empty or unknown one.

    >>> seconds_elapsed("1-02:03:04.5"), seconds_elapsed("00:07"), seconds_elapsed("INVALID")
    (93784.5, 7.0, None)
    """
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        return None
    days, first, second, seconds, fraction = match.groups()
    hours, minutes = (first, second) if second is not None else (None, first)
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds)
    return whole + float(fraction or 0)


def bytes_asked(text: str) -> int:
    """Memory as sbatch reads it: a whole number and K, M, G or T; M where it has no unit. Raises ValueError.

    >>> bytes_asked("32G") == 32 * 2**30, bytes_asked("500"), bytes_asked("1tb")
    (True, 524288000, 1099511627776)
    """
    match = _MEMORY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not an amount of memory: {text!r}")
    return int(match[1]) * _FACTOR[(match[2] or "M").upper()]


def asked_bytes(size: float) -> str:
    """The other way round: an amount in a form that sbatch reads, rounded up to a MiB.

    >>> asked_bytes(40 * 2**30), asked_bytes(400_000_000), asked_bytes(0)
    ('40G', '382M', '0G')
    """
    mebibytes = math.ceil(size / 2**20)
    return f"{mebibytes}M" if mebibytes % 1024 else f"{mebibytes // 1024}G"


def gpus_asked(text: str) -> int:
    """How many GPUs: ``2``, ``a100:2``, ``gpu:a100:2(S:0)``, several with commas; without a number it is one.

    >>> gpus_asked("a100"), gpus_asked("gpu:a100:2(S:0-1)"), gpus_asked("a100:1,h100:2"), gpus_asked("")
    (1, 2, 3, 0)
    """
    words = [re.sub(r"\(.*", "", word) for word in text.split(",") if word and word != "none"]
    counts = [word.rpartition(":")[2] for word in words]
    return sum(int(count) if count.isdigit() else 1 for count in counts)


def bytes_used(text: str, *, unit: str = "") -> int | None:
    """Memory as sacct prints it, in ``unit`` where it has none; None for an empty or unknown one.

    Before 21.08 sacct ended the memory asked for with ``n`` (a node) or ``c`` (a core).

    >>> bytes_used("12345K"), bytes_used("1.5M"), bytes_used("0"), bytes_used(""), bytes_used("4Gn")
    (12641280, 1572864, 0, None, 4294967296)
    """
    match = _COUNTED_MEMORY.fullmatch(text.strip())
    return round(float(match[1]) * _FACTOR[match[2].upper() or unit]) if match else None


def memory(size: float) -> str:
    """For people.

    >>> memory(1610612736), memory(999), memory(123456789)
    ('1.5 GiB', '999 B', '117.7 MiB')
    """
    if size < 1024:
        return f"{size:.0f} B"
    power = 1 if size < 1024**2 * 0.99995 else 2 if size < 1024**3 * 0.99995 else 3 if size < 1024**4 else 4
    return f"{size / 1024**power:.1f} {'KMGT'[power - 1]}iB"


def duration(seconds: float) -> str:
    """For people, in two units at most.

    >>> [duration(s) for s in (0.25, 59.7, 61, 7380, 93784, math.inf)]
    ['0.2s', '1m 00s', '1m 01s', '2h 03m', '1d 02h', 'no limit']
    """
    if math.isinf(seconds):
        return "no limit"
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for size, large, small in ((86400, "d", "h"), (3600, "h", "m"), (60, "m", "s")):
        if whole >= size:
            step = {"h": 3600, "m": 60, "s": 1}[small]
            return f"{whole // size}{large} {whole % size // step:02}{small}"
    return f"{whole}s"


def span(seconds: float) -> str:
    """A duration for a narrow column, no finer than one cares to know.

    >>> [span(s) for s in (0.25, 9.7, 65, 599, 3540, 9600, 93784)]
    ['0s', '10s', '1m05s', '9m59s', '59m', '2h40m', '1d02h']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 600:
        return f"{whole // 60}m{whole % 60:02}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h{minutes % 60:02}m" if hours < 24 else f"{hours // 24}d{hours % 24:02}h"


def moment(at: float, now: float) -> str:
    """A moment that is past, in this machine's time: of the clock alone where that is today.

    >>> len(moment(1e9, 1e9)), len(moment(1e9, 2e9))
    (5, 16)
    """
    then = datetime.fromtimestamp(at)
    today = then.date() == datetime.fromtimestamp(now).date()
    return f"{then:%H:%M}" if today else f"{then:%Y-%m-%d %H:%M}"
