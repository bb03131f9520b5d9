"""The combinations that a spec describes: grid or sample, then conditions, then each one once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hyperherd.errors import ConfigError, Fault
from hyperherd.search import grid, sobol
from hyperherd.search.conditions import ruling
from hyperherd.search.grid import Axis, Row, axes, between_ends, combined
from hyperherd.search.source import History, Source
from hyperherd.sweep.identity import canonical, trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.spec import Sample, SweepSpec, names
from hyperherd.sweep.trial import Combination, Value


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


class Combinations(Source):
    """The grid or sample of a YAML. Raises as `generate`."""

    def __init__(self, spec: SweepSpec) -> None:
        self.spec = spec
        self.name = "sample" if spec.sample else "grid"

    def described(self, history: History) -> list[Described]:
        """The same, whatever has become of them."""
        made = generate(self.spec)
        return [Described(trial_hash(c.params, c.extras), c.params, c.extras, c.requires) for c in made]


FRUITLESS = 1_000
"""After so many draws in a row that are excluded or drawn before, there is nothing left to draw."""


def count(spec: SweepSpec) -> int:
    """How many combinations there are before conditions, without making them; of a sample, at most so many."""
    searched = spec.sample.n if spec.sample else grid.count(replace(spec, parameters=spec.searched))
    return searched * len(_repeats(spec))


def generate(spec: SweepSpec) -> list[Combination]:
    """All combinations, in order, each once (1 and 1.0 are two), and each with all that repeats it in a row.

    A sample goes on drawing in place of what conditions exclude and of what it has drawn before.
    Raises `ExpressionError`, and `ConfigError` where the conditions leave nothing.
    """
    apply = ruling(spec.conditions, spec.requires)

    def ruled(params: dict[str, Value]) -> Combination | None:
        return Combination(*kept) if (kept := apply(params)) else None

    searched = replace(spec, parameters=spec.searched)
    drawn = combinations(searched, spec.sample) if spec.sample else grid.combinations(searched)
    repeats = _repeats(spec)
    made = (ruled(params | repeat) for params in drawn for repeat in repeats)
    if spec.sample:
        groups = ([ruled(params | repeat) for repeat in repeats] for params in drawn)
        found = list(itertools.chain(*itertools.islice(_until_fruitless(groups), spec.sample.n)))
    elif _may_repeat(spec):
        found = list(_each_once(made))
    else:
        found = [combination for combination in made if combination is not None]
    if not found:
        what = f"the conditions exclude all of the {count(spec):,} combinations"
        raise ConfigError(
            [Fault("hyperherd.yaml: conditions", what, "narrow what they exclude, or remove one")]
        )
    return found


def _repeats(spec: SweepSpec) -> list[dict[str, Value]]:
    """The values that each combination is repeated with; of a sweep without repeats one, which adds nothing."""
    repeating = [p for p in spec.parameters if p.name in spec.repeat]
    rows = itertools.product(*(p.values for p in repeating))
    return [dict(zip(names(repeating), row, strict=True)) for row in rows]


def _may_repeat(spec: SweepSpec) -> bool:
    return any(c.force for c in spec.conditions) or any(axis.has_duplicates for axis in grid.axes(spec))


def _each_once(made: Iterable[Combination | None]) -> Iterator[Combination]:
    seen: set[str] = set()
    for combination in made:
        if combination is not None and _is_new(combination, seen):
            yield combination


def _until_fruitless(groups: Iterable[Sequence[Combination | None]]) -> Iterator[list[Combination]]:
    """What is new of each group, those that repeat one combination; groups of which nothing is are left out."""
    seen: set[str] = set()
    fruitless = 0
    for group in groups:
        fruitless += 1
        new = [combination for combination in group if combination is not None and _is_new(combination, seen)]
        if new:
            fruitless = 0
            yield new
        elif fruitless == FRUITLESS:
            return


def _is_new(combination: Combination, seen: set[str]) -> bool:
    key = canonical([combination.params, combination.extras])
    if key in seen:
        return False
    seen.add(key)
    return True
