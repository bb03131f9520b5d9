"""Sources of a script's sweep: the combinations of ``herd multirun``, and the jobs of a Hydra application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hyperherd.engine.scripts import Script, ScriptSource
from hyperherd.grammar.product import Chosen, Product
from hyperherd.search.source import History
from hyperherd.sweep.identity import canonical, trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Typed, Value


class ProductSource(ScriptSource):
    """The combinations of a product. Random seeds that were drawn before for the same combination are used again.

    Raises `GrammarError`.
    """

    alone = True

    def __init__(self, script: Script, product: Product) -> None:
        super().__init__(script)
        self.product = product

    def described(self, history: History) -> list[Described]:
        """In the product's order, each once."""
        drawn = self.product.drawn
        before = [past.trial for past in history.trials]
        again = [one.params for one in before if one.typed and drawn and one.typed.drawn == drawn]
        made = _described(self.product.combinations(again), drawn, self.script.tasks)
        return list({one.hash: one for one in made}.values())


class JobsSource(ScriptSource):
    """Combinations that somebody else has made. Trials are named after the keys that tell them apart: a Hydra
    application has many more, and each of them in every job.
    """

    alone = True

    def __init__(self, script: Script, jobs: Iterable[Described]) -> None:
        super().__init__(script)
        self.jobs = list(jobs)

    def described(self, history: History) -> list[Described]:
        """Each once."""
        return list({one.hash: one for one in self.jobs}.values())

    def named_by(self, proposed: Sequence[Described]) -> list[str]:
        """The keys that tell them apart."""
        return telling_apart([one.params for one in proposed])


def telling_apart(rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """The keys whose values differ; where none does, all that each row has.

    >>> telling_apart([{"lr": 1, "epochs": 5}, {"lr": 1.0, "epochs": 5}]), telling_apart([{"lr": 1, "epochs": 5}])
    (['lr'], ['lr', 'epochs'])
    """
    shared = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
    first = {name: canonical(rows[0][name]) for name in shared}
    return [name for name in shared if any(canonical(row[name]) != first[name] for row in rows)] or shared


def _described(
    rows: Iterable[tuple[Chosen, ...]], drawn: tuple[str, ...], tasks: tuple[int, ...]
) -> Iterator[Described]:
    for row in rows:
        params = parameters(row)
        typed = Typed(tuple([one.text for one in row]), drawn, tasks)
        yield Described(trial_hash(params, {}), params, {}, typed=typed)


def parameters(row: Iterable[Chosen]) -> dict[str, Value]:
    """A combination by its keys."""
    return {one.name: _with_text_keys(one.value) for one in row}


def _with_text_keys(value: Value) -> Value:
    """A map of Hydra's may have other keys, and JSON has not."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(element) for key, element in value.items()}
    return [_with_text_keys(element) for element in value] if isinstance(value, list) else value
