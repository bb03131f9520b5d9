"""The forms that values of sbatch's options have: what is wrong with one, and how it would be right.

Sources: man sbatch of 22.05 to 24.11, and what sbatch 22.05.8 refuses. Where versions differ, a form that any of them
reads is taken. Each check has None for a right value, else what is wrong and what would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeAlias

from hyperherd import units

Told: TypeAlias = "tuple[str, str] | None"


class Kind(Enum):
    """What an option takes. OPTIONAL: a value or nothing (``--exclusive``, ``--exclusive=user``)."""

    TEXT = "text"
    COUNT = "a whole number of at least 1"
    FROM_ZERO = "a whole number"
    FLAG = "true or false"
    OPTIONAL = "true, or text"
    TIME = "a time"
    MEMORY = "an amount of memory"
    NODES = "a number of nodes"
    GPUS = "a number of GPUs"
    GRES = "a resource with its count"


TIMES = "minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds]"
MEMORIES = "a whole number with K, M, G or T, such as 32G"

_SPOKEN = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s*(d|h|m|s)(?:ays?|(?:ou)?rs?|in(?:ute)?s?|ec(?:ond)?s?)?", re.IGNORECASE
)
_UNITS_S = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MEMORY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE | re.ASCII)
_NODES = re.compile(r"(\d{1,9}[KM]?)-(\d{1,9}[KM]?)|[\d:,-]*\d[KM]?", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d{1,15}[KMGTP]?", re.IGNORECASE | re.ASCII)
_NUMERIC = re.compile(r"[-+.\d][-+.\de]*", re.ASCII)


def fault(kind: Kind, value: object) -> Told:
    """What sbatch would refuse of a value of an option of this kind; None and False ask for nothing, and are right.

    >>> fault(Kind.TIME, "90 min")[1], fault(Kind.MEMORY, "8 GB")[1], fault(Kind.COUNT, "two")[0]
    ("write '01:30:00'", "write '8G'", "'two' is not a whole number of at least 1")
    """
    if value is None or value is False:
        return None
    if not isinstance(value, (str, int)):
        hint = (
            f"write it in quotes for text: '{value}'"
            if isinstance(value, float)
            else "one value, not several"
        )
        return f"{shown(value)} is not {kind.value}", _HINTS.get(kind, hint)
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        return "a line break, after which Slurm would read another directive", "write it on one line"
    if value is True:
        return _bare(kind)
    return _CHECKS[kind](str(value))


def shown(value: object) -> str:
    """A value as its user would recognise it.

    >>> shown("two"), shown(1.5), shown([1])
    ("'two'", '1.5', 'a list')
    """
    if isinstance(value, (list, tuple, dict)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _bare(kind: Kind) -> Told:
    if kind in (Kind.FLAG, Kind.OPTIONAL):
        return None
    return "it needs a value, not true", _HINTS.get(kind, "write its value; null leaves it out")


def _text(value: str) -> Told:
    return None if value else ("it needs a value", "write its value; null leaves it out")


def _count(value: str) -> Told:
    return None if _digits(value) and int(value) else _not(Kind.COUNT, value)


def _from_zero(value: str) -> Told:
    return None if _digits(value) else _not(Kind.FROM_ZERO, value)


def _digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 16


def _flag(value: str) -> Told:
    return f"it takes no value, and {shown(value)} is neither true nor false", "write true, or leave it out"


def _optional(value: str) -> Told:
    return None if value else ("it is empty", "write true, or leave it out")


def _time(value: str) -> Told:
    try:
        units.seconds_of_limit(value)
    except ValueError:
        spoken = _SPOKEN.fullmatch(value.strip())
        limit_s = float(spoken[1]) * _UNITS_S[spoken[2].lower()] if spoken else 0.0
        return f"{shown(value)} is not a time that sbatch reads", _time_hint(limit_s)
    return None


def slip(kind: Kind, value: object) -> Told:
    """What sbatch takes, and surely nobody means: it reads 99 minutes behind the hours as 1:39.

    >>> slip(Kind.TIME, "25:99:00")[1], slip(Kind.TIME, "1-36:00"), slip(Kind.TIME, 90)
    ("write '1-02:39:00'", None, None)
    """
    if kind is not Kind.TIME or not isinstance(value, str):
        return None
    behind = [int(part) for part in value.rpartition("-")[2].split(":")[1:]]
    if any(number > 59 for number in behind):
        what = f"{shown(value)} has {max(behind)} minutes or seconds in one place, where 59 is the most"
        return what, _time_hint(units.seconds_of_limit(value))
    return None


def _time_hint(limit_s: float) -> str:
    return f"write '{units.limit(limit_s)}'" if 0 < limit_s < math.inf else TIMES


def _memory(value: str) -> Told:
    try:
        units.bytes_asked(value)
    except ValueError:
        return f"{shown(value)} is not an amount of memory that sbatch reads", memory_hint(value)
    return None


def memory_hint(text: str) -> str:
    """The right form of an amount, such as ``12288M`` of ``12.0 GiB``.

    >>> memory_hint("12.00G"), memory_hint("1.5 GB"), memory_hint("lots") == MEMORIES
    ("write '12G'", "write '1536M'", True)
    """
    match = _MEMORY.fullmatch(text)
    if not match:
        return MEMORIES
    amount, order = float(match[1]), "KMGT".index(match[2].upper() or "M")
    while order and amount != int(amount):
        amount, order = amount * 1024, order - 1
    return f"write '{math.ceil(amount)}{'KMGT'[order]}'"


def _nodes(value: str) -> Told:
    """Also a list of sizes, which newer versions read.

    >>> _nodes("2-4"), _nodes("1,3-9:2"), _nodes("4-2")[0], _nodes("0")[0]
    (None, None, 'the least is above the most: 4-2', "'0' is not a number of nodes")
    """
    match = _NODES.fullmatch(value)
    if not match or value[:1] in "-:,0":
        return _not(Kind.NODES, value)
    least, most = match.groups()
    if least and _digits(least) and _digits(most) and int(least) > int(most):
        return f"the least is above the most: {value}", f"write '{most}-{least}'"
    return None


def _gpus(value: str) -> Told:
    """``2``, ``a100:2``, ``a100:1,v100:1``.

    >>> _gpus("a100:2,v100"), _gpus("gpu:1")[1], _gpus("-1")[0]
    (None, "write '1'; or gres: gpu:1", "'-1' is not a number of GPUs")
    """
    for word in value.split(","):
        kind, colon, count = word.rpartition(":")
        if kind == "gpu" or kind.startswith("gpu:"):
            return (
                f"'gpu' is no type of GPU: {shown(value)}",
                f"write '{word.removeprefix('gpu:')}'; or gres: {word}",
            )
        if not (_NUMBER.fullmatch(count) or (not colon and _is_name(count))) or (
            colon and not _is_name(kind)
        ):
            return _not(Kind.GPUS, value)
    return None


def _gres(value: str) -> Told:
    """``gpu``, ``gpu:2``, ``gpu:a100:2,lscratch:10G``: names, each with a type and a count, or with one of them.

    >>> _gres("gpu:a100:2,lscratch:10G"), _gres("2")[1], _gres("gpu=2")[1], _gres("gpu:a100:two")[0]
    (None, "write 'gpu:2'", "write 'gpu:2'", "'gpu:a100:two' is not a resource with its count")
    """
    for word in value.split(","):
        name, *more = word.removeprefix("gres:").split(":")
        if not _is_name(name) or len(more) > 2 or not _is_gres(more):
            right = re.fullmatch(r"\s*(?:(\w+)\s*[=\s]\s*)?(\d+)\s*", value, re.ASCII)
            hint = f"write '{right[1] or 'gpu'}:{right[2]}'" if right else _HINTS[Kind.GRES]
            return f"{shown(value)} is not {Kind.GRES.value}", hint
    return None


def _is_gres(more: list[str]) -> bool:
    """What stands behind the name: nothing, a type, a count, or both."""
    if len(more) == 2:
        return _is_name(more[0]) and bool(_NUMBER.fullmatch(more[1]))
    return not more or _is_name(more[0]) or bool(_NUMBER.fullmatch(more[0]))


def _is_name(word: str) -> bool:
    """Sites name types as they like (``1g.10gb``), but no number is one."""
    return bool(word) and not re.search(r"[\s=]", word) and not _NUMERIC.fullmatch(word)


def _not(kind: Kind, value: str) -> Told:
    return f"{shown(value)} is not {kind.value}", _HINTS[kind]


_HINTS: Mapping[Kind, str] = {
    Kind.COUNT: "such as 4",
    Kind.FROM_ZERO: "such as 0 or 4",
    Kind.FLAG: "write true, or leave it out",
    Kind.OPTIONAL: "write true, or its value",
    Kind.TIME: TIMES,
    Kind.MEMORY: MEMORIES,
    Kind.NODES: "such as 2, or 2-4",
    Kind.GPUS: "such as 2, or a100:2",
    Kind.GRES: "such as gpu:2, or gpu:a100:2",
}

_CHECKS: Mapping[Kind, Callable[[str], Told]] = {
    Kind.TEXT: _text,
    Kind.COUNT: _count,
    Kind.FROM_ZERO: _from_zero,
    Kind.FLAG: _flag,
    Kind.OPTIONAL: _optional,
    Kind.TIME: _time,
    Kind.MEMORY: _memory,
    Kind.NODES: _nodes,
    Kind.GPUS: _gpus,
    Kind.GRES: _gres,
}
