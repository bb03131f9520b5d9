"""``herd multirun``: the combinations of a sweep over a script, added to those that it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hyperherd.engine import describe
from hyperherd.engine.describe import Description
from hyperherd.engine.pieces import Run
from hyperherd.engine.scripts import Script
from hyperherd.grammar.product import Chosen, Product
from hyperherd.sweep.identity import canonical, trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Typed, Value
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Asked:
    """The script's sweep with what was asked for in it; ``hashes`` are the trials that were asked for."""

    description: Description
    hashes: frozenset[str]

    def in_run(self, run: Run) -> Run:
        """The run of these trials."""
        choice = replace(run.request.choice, hashes=self.hashes)
        return replace(run, description=self.description, request=replace(run.request, choice=choice))


def ask(workspace: Workspace, script: Script, product: Product) -> Asked:
    """Add the combinations of a product. Random seeds that were drawn before for the same combination are used again.

    Raises `GrammarError`, `HerdError`.
    """
    before = describe.of_script(workspace, script)
    drawn = product.drawn
    again = [d.params for d in before.trials if d.typed and drawn and d.typed.drawn == drawn]
    return _added(before, _described(product.combinations(again), drawn, script.tasks))


def add(workspace: Workspace, script: Script, described: Iterable[Described]) -> Asked:
    """Add combinations that somebody else has made. Trials are named after the keys that tell them apart: a Hydra
    application has many more, and each of them in every job.
    """
    listed = list(described)
    return _added(
        describe.of_script(workspace, script), listed, telling_apart([one.params for one in listed])
    )


def telling_apart(rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """The keys whose values differ; where none does, all that each row has.

    >>> telling_apart([{"lr": 1, "epochs": 5}, {"lr": 1.0, "epochs": 5}]), telling_apart([{"lr": 1, "epochs": 5}])
    (['lr'], ['lr', 'epochs'])
    """
    shared = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
    first = {name: canonical(rows[0][name]) for name in shared}
    return [name for name in shared if any(canonical(row[name]) != first[name] for row in rows)] or shared


def _added(before: Description, described: Iterable[Described], names: Iterable[str] | None = None) -> Asked:
    asked = {one.hash: one for one in described}
    if names is None:
        names = dict.fromkeys(name for one in asked.values() for name in one.params)
    spec = replace(before.spec, parameters=tuple(map(describe.parameter, names)))
    trials = {**asked, **{one.hash: one for one in before.trials}}
    return Asked(replace(before, spec=spec, trials=list(trials.values())), frozenset(asked))


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
