"""Trial names: ``lr-0.001_opt-adam``. They are the documented checkpoint folders, so they are unique and safe
as paths.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence

from hyperherd.sweep.identity import canonical, trial_hash
from hyperherd.sweep.spec import Parameter, SweepSpec
from hyperherd.sweep.trial import Combination, Value

MAX_BYTES = 200
NAMELESS = "plain"
"""A trial without parameters."""
FEWEST_DIGITS = 4
MOST_DIGITS = 17

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


def names(spec: SweepSpec, combinations: Sequence[Combination], taken: Collection[str]) -> list[str]:
    """A name for each combination, different from all others and from ``taken``, also on macOS' folding disks.

    Floats have 4 significant digits; trials that would share a name have as many as it takes, then their hash.
    """
    used = {name.casefold() for name in taken}
    found: dict[int, str] = {}

    def settle(indices: Sequence[int], digits: int) -> list[int]:
        """Name those that so many digits tell apart; return the others."""
        namer = _namer(spec, digits)
        settled = _unrivalled({index: namer(combinations[index]) for index in indices}, used)
        found.update(settled)
        used.update(name.casefold() for name in settled.values())
        return [index for index in indices if index not in settled]

    tied = settle(range(len(combinations)), FEWEST_DIGITS)
    if tied:
        # Those that no number of digits tells apart would go through every round for nothing.
        exact, short = _namer(spec, MOST_DIGITS), _namer(spec, FEWEST_DIGITS)
        rest = list(_unrivalled({index: exact(combinations[index]) for index in tied}, used))
        for digits in range(FEWEST_DIGITS + 1, MOST_DIGITS + 1):
            rest = settle(rest, digits) if rest else rest
        for index in sorted(set(tied) - found.keys()):
            found[index] = _with_hash(short(combinations[index]), combinations[index], used)
            used.add(found[index].casefold())
    return [found[index] for index in range(len(combinations))]


def _unrivalled(candidates: dict[int, str], used: Collection[str]) -> dict[int, str]:
    """Those names that only one trial would have, and that are not used and not too long."""
    first: dict[str, int] = {}
    rivals: set[int] = set()
    for index, name in candidates.items():
        other = first.setdefault(name.casefold(), index)
        if other != index or len(name.encode()) > MAX_BYTES:
            rivals |= {other, index}
    rivals |= {index for name, index in first.items() if name in used}
    return {index: name for index, name in candidates.items() if index not in rivals}


def _with_hash(name: str, combination: Combination, used: Collection[str]) -> str:
    """Cut to fit, the trial's hash behind it, and a number where somebody has used even that."""
    tail = f"-{trial_hash(combination.params, combination.extras)}"
    for number in range(1, len(used) + 2):
        ending = tail if number == 1 else f"{tail}-{number}"
        made = name.encode()[: MAX_BYTES - len(ending)].decode(errors="ignore") + ending
        if made.casefold() not in used:
            return made
    raise AssertionError("more names are used than there are")


def _namer(spec: SweepSpec, digits: int) -> Callable[[Combination], str]:
    """Combination -> name with ``digits`` significant digits."""
    # A grid has few values in many combinations, and they are the same objects: their ids find the word for
    # each at once, whatever their type. The combinations outlive the names, so no id is used twice.
    seen: list[tuple[str, _Words, dict[int, str]]] = [
        (p.name, _Words(p, digits), {}) for p in spec.parameters
    ]

    def name_of(combination: Combination) -> str:
        params = combination.params
        parts = []
        for name, words, by_id in seen:
            value = params[name]
            part = by_id.get(id(value))
            if part is None:
                part = by_id[id(value)] = words(value)
            parts.append(part)
        return "_".join(parts) or NAMELESS

    return name_of


class _Words:
    """Values of one parameter -> ``abbrev-value``, or ``abbrev-label`` where the value has a label."""

    def __init__(self, parameter: Parameter, digits: int) -> None:
        self.abbrev = safe(parameter.abbrev).lstrip(".-") or "x"
        self.digits = digits
        self.labels = dict(zip(map(canonical, parameter.values), parameter.labels or (), strict=False))

    def __call__(self, value: Value) -> str:
        label = self.labels.get(canonical(value)) if self.labels else None
        return f"{self.abbrev}-{safe(text_of(value, self.digits) if label is None else label)}"


def text_of(value: Value, digits: int) -> str:
    """A value as short text, floats with ``digits`` significant digits (17: all that they have).

    >>> text_of([0.000123456, "adam", None], 4)
    '0.0001235-adam-null'
    """
    if isinstance(value, float):
        return repr(value) if digits >= MOST_DIGITS else f"{value:.{digits}g}"
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "-".join(text_of(element, digits) for element in value)
    if isinstance(value, dict):
        return "-".join(f"{key}-{text_of(element, digits)}" for key, element in value.items())
    return str(value)


def safe(text: str) -> str:
    """``text`` as a part of a path component: letters, digits and ``._+-`` stay, each run of others is one
    ``-``.

    Letters are those of any script, composed (NFC), as macOS would do to them behind our back.

    >>> safe("résumé of /data/été")
    'résumé-of-data-été'
    """
    if _SAFE.issuperset(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(c if c in _SAFE or (c > "\x7f" and c.isalnum()) else "\0" for c in composed)
    return "-".join(part for part in kept.split("\0") if part)
