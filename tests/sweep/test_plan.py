"""Which trial is which, what a run keeps, adds, drops and submits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.errors import HerdError
from hyperherd.sweep import plan
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Before, Choice, Described, Matcher, Plan
from hyperherd.sweep.trial import Status, Trial, Typed


def matched(left: dict[str, Any], described: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The parameters as they are described now of a trial that HyperHerd 0.1.3 left with these."""
    trial = Trial(0, "of 0.1.3", "name", left, {})
    matcher = plan.Matcher({}, lambda _: {}, frozenset({0}))
    found, _ = matcher.match([trial], [Described(trial_hash(one, {}), one, {}) for one in described])
    return dict(found[0].params) if 0 in found else None


def test_a_trial_of_0_1_3_is_known_though_its_yaml_read_the_value_as_something_else() -> None:
    """Its YAML 1.1 takes a plain 1e-3 for text, and `on` for true; it rounded nothing."""
    for left, now in (("1e-3", 0.001), (True, "on"), (False, "no"), (0.1 + 0.2, 0.3), ("adam", "adam")):
        assert matched({"a": left, "b": 1}, [{"a": now, "b": 1}, {"a": 7, "b": 1}]) == {"a": now, "b": 1}


def test_what_may_be_either_of_two_is_neither_and_the_same_value_comes_first() -> None:
    assert matched({"a": "1e-3"}, [{"a": 0.001}, {"a": "1e-3"}]) == {"a": "1e-3"}
    assert matched({"a": True}, [{"a": "on"}, {"a": "yes"}]) is None
    assert matched({"a": "10"}, [{"a": 10}]) is None
    assert matched({"a": "[1", "b": "1e-3"}, [{"a": "[1", "b": 0.001}]) == {"a": "[1", "b": 0.001}


VALUES = range(8)
AGAIN = {Status.READY, Status.FAILED, Status.CANCELLED}
"""What any run submits."""
MAY_HAVE_RUN = set(Status) - {Status.READY, Status.FAILED, Status.CANCELLED, Status.PRUNED}
"""What is not dropped unless the user says so."""


def described(value: int, typed: Typed | None = None) -> Described:
    return Described(trial_hash({"a": value}, {}), {"a": value}, {}, typed=typed)


def by_letter(new: Sequence[Described], taken: Sequence[str]) -> list[str]:
    names = [f"a{one.params['a']}" for one in new]
    assert not {name.casefold() for name in names} & {name.casefold() for name in taken}
    return names


@st.composite
def situations(draw: st.DrawFn) -> tuple[Before, list[Described], Choice]:
    """What is known, what the YAML describes, and what the user chose; a trial's value is not its index."""
    values = draw(st.lists(st.sampled_from(VALUES), unique=True, max_size=6))
    indices = sorted(
        draw(st.lists(st.integers(0, 12), unique=True, min_size=len(values), max_size=len(values)))
    )
    trials = [
        Trial(
            index, trial_hash({"a": value}, {}), f"old{value}", {"a": value}, {}, orphan=draw(st.booleans())
        )
        for index, value in zip(indices, values, strict=True)
    ]
    statuses = {index: draw(st.sampled_from(Status)) for index in indices}
    now = draw(st.lists(st.sampled_from(VALUES), unique=True, max_size=6))
    choice = Choice(
        indices=draw(st.none() | st.frozensets(st.integers(0, 14), max_size=4)),
        pins=draw(
            st.sampled_from([None, None, {"a": 1}]) | st.fixed_dictionaries({"a": st.sampled_from(VALUES)})
        ),
        lost=draw(st.booleans()),
        force=draw(st.booleans()),
        hashes=draw(st.none() | st.frozensets(st.sampled_from([trial_hash({"a": v}, {}) for v in VALUES]))),
    )
    first = max(indices, default=-1) + 1 + draw(st.integers(0, 2))
    return Before(trials, statuses, first), list(map(described, now)), choice


def planned(before: Before, now: Sequence[Described], choice: Choice) -> Plan:
    return plan.make(before, now, choice, Matcher({}, lambda _: {}), by_letter)


@settings(max_examples=examples(300))
@given(situations())
def test_a_known_trial_keeps_its_number_and_name_and_only_what_never_ran_is_dropped(
    situation: tuple[Before, list[Described], Choice],
) -> None:
    before, now, choice = situation
    made = planned(before, now, Choice(lost=choice.lost, force=choice.force))
    hashes = {one.hash for one in now}
    for trial in before.trials:
        stays = [one for one in made.trials if one.index == trial.index]
        if trial.hash in hashes:
            assert stays == [replace(trial, orphan=False)] and stays[0] in made.kept
        elif trial.orphan or before.statuses[trial.index] in MAY_HAVE_RUN:
            assert stays == [replace(trial, orphan=True)] and stays[0] in made.orphaned
        else:
            assert not stays and trial in made.dropped
    asked = [
        trial
        for trial in before.trials
        if trial.hash not in hashes and not trial.orphan and before.statuses[trial.index] in MAY_HAVE_RUN
    ]
    assert made.undecided == (() if choice.force else tuple(asked))
    known = {trial.hash for trial in before.trials}
    fresh = [one for one in now if one.hash not in known]
    assert [one.hash for one in made.added] == [one.hash for one in fresh]
    assert [one.index for one in made.added] == list(range(before.next_index, made.next_index))
    assert made.next_index == before.next_index + len(fresh)
    assert [one.index for one in made.trials] == sorted(one.index for one in made.trials)


