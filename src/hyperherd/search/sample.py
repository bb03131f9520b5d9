"""Combinations drawn from the parameters, at random or along Sobol's points."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hyperherd.search import sobol
from hyperherd.search.grid import Axis, Row, axes, between_ends, combined
from hyperherd.sweep.spec import Sample, SweepSpec
from hyperherd.sweep.trial import Value


def combinations(spec: SweepSpec, sample: Sample) -> Iterator[dict[str, Value]]:
    """Draws without end; the first ones do not depend on how many are taken.

    Each parameter has a stream of its own, made of the seed and its name, so that random draws of one stay
    what they are when another is added.
    """
    all_axes = axes(spec)
    seeds = [f"{sample.seed}/{axis.parameters[0].name}" for axis in all_axes]
    points = sobol.points(seeds) if sample.method == "sobol" else _random_points(seeds)
    rows = (tuple(_at(axis, share) for axis, share in zip(all_axes, point, strict=True)) for point in points)
    return combined(spec, all_axes, rows)


def _random_points(seeds: list[str]) -> Iterator[tuple[float, ...]]:
    streams = [random.Random(seed) for seed in seeds]
    while True:
        yield tuple(stream.random() for stream in streams)


def _at(axis: Axis, share: float) -> Row:
    """The axis' row at ``share`` (0 up to, not including, 1) of it."""
    if len(axis.parameters) == 1 and axis.parameters[0].kind == "continuous":
        only = axis.parameters[0]
        return (between_ends(only.low, only.high, only.scale, share),)
    return axis.rows[int(share * len(axis.rows))]
