"""What cut attempts short, how that is counted, and what is asked for next: without any files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyperherd import units
from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import AttemptFolder, Outcome, Unit
from hyperherd.attempts.listing import Listing
from hyperherd.engine import end_causes, growth
from hyperherd.jobs import CAUSES, Phase, Requeue, State
from hyperherd.launchers.slurm import state_words
from hyperherd.workspace.submissions import Submission

T = Unit(0)
RECORD = Submission(token="t", indices=(0,), attempts=(1,))
FOLDER = AttemptFolder(Path())
WORDS = {"TIMEOUT": "timeout", "EXIT75": "exit75", "PREEMPTION": "preemption", "NODE_FAIL": "node_fail"}


def heard(word: str, key: str = "0.1") -> dict[str, dict[str, State]]:
    return {"t": {key: State(Phase.ENDED, word, end=state_words.ended(word))}}


def listed(marks: dict[Any, set[str]], **outcomes: Outcome) -> Listing:
    """``outcomes``: ``a1`` is that of attempt 1 of trial 0."""
    noted: dict[Any, Outcome] = {(T, int(name[1:])): outcome for name, outcome in outcomes.items()}
    return Listing(newest={T: 9}, outcomes=noted, marks=dict(marks))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([*WORDS, "AGAIN", "REFUSED"]))
def test_a_mark_is_read_as_it_was_named_and_is_neither_claim_nor_note(
    index: int, attempt: int, word: str
) -> None:
    unit = Unit(index)
    assert filenames.read(FOLDER.mark(unit, attempt, word).name) == (unit, attempt, word)


@given(st.text(max_size=12))
def test_any_other_name_is_no_mark(name: str) -> None:
    found = filenames.read(name)
    if found and isinstance(found[2], str):
        assert FOLDER.mark(found[0], found[1], found[2]).name == name or "0" in name


def test_each_mark_and_each_word_of_slurm_is_a_cause() -> None:
    for word, cause in WORDS.items():
        assert end_causes.causes(listed({(T, 1): {word, "AGAIN"}}), {}, []) == {T: {1: cause}}
    told = {"OUT_OF_MEMORY": "oom", "BOOT_FAIL": "node_fail", "PREEMPTED": "preemption", "TIMEOUT": "timeout"}
    for word, cause in told.items():
        assert end_causes.causes(listed({}), heard(word), [RECORD]) == {T: {1: cause}}
    for word in ("FAILED", "CANCELLED", "COMPLETED"):
        assert end_causes.causes(listed({}), heard(word), [RECORD]) == {}


def test_out_of_memory_is_believed_before_a_mark_and_a_mark_before_any_other_word() -> None:
    marked = listed({(T, 1): {"TIMEOUT"}})
    assert end_causes.causes(marked, heard("OUT_OF_MEMORY"), [RECORD]) == {T: {1: "oom"}}
    assert end_causes.causes(marked, heard("PREEMPTED"), [RECORD]) == {T: {1: "timeout"}}


def test_what_succeeded_after_all_was_not_cut_short() -> None:
    marked = {(T, 1): {"TIMEOUT"}, (T, 2): {"TIMEOUT"}}
    assert end_causes.causes(listed(marked, a1=Outcome(75), a2=Outcome(0)), {}, []) == {T: {1: "timeout"}}


def test_what_was_heard_of_one_task_is_said_of_that_task() -> None:
    """Version 1 of the format knew it by its number alone."""
    cause = {Unit(4, 0): {1: "timeout"}}
    for token, key in (("20300101-120000-0b1c2d3e", "0.1"), ("0b1c2d3e4f-20300101-120000-0b1c2d3e", "4_0.1")):
        record = Submission(token=token, indices=(4,), tasks=(0,), attempts=(1,))
        said = {token: heard("TIMEOUT", key)["t"]}
        assert end_causes.causes(listed({}), said, [record]) == cause


@given(
    st.lists(st.sampled_from([cause for cause in CAUSES if cause != "oom"]), min_size=1, max_size=8),
    st.integers(0, 8),
    st.integers(1, 8),
)
def test_a_reason_tells_of_a_limit_just_where_it_is_used_up(causes: list[str], most: int, first: int) -> None:
    of_unit = dict(enumerate(causes, start=1))
    newest = len(causes)
    first = min(first, newest)
    told = end_causes.reason(of_unit, newest, first, Requeue(max_timeouts=most, max_restarts=most), "")
    timeouts = [cause == "timeout" for cause in causes[first - 1 : -1]]
    used = timeouts.count(causes[-1] == "timeout")
    assert ("used" in told) == (used >= most)


def test_a_reason_is_the_cause_alone_where_nobody_wanted_another_attempt() -> None:
    both = Requeue(after=("timeout", "preemption"), max_timeouts=1, max_restarts=1)
    for of_unit, requeue, words in (
        ({1: "timeout"}, None, "time limit"),
        ({1: "timeout"}, Requeue(after=("preemption",), max_timeouts=0), "time limit"),
        ({1: "oom"}, replace(both, after=(*both.after, "oom"), max_restarts=0), "out of memory"),
        ({1: "timeout", 2: "timeout"}, both, "time limit, 1 of 1 used"),
        ({1: "timeout", 2: "preemption"}, both, "preempted"),
        ({1: "preemption", 2: "oom", 3: "preemption"}, both, "preempted, 1 of 1 restarts used"),
    ):
        assert end_causes.reason(of_unit, max(of_unit), 1, requeue, "") == words
    refused = end_causes.reason({1: "timeout"}, 1, 1, both, "nobody would")
    assert refused == "time limit; nobody would"


def test_submissions_that_ended_so_are_counted_and_not_their_attempts() -> None:
    records = [
        Submission(token=t, indices=(0,), attempts=(first,)) for t, first in (("a", 1), ("b", 4), ("c", 5))
    ]
    of_unit = {1: "timeout", 2: "timeout", 3: "timeout", 4: "oom", 5: "timeout"}
    assert end_causes.ends(of_unit, T, records, newest=6) == {"timeout": 1, "oom": 1}
    assert end_causes.ends(of_unit, T, records, newest=5) == {"timeout": 2, "oom": 1}


@given(
    st.integers(1, 4000),
    st.sampled_from(["M", "G", ""]),
    st.floats(1, 50),
    st.none() | st.integers(2**20, 2**45),
)
def test_grown_memory_is_what_sbatch_reads_and_between_what_was_asked_and_the_ceiling(
    count: int, unit: str, factor: float, most: int | None
) -> None:
    before = units.bytes_asked(f"{count}{unit}")
    after = units.bytes_asked(units.asked_bytes(growth.memory(before, factor, most)))
    wanted = max(before, min(before * factor, most or before * factor))
    assert wanted <= after < wanted + 2**20
