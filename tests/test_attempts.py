"""Claims, notes and marks: what one process writes another one reads, whatever lies beside them."""

from __future__ import annotations

import time
from pathlib import Path

import attempt_files
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.attempts import claims, filenames, listing, notes, registers
from hyperherd.attempts.filenames import (
    AGAIN,
    COMPLETED,
    EXIT75,
    FAILED,
    NODE_FAIL,
    PREEMPTION,
    REFUSED,
    REQUEUED,
    TIMEOUT,
    AttemptFolder,
    Outcome,
    Unit,
)
from hyperherd.fsio import processes

MARKS = (TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75, AGAIN, REFUSED)
numbers = st.integers(0, 10**9)
units = st.builds(Unit, numbers, st.none() | numbers)
verdicts = st.sampled_from(["", COMPLETED, FAILED, REQUEUED, "pruned"])
outcomes = st.builds(Outcome, st.integers(0, 255), st.booleans(), st.booleans(), verdicts)
FOLDER = AttemptFolder(Path())
T = Unit(3)


@given(units, numbers, outcomes)
def test_a_name_says_what_it_was_made_of(unit: Unit, attempt: int, outcome: Outcome) -> None:
    assert filenames.read(FOLDER.claim(unit, attempt).name) == (unit, attempt, None)
    assert filenames.read(FOLDER.note(unit, attempt, outcome).name) == (unit, attempt, outcome)


@given(units, units)
def test_64_units_share_a_folder_and_those_of_two_trials_with_tasks_do_not(unit: Unit, other: Unit) -> None:
    together = (unit.task is None) == (other.task is None) and unit.number // 64 == other.number // 64
    together &= unit.task is None or unit.trial == other.trial
    assert (FOLDER.block(unit) == FOLDER.block(other)) == together


@given(st.text(alphabet="0123456789.TERMxfailed_~²", max_size=14))
def test_what_is_no_name_of_ours_is_none(name: str) -> None:
    found = filenames.read(name)
    words = name.split(".")
    if found is None:
        ours = len(words) == 2 and all(w.isascii() and w.isdigit() for w in words)
        assert not ours
    else:
        assert Unit.read(words[0]) == found[0] and int(words[1]) == found[1]


def test_a_number_that_no_counter_reaches_is_none_of_ours() -> None:
    assert filenames.is_number("9" * 19) and not filenames.is_number("9" * 20)
    assert not filenames.is_number("") and not filenames.is_number("-1") and not filenames.is_number("²")


@given(
    st.lists(
        st.tuples(
            st.builds(Unit, st.integers(0, 3), st.none() | st.integers(0, 1)),
            st.integers(1, 4),
            st.none() | outcomes | st.sampled_from(MARKS),
        ),
        max_size=12,
    )
)
def test_a_listing_knows_the_newest_attempt_its_end_and_its_marks(
    found: list[tuple[Unit, int, Outcome | str | None]],
) -> None:
    names = ["lock~", ".nfs0000", "3", "1.2.ODD", "1_.2", "1.2.completed"]
    for unit, attempt, rest in found:
        if rest is None:
            names.append(FOLDER.claim(unit, attempt).name)
        elif isinstance(rest, str):
            names.append(FOLDER.mark(unit, attempt, rest).name)
        else:
            names.append(FOLDER.note(unit, attempt, rest).name)
    listed = listing.of_files(filter(None, map(filenames.read, names)))
    newest: dict[Unit, int] = {}
    for unit, attempt, rest in found:
        if not isinstance(rest, str):
            newest[unit] = max(attempt, newest.get(unit, 0))
    assert listed.newest == newest
    assert listed.claims == {(i, a) for i, a, rest in found if rest is None}
    assert set(listed.outcomes) == {(i, a) for i, a, rest in found if isinstance(rest, Outcome)}
    assert {(i, a, word) for (i, a), words in listed.marks.items() for word in words} == {
        one for one in found if isinstance(one[2], str)
    }


def test_the_newest_attempt_of_a_submission_may_be_one_that_has_yet_to_begin() -> None:
    def newest(*names: str, first: int = 2) -> int:
        return listing.of_files(filter(None, map(filenames.read, names))).newest_since(T, first)

    assert newest() == newest("3.1", "3.1.completed.0", "4.9") == 2
    assert newest("3.2", "3.3") == newest("3.3", "3.3.failed.1") == 3
    assert newest("3.2", "3.2.requeued.75", "3.2.AGAIN") == 3
    assert newest("3.2", "3.2.completed.0", "3.2.AGAIN") == 2
    assert newest("3.1", "3.1.requeued.75", "3.1.AGAIN") == 2


