"""Several overrides and the combinations they stand for, in Hydra's order: ``lr=0.1,0.01 env=a,b`` are four.

The last key changes fastest; a repeated key keeps its first place and takes its last value; ``a`` and ``+a`` are two
keys (hydra-core 1.3, ``BasicSweeper.split_arguments``). Beyond Hydra:

- ``lr=zip(0.1,0.01) wd=zip(0,1)``: keys with ``zip`` go together, value by value, where the first of them stands;
- ``seed=__randseed(N)__`` (or ``__randperm(N)__``; N absent: 1): each combination of the other keys becomes N, each
  with a number of its own from 0 to 2^31-1.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from hyperherd.errors import GrammarError, HerdError
from hyperherd.grammar.sweep_values import Item, Seeds, item, plain, spell
from hyperherd.grammar.sweeps import Override, parse

SEEDS = 2**31
"""Random seeds are below this."""

_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\\.", re.DOTALL)
_NOT_HYDRAS = re.compile(r"[^\w\s/+.$%*@?|:=,()\[\]{}-]", re.ASCII)
"""What stands in no value without quotes (Hydra 1.3's OverrideLexer.g4, VALUE_MODE); we read it."""

MOST_COUNTED = 10**1000
"""Python does not print much larger numbers."""


class Chosen(NamedTuple):
    """One key with one value: ``text`` is the override as typed, ``hydra`` as Hydra's own sweeper spells it."""

    name: str
    value: Any
    text: str
    hydra: str


@dataclass(frozen=True)
class Product:
    """``overrides`` have each key once; ``replaced`` are those whose key came again.

    ``seed`` None: random seeds differ from call to call.
    """

    overrides: tuple[Override, ...]
    seed: int | None = None
    replaced: tuple[Override, ...] = ()

    def notes(self) -> list[str]:
        """For whoever typed it: a sentence for each word that is not used, or that Hydra would not read."""
        last = {override.name: override.text for override in self.overrides}
        unused = [
            f"{one.text} is not used: {last[one.name]} comes later, and a key counts once"
            for one in self.replaced
        ]
        return unused + [
            f"a Hydra program reads {found[0]} in quotes only, as in {one.name}='...': {one.text}"
            for one in self.overrides
            if (found := _NOT_HYDRAS.search(_QUOTED.sub("", one.text.partition("=")[2])))
        ]

    def count(self) -> int:
        """How many combinations; nothing is listed. Raises `GrammarError` for what cannot be, `HerdError`."""
        number = math.prod(axis[0].count() for axis in self.axes())
        if number > MOST_COUNTED:
            raise HerdError(
                "more than 10^1000 combinations", hint="leave out some keys, or some of their values"
            )
        return number

    @property
    def drawn(self) -> tuple[str, ...]:
        """The keys whose values are random seeds."""
        return tuple(o.name for o in self.overrides if isinstance(o.item.value, Seeds))

    def combinations(self, again: Iterable[Mapping[str, Any]] = ()) -> Iterator[tuple[Chosen, ...]]:
        """One after another, each in the order of the keys. Raises `GrammarError`, `HerdError`.

        ``again`` are combinations of an earlier call, by key, with the same keys drawn: their seeds are taken first.
        """
        axes = self.axes()
        drawn = self.drawn
        if drawn and self.count() * len(drawn) > SEEDS:
            raise HerdError(f"{self.count()} combinations, and there are no more than {SEEDS} random seeds")
        listed = [[self._listed(override) for override in axis] for axis in axes]
        rows = itertools.product(*(zip(*columns, strict=True) for columns in listed))
        found: Iterator[tuple[Chosen, ...]] = (tuple(itertools.chain.from_iterable(row)) for row in rows)
        order = [override for axis in axes for override in axis]
        places = [order.index(override) for override in self.overrides]
        if places != sorted(places):
            found = (tuple([row[place] for place in places]) for row in found)
        return self._seeded(found, again) if drawn else found

    def axes(self) -> list[list[Override]]:
        """What varies together. Raises `GrammarError` for a ``zip`` alone, or of unequal lengths."""
        zipped = [override for override in self.overrides if override.is_zipped]
        for override in zipped[1:]:
            if override.count() != zipped[0].count():
                what = f"zip() of {override.count()} values, but {zipped[0].name} has {zipped[0].count()}"
                raise _misplaced(override, what, "keys that go together have equally many values")
        if len(zipped) == 1:
            hint = "another key goes with it: lr=zip(0.1,0.01) wd=zip(0,1)"
            raise _misplaced(zipped[0], "zip() pairs keys, and this is the only one", hint)
        alone = [[override] for override in self.overrides if override not in zipped[1:]]
        return [zipped if axis[0].is_zipped else axis for axis in alone]

    def _listed(self, override: Override) -> list[Chosen]:
        if isinstance(override.item.value, Seeds):
            return [_chosen(override, override.item)] * override.count()
        return [_chosen(override, choice) for choice in override.choices(self.seed or 0)]

    def _seeded(
        self, combinations: Iterator[tuple[Chosen, ...]], again: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[Chosen, ...]]:
        random = Random() if self.seed is None else Random(f"{self.seed} seeds")
        drawn = self.drawn
        places = [(place, o) for place, o in enumerate(self.overrides) if o.name in drawn]
        before: dict[str, list[list[int]]] = {}
        for params in again:
            before.setdefault(_besides(params, drawn), []).append([params[name] for name in drawn])
        used = {seed for seeds in before.values() for seed in itertools.chain.from_iterable(seeds)}
        for combination in combinations:
            row = list(combination)
            known = before.get(_besides({one.name: one.value for one in row}, drawn)) if before else None
            seeds = known.pop(0) if known else [_draw(random, used) for _ in places]
            for (place, override), seed in zip(places, seeds, strict=True):
                row[place] = _chosen(override, item(seed))
            yield tuple(row)


def read(words: Sequence[str], *, seed: int | None = None) -> Product:
    """The product of these overrides; ``seed`` fixes random seeds and ``shuffle`` (0 for ``shuffle`` if None).

    Raises `GrammarError`, or one `HerdError` with all of them where several words are at fault.

    >>> [" ".join(word.text for word in row) for row in read(["lr=0.10,1e-3", "env='a b',c"]).combinations()]
    ["lr=0.10 env='a b'", 'lr=0.10 env=c', "lr=1e-3 env='a b'", 'lr=1e-3 env=c']
    """
    overrides: dict[str, Override] = {}
    replaced: list[Override] = []
    faults: list[GrammarError] = []
    for word in words:
        try:
            override = parse(word, seed=seed or 0)
            override.count()
        except GrammarError as fault:
            faults.append(fault)
        else:
            replaced += [overrides[override.name]] if override.name in overrides else []
            overrides[override.name] = override
    if len(faults) > 1:
        raise HerdError("\n".join([f"{len(faults)} overrides cannot be read", *map(str, faults)]))
    if faults:
        raise faults[0]
    product = Product(tuple(overrides.values()), seed, tuple(replaced))
    product.axes()
    return product


def _chosen(override: Override, choice: Item) -> Chosen:
    text = f"{override.name}={choice.text}" if override.has_value else override.text
    return Chosen(override.name, plain(choice.value), text, f"{override.name}={spell(choice.value)}")


def _besides(params: Mapping[str, Any], drawn: Collection[str]) -> str:
    """A combination without its random seeds, as text that tells types apart."""
    return repr(sorted((name, repr(value)) for name, value in params.items() if name not in drawn))


def _draw(random: Random, used: set[int]) -> int:
    while (number := random.randrange(SEEDS)) in used:
        pass
    used.add(number)
    return number


def _misplaced(override: Override, what: str, hint: str) -> GrammarError:
    return GrammarError(what, text=override.text, position=override.text.index("=") + 1, hint=hint)