@settings(max_examples=examples(600))
@given(situations())
def test_a_run_submits_what_may_run_and_was_chosen_and_nothing_else(
    situation: tuple[Before, list[Described], Choice],
) -> None:
    before, now, choice = situation
    unchosen = planned(before, now, Choice())
    there = {*(trial.index for trial in unchosen.kept), *(trial.index for trial in unchosen.added)}
    named = choice.indices
    live = {i for i, status in before.statuses.items() if status.value in ("submitted", "queued", "running")}
    wrong = named is not None and (named - there or named & live)
    nobody = choice.pins and choice.pins["a"] not in [one.params["a"] for one in now]
    if wrong or nobody:
        with pytest.raises(HerdError, match=r"no trial|is \w+ already"):
            planned(before, now, choice)
        return
    may = set(AGAIN)
    if choice.lost or named is not None:
        may.add(Status.LOST)
    if named is not None:
        may |= {Status.PAUSED, Status.PRUNED, *({Status.COMPLETED} if choice.force else ())}
    expected = [
        trial
        for trial in (*unchosen.kept, *unchosen.added)
        if before.statuses.get(trial.index, Status.READY) in may
        and (named is None or trial.index in named)
        and (not choice.pins or trial.params == choice.pins)
        and (choice.hashes is None or trial.hash in choice.hashes)
    ]
    assert list(planned(before, now, choice).submit) == expected


def test_what_becomes_of_orphans_is_said_by_a_force_that_names_no_trials() -> None:
    assert Choice(force=True).orphans
    assert not Choice(force=True, indices=frozenset({1})).orphans and not Choice().orphans


def test_a_pin_takes_a_number_for_a_number_and_a_truth_for_a_truth() -> None:
    for value, pin in ((1, 1.0), (0.0, 0), ("1", "1"), (True, True), (None, None)):
        assert plan.matches({"a": value}, {"a": pin}), (value, pin)
    for value, pin in ((1, True), (False, 0), ("1", 1), (1, "1"), (2, 1)):
        assert not plan.matches({"a": value}, {"a": pin}), (value, pin)
    assert not plan.matches({"b": 1}, {"a": 1})
    assert not plan.matches({"a": 1, "b": 2}, {"a": 1, "b": 3})


def test_a_trial_of_a_script_has_the_tasks_that_the_script_has_now() -> None:
    before, now = Typed(("a=1",), tasks=(0, 1)), Typed(("a=1",), tasks=(0, 1, 2))
    one = Trial(4, trial_hash({"a": 1}, {}), "old1", {"a": 1}, {}, typed=before)
    made = planned(Before([one], {4: Status.FAILED}, 5), [described(1, now)], Choice())
    assert made.kept == made.submit == (replace(one, typed=now),)


def test_a_trial_that_comes_back_has_its_name_unless_another_has_taken_it() -> None:
    back, new = described(1), described(2)
    for former, name in (("of1", "of1"), ("TAKEN", "a1")):
        taken = Trial(0, trial_hash({"a": 3}, {}), "taken", {"a": 3}, {})
        before = Before([taken], {0: Status.COMPLETED}, 3, (former,), {back.hash: former})
        made = plan.make(before, [described(3), back, new], Choice(), Matcher({}, lambda _: {}), by_letter)
        assert [one.name for one in made.added] == [name, "a2"]


def test_a_parameter_that_is_new_in_the_yaml_has_what_the_trial_ran_with() -> None:
    old = Trial(0, trial_hash({"a": 1}, {}), "old1", {"a": 1}, {})
    for ran_with, b in (({}, 5), ({"b": 7}, 7)):
        now = [Described(trial_hash({"a": 1, "b": b}, {}), {"a": 1, "b": b}, {}) for b in (5, 7)]
        matcher = Matcher({"b": 5}, {0: ran_with}.__getitem__)
        found, fresh = matcher.match([old], now)
        assert found[0] == replace(old, hash=trial_hash({"a": 1, "b": b}, {}), params={"a": 1, "b": b})
        assert [one.params["b"] for one in fresh] == [12 - b]
    assert Matcher({"a": 5}, {0: {}}.__getitem__).match([old], [described(2)]) == ({}, [described(2)])
