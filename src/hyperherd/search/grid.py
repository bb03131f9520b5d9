"""The combinations of a grid: all of them, those of some parameters, or one parameter at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyperherd.sweep.identity import canonical, rounded
from hyperherd.sweep.spec import Missing, Parameter, SweepSpec
from hyperherd.sweep.trial import Value

Row = tuple[Value, ...]


@dataclass(frozen=True)
class Axis:
    """Parameters that vary together: one, or those of a ``zip`` group. Each row has a value for each of them."""

    parameters: tuple[Parameter, ...]
    rows: tuple[Row, ...]

    @property
    def defaults(self) -> Row:
        """The parameters' defaults; the first row's value where there is none."""
        return tuple(
            first if isinstance(p.default, Missing) else p.default
            for p, first in zip(self.parameters, self.rows[0], strict=True)
        )

    def varied(self) -> list[Row]:
        """The rows but that of the defaults."""
        defaults = canonical(self.defaults)
        return [row for row in self.rows if canonical(row) != defaults]

    @property
    def has_duplicates(self) -> bool:
        return len({canonical(row) for row in self.rows}) < len(self.rows)


def steps(low: float, high: float, scale: str, count: int) -> tuple[float, ...]:
    """``count`` values from ``low`` to ``high``, both exact, the others rounded to 12 significant digits; one alone is
    ``low``.

    >>> steps(1e-5, 1e-1, "log", 5)
    (1e-05, 0.0001, 0.001, 0.01, 0.1)
    """
    if count == 1:
        return (float(low),)
    between = (between_ends(low, high, scale, i / (count - 1)) for i in range(1, count - 1))
    return (float(low), *between, float(high))


def between_ends(low: float, high: float, scale: str, share: float) -> float:
    """The value at ``share`` (0 to 1) of the way, rounded, never beyond an end."""
    if scale == "log":
        value = math.exp(math.log(low) * (1 - share) + math.log(high) * share)
    else:
        value = low * (1 - share) + high * share
    return min(max(rounded(value), float(low)), float(high))


def axes(spec: SweepSpec) -> tuple[Axis, ...]:
    """The parameters in order, those of a ``zip`` group together where the first of them stands."""
    group_of = {name: group for group in spec.zips for name in group}
    by_name = {parameter.name: parameter for parameter in spec.parameters}
    found: dict[tuple[str, ...], Axis] = {}
    for parameter in spec.parameters:
        group = group_of.get(parameter.name, (parameter.name,))
        members = tuple(by_name[name] for name in group)
        found.setdefault(
            group, Axis(members, tuple(zip(*(member.values for member in members), strict=True)))
        )
    return tuple(found.values())


def combined(
    spec: SweepSpec, axes: Sequence[Axis], rows: Iterator[tuple[Row, ...]]
) -> Iterator[dict[str, Value]]:
    """Each row of rows (one for each axis) as parameters, in the order of the YAML."""
    order = [parameter.name for axis in axes for parameter in axis.parameters]
    wanted = [parameter.name for parameter in spec.parameters]
    flat = itertools.chain.from_iterable
    if order == wanted:
        return (dict(zip(wanted, flat(row), strict=True)) for row in rows)
    places = [order.index(name) for name in wanted]
    return (
        {name: values[place] for name, place in zip(wanted, places, strict=True)}
        for values in (tuple(flat(row)) for row in rows)
    )


def combinations(spec: SweepSpec) -> Iterator[dict[str, Value]]:
    """The grid's combinations. The last parameter changes fastest; of a list of names, the last name. Where each varies
    alone, the defaults come first.
    """
    all_axes = axes(spec)
    if spec.grid is None:
        return combined(spec, all_axes, _one_at_a_time(all_axes))
    if spec.grid != "all":
        place = {name: place for place, name in enumerate(spec.grid)}
        last = len(place)
        all_axes = tuple(
            sorted(all_axes, key=lambda axis: min(place.get(p.name, last) for p in axis.parameters))
        )
    return combined(spec, all_axes, itertools.product(*(_rows(spec, axis) for axis in all_axes)))


def count(spec: SweepSpec) -> int:
    """How many combinations the grid has, without making them."""
    all_axes = axes(spec)
    if spec.grid is None:
        return 1 + sum(len(axis.varied()) for axis in all_axes)
    return math.prod(len(_rows(spec, axis)) for axis in all_axes)


def _rows(spec: SweepSpec, axis: Axis) -> tuple[Row, ...]:
    varies = spec.grid == "all" or any(p.name in (spec.grid or ()) for p in axis.parameters)
    return axis.rows if varies else (axis.defaults,)


def _one_at_a_time(axes: Sequence[Axis]) -> Iterator[tuple[Row, ...]]:
    defaults = tuple(axis.defaults for axis in axes)
    yield defaults
    for place, axis in enumerate(axes):
        for row in axis.varied():
            yield (*defaults[:place], row, *defaults[place + 1 :])
