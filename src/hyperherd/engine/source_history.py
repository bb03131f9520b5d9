"""What a sweep's source is told, and what it proposes: without the lock, from a history that is a value."""

from __future__ import annotations

from collections.abc import Sequence

from hyperherd.engine.facts import Known
from hyperherd.search.source import History, Past, Source
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import manifest, results, source_journal
from hyperherd.workspace.folder import Workspace

_TOLD = frozenset(Status) - LIVE - {Status.READY, Status.CANCELLED, Status.LOST, Status.PAUSED}
"""A source is told of a trial when it stands so: it has ended, and that was its own end."""


def history(workspace: Workspace, source: Source, known: Known | None) -> History:
    """What the source is asked with; ``known``: how the trials stand, for one that learns.

    Raises `DamagedFileError`.
    """
    if not (source.keeps or source.learns):
        return History()
    stored = known.manifest if known else manifest.read(workspace)
    trials = {t.hash: Past(Described(t.hash, t.params, t.extras, typed=t.typed)) for t in stored.trials}
    if source.learns:
        given, told = source_journal.past(source_journal.read(workspace))
        trials = {**given, **trials, **_ended(workspace, known), **told}
    return History(tuple(trials.values()), stored.next_index)


def is_whole(asked: History, stored: manifest.Manifest) -> bool:
    """Whether a history that was read without the lock has all trials that are stored, and no number was taken since.
    Two files are read for it: it may have the number of one moment and the trials of another.
    """
    known = {past.trial.hash for past in asked.trials}
    return stored.next_index == asked.next_index and all(trial.hash in known for trial in stored.trials)


def _ended(workspace: Workspace, known: Known | None) -> dict[str, Past]:
    """How the trials stand, by hash, with the final metrics of those that have ended."""
    if known is None:
        return {}
    logged = results.all_finals(workspace.results)
    found = {}
    for fact in known.facts.values():
        trial = fact.trial
        metrics = logged.get(trial.index, {}) if fact.status in _TOLD else {}
        found[trial.hash] = Past(Described(trial.hash, trial.params, trial.extras), fact.status, metrics)
    return found


def note(workspace: Workspace, source: Source, asked: History, gave: Sequence[Described]) -> None:
    """Write into the journal what a source that learns was told and gave, as far as that is new."""
    entries = source_journal.read(workspace)
    given, told = source_journal.past(entries)
    fresh = [one for one in gave if one.hash not in given]
    known = given.keys() | {one.hash for one in fresh}
    ended = {
        past.trial.hash: past
        for past in asked.trials
        if past.status in _TOLD and past.trial.hash in known and past.trial.hash not in told
    }
    if fresh or ended:
        source_journal.add(workspace, len(entries), source.name, ended, fresh)