def test_an_attempt_is_claimed_once_and_says_by_whom(tmp_path: Path) -> None:
    folder = attempt_files.made(tmp_path)
    before = int(time.time())
    assert not claims.exists(folder, T, 1) and claims.read(folder, T, 1) is None
    assert claims.take(folder, T, 1, "token", "77") and claims.exists(folder, T, 1)
    assert not claims.take(folder, T, 1, "other", "78") and not claims.cancel(folder, T, 1, "other")
    claim = claims.read(folder, T, 1)
    assert claim and (claim.token, claim.job_id, claim.cancelled, claim.changed) == (
        "token",
        "77",
        False,
        False,
    )
    me = processes.me()
    assert (claim.owner.host, claim.owner.boot_id, claim.owner.pid) == (me.host, me.boot_id, me.pid)
    assert claim.owner.start == me.start
    assert claim.claimed_at is not None and before <= claim.claimed_at <= time.time()
    assert claims.cancel(folder, T, 2, "token")
    stopped = claims.read(folder, T, 2)
    assert stopped and stopped.cancelled


@given(st.sampled_from([*range(8), 9]), st.booleans())
def test_a_claim_is_read_whole_or_not_at_all(count: int, changed: bool) -> None:
    words = ["token", "7", "n1", "boot", "4711", "99", "1796031611", "5", "2"]
    claim = claims.parse(" ".join([*words[:count], *(["changed"] if changed and count > 6 else [])]) + "\n")
    if count < 7:
        assert claim is None
        return
    assert claim and (claim.owner.pid, claim.owner.start, claim.claimed_at) == (4711, 99, 1796031611.0)
    assert claim.changed == changed
    assert (claim.element, claim.restart) == ((5, 2) if count == 9 else (None, None))
    assert claims.parse(" ".join([*words[:4], "-", *words[5:]])) is None


def test_an_end_is_noted_once_as_its_script_did_or_for_it(tmp_path: Path) -> None:
    folder = attempt_files.made(tmp_path)
    claims.take(folder, T, 1, "token", "77")
    assert not notes.is_written(folder, T, 1)
    notes.write(folder, T, 1, Outcome(1, terminated=True), started_at=5.7)
    notes.write(folder, T, 1, Outcome(0))
    listed = listing.read([folder])
    assert listed.outcomes == {(T, 1): Outcome(1, terminated=True)}
    assert notes.is_written(folder, T, 1) and not notes.is_written(folder, T, 2)
    note = notes.read(folder, T, 1, Outcome(1, terminated=True))
    assert note and note.host == processes.me().host and note.started_at == 5
    assert note.ended_at is not None and abs(note.ended_at - time.time()) < 60
    notes.write(folder, Unit(4), 1, Outcome(7))
    late = notes.read(folder, Unit(4), 1, Outcome(7))
    assert late and late.started_at is None
    assert notes.read(folder, Unit(5), 1, Outcome(0)) is None


def test_a_note_for_a_script_says_whether_that_was_changed(tmp_path: Path) -> None:
    folder = attempt_files.made(tmp_path)
    line = "token 77 n1 boot 4711 - - changed\n"
    folder.claim(T, 1).write_text(line)
    notes.write(folder, T, 1, Outcome(0))
    assert listing.read([folder]).outcomes == {(T, 1): Outcome(0, changed=True)}


def test_a_mark_is_said_once_and_a_refusal_in_the_schedulers_words(tmp_path: Path) -> None:
    folder = attempt_files.made(tmp_path)
    assert not notes.is_marked(folder, T, 1, TIMEOUT) and notes.refusal(folder, T, 1) == ""
    notes.mark(folder, T, 1, TIMEOUT)
    notes.mark(folder, T, 1, TIMEOUT)
    folder.mark(T, 1, REFUSED).write_text("presently disabled\n")
    assert notes.is_marked(folder, T, 1, TIMEOUT) and not notes.is_marked(folder, T, 2, TIMEOUT)
    assert notes.refusal(folder, T, 1) == "presently disabled"
    assert listing.read([AttemptFolder(tmp_path / "nothing")]) == listing.Listing()


def test_a_register_is_decided_by_whoever_comes_first(tmp_path: Path) -> None:
    register = tmp_path / "token.state"
    assert registers.settled(register) is None
    assert registers.settle(register, "77") == "77" == registers.settle(register, registers.VOID)
    assert registers.settled(register) == "77"
