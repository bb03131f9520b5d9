"""The plan for what is known of a workspace and what its YAML describes."""

from __future__ import annotations

from hyperherd.engine.describe import Description
from hyperherd.engine.reconcile import Fact, Known
from hyperherd.jobs import Phase
from hyperherd.sweep import overrides, plan
from hyperherd.sweep.plan import Choice, Plan
from hyperherd.sweep.trial import LIVE, Status, trial_of


def plan_of(described: Description, known: Known, choice: Choice) -> Plan:
    """What is to be done about the trials that are known and those that are described."""
    records = {i: fact.submission for i, fact in known.facts.items() if fact.submission}
    matcher = plan.Matcher(
        defaults=described.spec.defaults,
        ran_with=lambda index: overrides.values(records[index].static_overrides) if index in records else {},
        adopted=known.manifest.without_identity,
    )
    statuses = {**known.statuses, **_given_up(known, choice)}
    before = plan.Before(known.manifest.trials, statuses, _next_index(known), known.manifest.retired)
    return plan.make(before, described.trials, choice, matcher, described.names)


def _given_up(known: Known, choice: Choice) -> dict[int, Status]:
    """Trials that run where nobody here can look, on a host that may be gone for good: lost, if the user says so."""
    if not choice.lost or choice.indices is None:
        return {}
    named = (known.facts[index] for index in choice.indices if index in known.facts)
    return {fact.trial.index: Status.LOST for fact in named if _is_out_of_sight(fact)}


def _is_out_of_sight(fact: Fact) -> bool:
    submitted = fact.submission is not None and fact.submission.state == "submitted"
    return submitted and fact.status in LIVE and fact.state.phase is Phase.UNKNOWN


def _next_index(known: Known) -> int:
    """Never one that was used: not by a trial, a submission, or an attempt."""
    submitted = (max(record.trials, default=-1) + 1 for record in known.submissions)
    begun = max(map(trial_of, known.newest_attempt), default=-1) + 1
    return max(known.manifest.next_index, begun, *submitted, 0)
