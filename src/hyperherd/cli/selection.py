"""Which workspace and which trials a command that looks is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hyperherd.cli import words
from hyperherd.engine import observe, places
from hyperherd.engine.describe import describe
from hyperherd.engine.reconcile import Known
from hyperherd.engine.snapshot import Snapshot
from hyperherd.errors import HerdError, UsageError
from hyperherd.launchers.base import Launcher
from hyperherd.sweep import expression
from hyperherd.sweep.trial import Trial, Value
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Selected:
    """A workspace, all that is known of it, and the snapshot of the trials that were asked for: all, or ``named``."""

    workspace: Workspace
    launchers: Mapping[str, Launcher]
    known: Known
    snapshot: Snapshot
    named: bool

    @property
    def indices(self) -> list[int]:
        return [view.index for view in self.snapshot.trials]


def select(
    given: Sequence[str],
    where: str | None = None,
    *,
    lines: bool = False,
    only_one: bool = False,
    silent_is_fatal: bool = False,
) -> Selected:
    """Read the words, look, and keep the trials that they name. Warnings go to stderr.

    With ``silent_is_fatal`` a launcher that does not answer raises `SchedulerSilentError`, else it is one of these.

    Raises `UsageError`, and `HerdError` for trials that are not there.
    """
    found = words.read(given, trials=True)
    if only_one and not found.trials and not where:
        raise UsageError("which trial?", hint="its number or its name; herd ls lists them")
    launchers = places.launchers()
    known, snapshot = observe.look(found.workspace, launchers, lines=lines, silent_is_fatal=silent_is_fatal)
    words.warn(snapshot.warnings)
    trials = [view.trial for view in snapshot.trials]
    if found.trials:
        order = {index: number for number, index in enumerate(_chosen(found, trials))}
        kept = sorted((v for v in snapshot.trials if v.index in order), key=lambda v: order[v.index])
        snapshot = replace(snapshot, trials=kept)
    if where:
        status = {view.index: str(view.status) for view in snapshot.trials}
        held = holding([view.trial for view in snapshot.trials], where, status)
        snapshot = replace(snapshot, trials=[view for view in snapshot.trials if view.index in held])
    if only_one and len(snapshot.trials) != 1:
        raise HerdError(f"{len(snapshot.trials)} trials, where one is wanted", hint="name it by its number")
    return Selected(found.workspace, launchers, known, snapshot, named=bool(found.trials or where))


def _chosen(found: words.Words, trials: Sequence[Trial]) -> list[int]:
    """Of those that are known; raises `HerdError`, which tells a trial that has not run yet from one that is none."""
    try:
        return words.chosen(found.trials, trials)
    except HerdError as error:
        if not _is_described(found):
            raise
        yet = "trial " + ", ".join(found.trials) + " has not run yet"
        hint = "herd run; what it would be given: herd run -n"
        raise HerdError(yet, hint=hint) from error


def _is_described(found: words.Words) -> bool:
    """Whether ``herd ls`` lists them."""
    try:
        listed = observe.listed(found.workspace, describe(found.workspace))
        return bool(words.chosen(found.trials, [one.trial for one in listed]))
    except HerdError:
        return False


def holding(trials: Sequence[Trial], where: str, status: Mapping[int, str] | None = None) -> set[int]:
    """The indices of the trials for which the expression holds; ``status`` may be spoken of where it is given.

    A trial that lacks a parameter that the expression reads is left out. Raises `ExpressionError`.
    """
    words_ = {"index": None, "name": None, **({"status": None} if status is not None else {})}
    names = {**dict.fromkeys(name for t in trials for name in (*t.params, *t.extras)), **words_}
    compiled = expression.compile(where, names, where="--where", bare_words=True)
    kept = set()
    for trial in trials:
        values = _values(trial, status)
        if compiled.names <= values.keys() and compiled.evaluate(values):
            kept.add(trial.index)
    return kept


def _values(trial: Trial, status: Mapping[int, str] | None) -> dict[str, Value]:
    own: dict[str, Value] = {"index": trial.index, "name": trial.name}
    if status is not None:
        own["status"] = status[trial.index]
    return {**own, **trial.extras, **trial.params}
