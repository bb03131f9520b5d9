"""Parameters out of checked mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperherd.config.document import Path
from hyperherd.config.faults import Faults, shown
from hyperherd.search.conditions import same
from hyperherd.search.grid import steps
from hyperherd.sweep.identity import canonical
from hyperherd.sweep.naming import FEWEST_DIGITS, safe, text_of
from hyperherd.sweep.spec import MISSING, Missing, Parameter, bare
from hyperherd.sweep.trial import Value

RESERVED = "experiment_name"
"""Given to every trial; a parameter of this name would hide it."""

_NEVER_IN_NAMES = frozenset("'\"`\\=,;&|<>(){}[]*?!#$")


def build(content: Mapping[str, Any], faults: Faults) -> tuple[Parameter, ...]:
    """The parameters, as far as they have no faults; those that they have are told."""
    found = []
    for name, entry in content.items():
        path: Path = ("parameters", name)
        if fault := name_fault(name):
            faults.add(path, *fault)
        made = _MAKERS.get(str(entry.get("type"))) if isinstance(entry, dict) else None
        if made:
            found.append(made(name, faults.usable(path, entry), path, faults))
    _check_clashes(found, faults)
    return tuple(found)


def name_fault(name: str) -> tuple[str, str] | None:
    """What keeps ``name`` from being written before a ``=`` in an override, and what would be right."""
    if name == RESERVED:
        return f"'{RESERVED}' is the trial's name, which herd gives", "choose another name"
    if not bare(name):
        return "the name is empty", ""
    wrong = sorted({c for c in name if c in _NEVER_IN_NAMES or c.isspace() or not c.isprintable()})
    if wrong:
        return f"a name cannot hold {' '.join(map(repr, wrong))}", "letters, digits and . _ - / @ : are fine"
    return None


def _continuous(name: str, entry: Mapping[str, Any], path: Path, faults: Faults) -> Parameter:
    low, high, scale = entry.get("low"), entry.get("high"), entry.get("scale", "linear")
    default = MISSING if entry.get("default") is None else float(entry["default"])
    if low is not None and high is not None:
        _check_range(low, high, default, path, faults)
    if scale == "log" and low is not None and low <= 0:
        faults.add((*path, "low"), f"a logarithmic scale needs low above 0, not {low}", "scale: linear")
    abbrev = _abbrev(name, entry, path, faults)
    if low is None or high is None or faults.at(path):
        return Parameter(name, (), abbrev, default=default)
    return Parameter(
        name=name,
        values=steps(low, high, scale, entry.get("steps", 5)),
        abbrev=abbrev,
        default=default,
        kind="continuous",
        low=float(low),
        high=float(high),
        scale=scale,
    )


def _check_range(low: float, high: float, default: float | Missing, path: Path, faults: Faults) -> None:
    if low >= high:
        faults.add((*path, "low"), f"low ({low}) must be below high ({high})")
    elif not isinstance(default, Missing) and not low <= default <= high:
        faults.add((*path, "default"), f"{default} is not between low ({low}) and high ({high})")


def _discrete(name: str, entry: Mapping[str, Any], path: Path, faults: Faults) -> Parameter:
    values = tuple(entry.get("values", ()))
    labels = entry.get("labels")
    if labels is None:
        _check_slashes(values, path, faults)
    elif values:
        _check_labels(labels, values, path, faults)
    default: Value | Missing = MISSING
    if values and (entry.get("default") is not None or ("default" in entry and None in values)):
        default = _default(entry["default"], values, path, faults)
    return Parameter(
        name=name,
        values=values,
        abbrev=_abbrev(name, entry, path, faults),
        labels=None if labels is None else tuple(labels),
        default=default,
    )


_MAKERS = {"continuous": _continuous, "discrete": _discrete}


def _default(given: Value, values: Sequence[Value], path: Path, faults: Faults) -> Value:
    """The one of the values that is meant, so that it has that one's type."""
    exact = canonical(given)
    alike = [value for value in values if canonical(value) == exact] or [v for v in values if same(v, given)]
    if not alike:
        known = ", ".join(_brief(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
        faults.add((*path, "default"), f"{_brief(given)} is not among the values", f"the values are {known}")
        return given
    return alike[0]


def _brief(value: Value) -> str:
    return canonical(value) if isinstance(value, (list, dict)) else "null" if value is None else shown(value)


def _check_slashes(values: Sequence[Value], path: Path, faults: Faults) -> None:
    with_slash = next((value for value in values if "/" in canonical(value)), None)
    if with_slash is not None:
        what = f"{_brief(with_slash)} holds a '/', which a trial's name cannot"
        words = (text_of(v, FEWEST_DIGITS).rstrip("/").rpartition("/")[2] for v in values[:3])
        hint = ", ".join(safe(word) for word in words) + (", ..." if len(values) > 3 else "")
        faults.add((*path, "values"), what, f"name each value: labels: [{hint}]")


def _check_labels(labels: Sequence[str], values: Sequence[Value], path: Path, faults: Faults) -> None:
    if len(labels) != len(values):
        what = f"{len(labels)} labels for {len(values)} values"
        faults.add((*path, "labels"), what, "one for each value, in the same order")
        return
    seen: dict[str, Value] = {}
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        here = (*path, "labels", place)
        if "/" in label or not safe(label):
            faults.add(
                here, f"{shown(label)} cannot be part of a trial's name", "letters, digits and . _ + -"
            )
        elif canonical(seen.setdefault(label, value)) != canonical(value):
            faults.add(here, f"{shown(label)} is the label of another value already")


def _abbrev(name: str, entry: Mapping[str, Any], path: Path, faults: Faults) -> str:
    """As it is given, or the parameter's name without Hydra's prefix."""
    abbrev = entry.get("abbrev")
    if abbrev is None:
        return bare(name)
    if not abbrev or safe(abbrev) != abbrev or abbrev[0] in ".-":
        fitting = safe(abbrev).lstrip(".-")
        hint = f"abbrev: {fitting}" if fitting else "letters, digits and . _ + -"
        faults.add((*path, "abbrev"), f"{shown(abbrev)} cannot be part of a trial's name", hint)
    return str(abbrev)


def _check_clashes(parameters: Sequence[Parameter], faults: Faults) -> None:
    by_name: dict[str, Parameter] = {}
    by_abbrev: dict[str, Parameter] = {}
    for parameter in parameters:
        path = ("parameters", parameter.name)
        other = by_name.setdefault(bare(parameter.name), parameter)
        if other is not parameter:
            faults.add(
                path, f"'{parameter.name}' and '{other.name}' are the same but for the prefix", "rename one"
            )
            continue
        other = by_abbrev.setdefault(safe(parameter.abbrev).casefold(), parameter)
        if other is not parameter:
            what = f"'{parameter.abbrev}' stands for '{other.name}' in trial names already"
            given = faults.document.lines.keys() >= {(*path, "abbrev")}
            faults.add((*path, "abbrev") if given else path, what, "give it another abbrev")
