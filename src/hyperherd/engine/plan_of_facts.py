"""The plan for what is known of a workspace and what its YAML describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hyperherd.sweep import plan, trial_overrides
from hyperherd.sweep.trial import LIVE, Status, Trial

if TYPE_CHECKING:
    from hyperherd.engine.describe import Description
    from hyperherd.engine.facts import Known
    from hyperherd.sweep.plan import Choice, Plan


def plan_of(described: Description, known: Known, choice: Choice) -> Plan:
    """What is to be done about the trials that are known and those that are described."""
    records = {i: fact.submission for i, fact in known.facts.items() if fact.submission}
    matcher = plan.Matcher(
        defaults=described.spec.defaults,
        ran_with=lambda index: (
            trial_overrides.values(records[index].static_overrides) if index in records else {}
        ),
        adopted=known.manifest.without_identity,
    )
    statuses = {**known.statuses, **_given_up(known, choice), **_unfinished(described, known)}
    stored = known.manifest
    before = plan.Before(stored.trials, statuses, _next_index(known), stored.retired, stored.former)
    choice = replace(choice, hashes=described.proposal.only)
    made = plan.make(before, described.trials, choice, matcher, described.names)
    return replace(made, trials=tuple(_as_submitted(trial, known) for trial in made.trials))


def _unfinished(described: Description, known: Known) -> dict[int, Status]:
    """Trials that had completed, and have other tasks now: their script's array has been changed."""
    tasks = {one.hash: one.typed.tasks for one in described.trials if one.typed}
    return {
        fact.trial.index: Status.READY
        for fact in known.facts.values()
        if fact.status is Status.COMPLETED and fact.trial.typed and fact.trial.hash in tasks
        if _has_more(tasks[fact.trial.hash], fact.trial.typed.tasks)
    }


def _has_more(now: Sequence[int], before: Sequence[int]) -> bool:
    return bool(now) != bool(before) or not set(now) <= set(before)


def _as_submitted(trial: Trial, known: Known) -> Trial:
    """While a trial is live it has the tasks that it was submitted with."""
    fact = known.facts.get(trial.index)
    return replace(trial, typed=fact.trial.typed) if fact and fact.tasks and fact.status in LIVE else trial


def _given_up(known: Known, choice: Choice) -> dict[int, Status]:
    """Trials that run where nobody here can look, on a host that may be gone for good: lost, if the user says so."""
    if not choice.lost or choice.indices is None:
        return {}
    named = (known.facts[index] for index in choice.indices if index in known.facts)
    return {fact.trial.index: Status.LOST for fact in named if any(run.unseen for run in fact.runs)}


def _next_index(known: Known) -> int:
    """Never one that was used: not by a trial, a submission, or an attempt."""
    submitted = (max(record.trials, default=-1) + 1 for record in known.submissions)
    begun = max((unit.trial for unit in known.newest_attempt), default=-1) + 1
    return max(known.manifest.next_index, begun, *submitted, 0)
