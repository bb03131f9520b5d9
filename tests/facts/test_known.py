"""What is known of trials in ordinary and odd situations, and what a run makes of it: in memory, event by event."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.attempts import claims, notes
from hyperherd.attempts.filenames import EXIT75, NODE_FAIL, PREEMPTION, REFUSED, TIMEOUT, Outcome, Unit
from hyperherd.attempts.registers import VOID
from hyperherd.engine import facts, growth, launch, plan_of_facts, submitting, wait_for_trials
from hyperherd.engine.describe import Description
from hyperherd.engine.facts import Fact, Known
from hyperherd.engine.pieces import Run, RunRequest
from hyperherd.engine.placing import Place
from hyperherd.errors import HerdError, SchedulerSilentError
from hyperherd.fsio import Lock, processes
from hyperherd.jobs import Ended, Job, Phase, Request, Requeue, State
from hyperherd.launchers.memory import MemoryLauncher
from hyperherd.search.combinations import Combinations
from hyperherd.search.source import Proposal
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Choice, Described
from hyperherd.sweep.spec import Growth, Parameter, SweepSpec
from hyperherd.sweep.trial import Status, Trial, Typed, status_of
from hyperherd.workspace import json_files, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.manifest import Manifest
from hyperherd.workspace.submissions import Submission

from .sweep_in_memory import TRIALS, Sweep

GIB = 2**30


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Three trials that wait."""
    one = Sweep(tmp_path)
    one.run()
    return one


def rewrite(sweep: Sweep, **changes: Any) -> None:
    """Change all records of submissions."""
    records = [msgspec.structs.replace(one, **changes) for one in submissions.read(sweep.workspace)]
    with Lock(sweep.workspace.lock):
        submissions.write(sweep.workspace, records)


def submitted(sweep: Sweep) -> list[int]:
    return [one.element.unit.trial for one in sweep.launcher.queue]


ABSENT, UNKNOWN = State(Phase.ABSENT), State(Phase.UNKNOWN)
QUEUED, RUNNING = State(Phase.QUEUED, reason="Priority"), State(Phase.RUNNING)
OUTSIDE = [end for end in Ended if end.from_outside]
STATUSES: list[tuple[State, Outcome | None, bool, bool, Status, str]] = [
    # what the scheduler says, the note, begun, stopped: the status and the reason
    (UNKNOWN, None, False, False, Status.SUBMITTED, ""),
    (UNKNOWN, None, True, False, Status.RUNNING, ""),
    (UNKNOWN, Outcome(1), True, False, Status.FAILED, "exit 1"),
    (QUEUED, None, False, False, Status.QUEUED, "Priority"),
    (QUEUED, Outcome(143, terminated=True), True, False, Status.QUEUED, "Priority"),
    (RUNNING, Outcome(75), True, False, Status.RUNNING, ""),
    (RUNNING, None, True, True, Status.RUNNING, ""),
    (ABSENT, None, False, False, Status.LOST, "its job is gone and left no note of its end"),
    (ABSENT, None, True, False, Status.LOST, "its job is gone and left no note of its end"),
    (ABSENT, None, True, True, Status.CANCELLED, ""),
    (ABSENT, Outcome(0), True, False, Status.COMPLETED, ""),
    (ABSENT, Outcome(0, terminated=True), True, False, Status.FAILED, "told to end, exit 0"),
    (State.of_end(Ended.COMPLETED), None, True, False, Status.COMPLETED, ""),
    (State.of_end(Ended.COMPLETED), Outcome(3), True, False, Status.FAILED, "exit 3"),
    (State.of_end(Ended.CANCELLED), None, True, False, Status.CANCELLED, ""),
    (State.of_end(Ended.CANCELLED), Outcome(0), True, True, Status.COMPLETED, ""),
    (State.of_end(Ended.NEVER_STARTED), None, False, False, Status.READY, ""),
    (State.of_end(Ended.FAILED), None, False, False, Status.FAILED, "ended before it began"),
    (replace(State.of_end(Ended.FAILED), signal=9), None, True, False, Status.FAILED, "signal 9"),
    (replace(State.of_end(Ended.FAILED), exit_code=7), None, True, False, Status.FAILED, "exit 7"),
    (replace(State.of_end(Ended.FAILED), word="ODD_END"), None, True, False, Status.FAILED, "odd end"),
    *((State.of_end(end), Outcome(1), True, False, Status.FAILED, end.value) for end in OUTSIDE),
    *((State.of_end(end), Outcome(0), True, False, Status.COMPLETED, "") for end in OUTSIDE),
]


@pytest.mark.parametrize(("state", "note", "started", "stopped", "status", "reason"), STATUSES)
def test_the_status_is_what_the_scheduler_the_note_and_the_user_say_together(
    state: State, note: Outcome | None, started: bool, stopped: bool, status: Status, reason: str
) -> None:
    assert status_of(state, note, started=started, stopped=stopped) == (status, reason)


LEFT = [
    # what HyperHerd 0.1.3 wrote, what the scheduler says of its job now, and what that makes
    ("completed", ABSENT, Status.COMPLETED),
    ("failed", ABSENT, Status.FAILED),
    ("failed", RUNNING, Status.RUNNING),
    ("cancelled", UNKNOWN, Status.CANCELLED),
    ("pruned", ABSENT, Status.PRUNED),
    ("pruned", State.of_end(Ended.COMPLETED), Status.PRUNED),
    ("pruned", RUNNING, Status.RUNNING),
    ("running", ABSENT, Status.LOST),
    ("running", UNKNOWN, Status.SUBMITTED),
    ("running", QUEUED, Status.QUEUED),
    ("running", State.of_end(Ended.COMPLETED), Status.COMPLETED),
    ("running", replace(State.of_end(Ended.FAILED), exit_code=2), Status.FAILED),
    ("a word of its own", ABSENT, Status.LOST),
]


class Answering(MemoryLauncher):
    """Says one thing of everything."""

    said = ABSENT

    def poll(self, jobs: Any) -> Any:
        return {job.token: dict.fromkeys(job.offers, self.said) for job in jobs}


def without_generations(sweep: Sweep) -> None:
    """As HyperHerd 0.1.3 has left it."""
    for folder in sweep.workspace.state.glob("g-*"):
        shutil.rmtree(folder)


@pytest.mark.parametrize(("left", "said", "status"), LEFT)
def test_of_a_job_of_0_1_3_its_last_word_is_believed_where_nobody_knows_more(
    sweep: Sweep, left: str, said: State, status: Status
) -> None:
    trial = manifest.read(sweep.workspace).trials[0]
    record = {"index": 0, "hash": trial.hash, "params": {"a": 0}, "experiment_name": "a-0", "status": left}
    sweep.workspace.manifest.write_bytes(msgspec.json.encode([record]))
    sweep.workspace.format.unlink()
    without_generations(sweep)
    rewrite(sweep, token="legacy-7", slurm_job_id="7", indices=(0,), attempts=(0,), array=None)
    launcher = Answering()
    launcher.said = said
    fact = facts.read(sweep.workspace, {"memory": launcher}, silent_is_fatal=True).facts[0]
    assert fact.status is status
    if said is ABSENT and status is not Status.LOST:
        assert "0.1.3" in fact.reason
    if said.phase is Phase.ENDED and status is Status.FAILED:
        assert fact.reason == "exit 2"


def test_a_first_run_between_two_looks_of_a_reader_is_no_damage(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, early = json_files.read, [sweep.workspace.format]

    def not_there_yet(path: Path, decode: Any, default: Any) -> Any:
        return default if early and path == early[0] and early.pop() else read(path, decode, default)

    monkeypatch.setattr(json_files, "read", not_there_yet)
    assert len(manifest.read(sweep.workspace).trials) == TRIALS and not early


def test_nobody_waits_for_what_cannot_be_seen_from_here(sweep: Sweep) -> None:
    launcher = Answering()
    launcher.said = State(Phase.UNKNOWN, reason="it runs on elsewhere")
    indices = [trial.index for trial in manifest.read(sweep.workspace).trials]
    trials = wait_for_trials.Trials(sweep.workspace, {"memory": launcher}, indices)
    known = wait_for_trials.until_ended(trials, 0.01)
    assert {(fact.status, fact.reason) for fact in known.facts.values()} == {
        (Status.SUBMITTED, "not seen: it runs on elsewhere")
    }
    (warning,) = known.warnings
    assert "herd run --lost -i 0-" in warning


@pytest.mark.parametrize(
    ("left", "status"),
    [("pending", Status.READY), ("ready", Status.READY), ("completed", Status.COMPLETED), ("x", Status.LOST)],
)
def test_a_trial_that_0_1_3_never_submitted_is_what_it_said(sweep: Sweep, left: str, status: Status) -> None:
    rewrite(sweep, state="void")
    record = {"index": 0, "params": {"a": 0}, "experiment_name": "a-0", "status": left}
    sweep.workspace.manifest.write_bytes(msgspec.json.encode([record]))
    sweep.workspace.format.unlink()
    without_generations(sweep)
    assert sweep.look().statuses == {0: status}


def test_what_runs_out_of_sight_runs_again_only_where_the_user_names_it_as_lost(sweep: Sweep) -> None:
    sweep.launcher.start(sweep.waiting()[0])
    rewrite(sweep, where="a host that is gone")
    known = sweep.look()
    assert known.statuses == {0: Status.RUNNING, 1: Status.SUBMITTED, 2: Status.SUBMITTED}
    assert "a host that is gone" in known.warnings[0]
    before = len(sweep.launcher.queue)
    for choice in (Choice(), Choice(lost=True)):
        sweep.run(choice)
        assert len(sweep.launcher.queue) == before
    with pytest.raises(HerdError, match="trial 0 is running already"):
        sweep.run(Choice(indices=frozenset({0})))
    sweep.run(Choice(indices=frozenset({0}), lost=True))
    assert submitted(sweep)[before:] == [0]


def test_what_is_seen_to_run_is_never_lost_whatever_the_user_says(sweep: Sweep) -> None:
    sweep.launcher.start(sweep.waiting()[0])
    with pytest.raises(HerdError, match="trial 0 is running already"):
        sweep.run(Choice(indices=frozenset({0}), lost=True))


def test_what_was_submitted_elsewhere_or_with_what_is_not_here_is_said(sweep: Sweep) -> None:
    rewrite(sweep, launcher="somebody's own")
    known = sweep.look()
    assert set(known.statuses.values()) == {Status.SUBMITTED}
    assert "submitted with somebody's own" in known.warnings[0]
    assert not facts.read(sweep.workspace, {}, silent_is_fatal=True).warnings


def test_a_launcher_that_does_not_answer_is_a_warning_to_who_looks_and_stops_who_acts(sweep: Sweep) -> None:
    sweep.launcher.silent = True
    known = sweep.look()
    assert "as last known" in known.warnings[0] and set(known.statuses.values()) == {Status.SUBMITTED}
    with pytest.raises(SchedulerSilentError):
        launch.execute(
            Run(sweep.workspace, sweep.description, {"memory": sweep.launcher}, RunRequest()), print
        )


def test_nobody_waits_for_a_submission_whose_submitter_is_gone(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    sweep.launcher.mishap = "before"
    sweep.run()
    for fact in sweep.look().facts.values():
        assert (fact.status, fact.interrupted, fact.moves) == (Status.SUBMITTED, True, False)
        assert "was interrupted" in fact.reason
    sweep.run()
    assert all(fact.moves and not fact.interrupted for fact in sweep.look().facts.values())


def test_a_trial_of_tasks_lives_while_one_does_and_has_completed_when_all_have() -> None:
    trial = Trial(0, "h", "n", {}, {}, typed=Typed((), tasks=(0, 1)))
    rank = ("running", "queued", "submitted", "paused", "lost", "failed", "cancelled", "pruned", "ready")
    for first in Status:
        for second in Status:
            parts = [Fact(trial, Unit(0, n), status, "why") for n, status in enumerate((first, second))]
            whole = facts._together(trial, parts)
            words = [first.value, second.value]
            assert whole.status.value == next((w for w in rank if w in words), "completed")
            assert whole.runs == tuple(parts)
            if whole.status is not Status.COMPLETED:
                assert whole.reason == f"{words.count(whole.status.value)} of 2 tasks: why"


@given(st.integers(0, 6), st.lists(st.integers(0, 9), max_size=3), st.lists(st.integers(0, 9), max_size=3))
def test_a_new_trial_has_a_number_that_nothing_has_had(
    free: int, in_submissions: list[int], begun: list[int]
) -> None:
    records = [Submission(token=str(n), indices=(n,), attempts=(1,), state="void") for n in in_submissions]
    known = Known(Manifest(next_index=free), records, {}, newest_attempt=dict.fromkeys(map(Unit, begun), 1))
    made = plan_of_facts.plan_of(description([0]), known, Choice())
    used = {*range(free), *in_submissions, *begun}
    assert [one.index for one in made.added] == [max(used, default=-1) + 1]


def description(values: list[int], typed: Typed | None = None) -> Description:
    spec = SweepSpec("s", "launch.sh", (Parameter("a", tuple(values), "a"),))
    trials = [Described(trial_hash({"a": v}, {}), {"a": v}, {}, typed=typed) for v in values]
    return Description(spec, Proposal(Combinations(spec), trials, trials))


@pytest.mark.parametrize(
    ("ran", "now", "again"),
    [
        ((0, 1), (0, 1), False),
        ((0, 1), (0, 1, 2), True),
        ((0, 1), (0, 2), True),
        ((0, 1, 2), (0, 1), False),
        ((), (0,), True),
        ((0,), (), True),
        ((), (), False),
    ],
)
def test_what_has_completed_runs_again_where_its_script_has_more_tasks_now(
    ran: tuple[int, ...], now: tuple[int, ...], again: bool
) -> None:
    trial = Trial(0, trial_hash({"a": 1}, {}), "a-1", {"a": 1}, {}, typed=Typed((), tasks=ran))
    for status in (Status.COMPLETED, Status.LOST):
        fact = Fact(trial, Unit(0), status)
        known = Known(Manifest(trials=(trial,), next_index=1), [], {0: fact})
        made = plan_of_facts.plan_of(description([1], Typed((), tasks=now)), known, Choice())
        assert bool(made.submit) == (again and status is Status.COMPLETED)


def test_while_a_trial_is_live_it_has_the_tasks_that_it_was_submitted_with() -> None:
    trial = Trial(0, trial_hash({"a": 1}, {}), "a-1", {"a": 1}, {}, typed=Typed((), tasks=(0, 1)))
    for status, tasks in ((Status.RUNNING, (0, 1)), (Status.FAILED, (5,))):
        part = Fact(trial, Unit(0, 0), status)
        known = Known(Manifest(trials=(trial,), next_index=1), [], {0: replace(part, tasks=(part, part))})
        made = plan_of_facts.plan_of(description([1], Typed((), tasks=(5,))), known, Choice())
        assert made.trials[0].typed == Typed((), tasks=tasks)


def test_a_parameter_that_is_new_has_for_older_trials_what_they_ran_with() -> None:
    old = Trial(0, trial_hash({"a": 1}, {}), "a-1", {"a": 1}, {})
    record = Submission(token="t", indices=(0,), attempts=(1,), static_overrides=("b=7",))
    spec = SweepSpec("s", "launch.sh", (Parameter("a", (1,), "a"), Parameter("b", (5, 7), "b", default=5)))
    now = [{"a": 1, "b": b} for b in (5, 7)]
    trials = [Described(trial_hash(one, {}), one, {}) for one in now]
    described = Description(spec, Proposal(Combinations(spec), trials, trials))
    for submission, b in ((record, 7), (None, 5)):
        fact = Fact(old, Unit(0), Status.COMPLETED, submission=submission)
        known = Known(Manifest(trials=(old,), next_index=1), [record], {0: fact})
        made = plan_of_facts.plan_of(described, known, Choice())
        assert made.kept[0].params == {"a": 1, "b": b}


GROWTH = Growth(mem=1.5, time=2.0, max_mem_bytes=100 * GIB, max_time_s=5000.0)
GROWN = [
    # what ended its submissions, what is asked for (bytes, seconds), what is asked for next, and the words
    ((), (32 * GIB, 3600.0), (32 * GIB, 3600.0), ""),
    (("oom",), (32 * GIB, 3600.0), (48 * GIB, 3600.0), "48G (out of memory)"),
    (("oom", "oom"), (32 * GIB, 3600.0), (72 * GIB, 3600.0), "72G (out of memory)"),
    (("oom",) * 3, (32 * GIB, 3600.0), (100 * GIB, 3600.0), "100G (out of memory)"),
    (("timeout",), (32 * GIB, 1000.0), (32 * GIB, 2000.0), "00:33:20 (time limit)"),
    (("timeout",) * 3, (32 * GIB, 1000.0), (32 * GIB, 5000.0), "01:23:20 (time limit)"),
    (("timeout",), (32 * GIB, 9000.0), (32 * GIB, 9000.0), "02:30:00 (time limit)"),
    (
        ("timeout", "oom"),
        (2 * GIB, 1000.0),
        (3 * GIB, 2000.0),
        "3G (out of memory) and 00:33:20 (time limit)",
    ),
    (("oom", "timeout"), (None, 1000.0), (None, 2000.0), "00:33:20 (time limit)"),
    (("oom",), (None, 1000.0), (None, 1000.0), "no slurm.mem to be more of (out of memory)"),
    (("timeout",), (GIB, None), (GIB, None), "no slurm.time to be more of (time limit)"),
    (("timeout",), (GIB, float("inf")), (GIB, float("inf")), "no slurm.time to be more of (time limit)"),
    (("node_fail",), (GIB, 60.0), (GIB, 60.0), ""),
]


@pytest.mark.parametrize(("ends", "asked", "next_", "words"), GROWN)
def test_the_next_submission_asks_for_more_of_what_the_ones_before_ran_out_of(
    ends: tuple[str, ...], asked: tuple[int | None, float | None], next_: tuple[Any, Any], words: str
) -> None:
    trial, other = (Trial(i, f"h{i}", f"n{i}", {}, {}) for i in (0, 1))
    records = [
        Submission(token=str(n), indices=(0, 1), attempts=(n + 1, n + 1)) for n in range(len(ends) or 1)
    ]
    of_trials = {
        0: Fact(trial, Unit(0), Status.FAILED, causes=dict(enumerate(ends, start=1))),
        1: Fact(other, Unit(1), Status.FAILED),
    }
    known = Known(Manifest(), records, of_trials, newest_attempt={Unit(0): max(len(ends), 1), Unit(1): 1})
    request = Request(memory_bytes=asked[0], time_s=asked[1])
    place = Place(MemoryLauncher(), request)
    assert growth.grown([(place, [trial, other])], Growth(), known) == [(place, [trial, other])]
    grown = growth.grown([(place, [trial, other])], GROWTH, known)
    (found,) = [one for one, members in grown if trial in members]
    assert (found.request.memory_bytes, found.request.time_s, found.grown) == (*next_, words)
    assert [members for one, members in grown if other in members and one == place] == [
        [other] if words else [trial, other]
    ]


def test_only_what_may_grow_grows() -> None:
    trial = Trial(0, "h", "n", {}, {})
    records = [Submission(token=str(n), indices=(0,), attempts=(n,)) for n in (1, 2)]
    fact = Fact(trial, Unit(0), Status.FAILED, causes={1: "oom", 2: "timeout"})
    known = Known(Manifest(), records, {0: fact}, newest_attempt={Unit(0): 2})
    place = Place(MemoryLauncher(), Request(memory_bytes=GIB, time_s=60.0))
    for only, asked in ((Growth(mem=2.0), (2 * GIB, 60.0)), (Growth(time=2.0), (GIB, 120.0))):
        ((found, _),) = growth.grown([(place, [trial])], only, known)
        assert (found.request.memory_bytes, found.request.time_s) == asked


def intent(sweep: Sweep, **changes: Any) -> Submission:
    record = submissions.read(sweep.workspace)[0]
    return msgspec.structs.replace(record, state="intent", slurm_job_id=None, **changes)


def test_a_submitter_is_at_work_while_it_lives_and_one_of_another_host_for_three_minutes(
    sweep: Sweep,
) -> None:
    me, now = processes.me(), time.time()
    gone, elsewhere = replace(me, pid=2**22 + 1, start=1), replace(me, host="far", boot_id="b", namespace="n")
    for owner, age_s, at_work in (
        (str(me), 9999.0, True),
        (str(gone), 0.0, False),
        (str(elsewhere), 0.0, True),
        (str(elsewhere), 60.0, True),
        (str(elsewhere), 600.0, False),
        ("not an owner", 0.0, True),
        ("not an owner", 600.0, False),
        ("", 0.0, False),
    ):
        assert submitting.submitting(intent(sweep, owner=owner, submitted_at=now - age_s)) is at_work, owner


@pytest.mark.parametrize(
    ("at_work", "began", "decided"), [(1, 0, False), (1, 1, True), (0, 0, True), (0, 1, True)]
)
def test_an_intent_is_left_to_its_submitter_until_its_job_has_begun(
    sweep: Sweep, at_work: bool, began: bool, decided: bool
) -> None:
    record = intent(sweep, owner=str(processes.me()) if at_work else "")
    sweep.workspace.files(record.token).register.unlink(missing_ok=True)
    if began:
        sweep.launcher.start(sweep.waiting()[0])
    with Lock(sweep.workspace.lock) as lock:
        submissions.write(sweep.workspace, [record])
        submitting.recover(sweep.workspace, {"memory": sweep.launcher}, lock)
    (now,) = submissions.read(sweep.workspace)
    assert now.state == ("submitted" if decided else "intent")
    rewrite(sweep, state="intent", launcher="somebody's own")
    with Lock(sweep.workspace.lock) as lock:
        submitting.recover(sweep.workspace, {"memory": sweep.launcher}, lock)
    assert submissions.read(sweep.workspace)[0].state == "intent"


@pytest.mark.parametrize("found", [True, False])
@pytest.mark.parametrize("began", [True, False])
def test_an_intent_is_the_job_that_is_found_or_began_and_else_given_up(
    sweep: Sweep, found: bool, began: bool
) -> None:
    record = intent(sweep)
    sweep.workspace.files(record.token).register.unlink(missing_ok=True)
    if began:
        sweep.launcher.start(sweep.waiting()[0])
    if not found:
        sweep.launcher.queue.clear()
    job = submitting.decide(sweep.launcher, submissions.job(sweep.workspace, record))
    decided = submitting.record_of(record, job)
    assert decided.state == ("submitted" if found or began else "void")
    assert decided.slurm_job_id == ("1" if found or began else None)
    decision = submissions.settled(sweep.workspace, record.token)
    assert decision == ("1" if found or began else VOID)


@pytest.mark.parametrize(("age_s", "copied", "cancelled"), [(10, False, 3), (7200, False, 0), (10, True, 0)])
def test_what_came_after_it_was_given_up_is_cancelled_for_an_hour_and_never_another_folders(
    sweep: Sweep, tmp_path_factory: pytest.TempPathFactory, age_s: int, copied: bool, cancelled: int
) -> None:
    rewrite(sweep, state="void", slurm_job_id=None, submitted_at=time.time() - age_s)
    if copied:
        copy = tmp_path_factory.mktemp("copy") / "it"
        shutil.copytree(sweep.workspace.root, copy)
        sweep.workspace = Workspace(copy)
    with Lock(sweep.workspace.lock) as lock:
        submitting.recover(sweep.workspace, {"memory": sweep.launcher}, lock)
    ended = [one for one in sweep.launcher.queue if one.state.end is Ended.CANCELLED]
    assert len(ended) == cancelled


def test_an_end_is_believed_though_the_scheduler_has_forgotten_it(sweep: Sweep) -> None:
    """What it said once is kept, for each attempt: a later one is asked about anew."""
    one = sweep.waiting()[0]
    sweep.start(one)
    sweep.end(one, 1, Ended.OUT_OF_MEMORY, noted=False)
    assert sweep.look().facts[0].reason == "out of memory"
    sweep.launcher.forget(one)
    fact = sweep.look().facts[0]
    assert (fact.status, fact.reason, dict(fact.causes)) == (Status.FAILED, "out of memory", {1: "oom"})
    sweep.run()
    again = [one for one in sweep.waiting() if one.element.unit.trial == 0]
    assert [one.attempt for one in again] == [2] and sweep.look().statuses[0] is Status.QUEUED
    assert len(submitted(sweep)) == TRIALS


def test_nobody_is_asked_about_what_is_settled(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """A success is final; an end is, once its attempt had begun; a wait is not."""
    asked: list[set[int]] = []
    poll = sweep.launcher.poll

    def noting(jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        asked.append({number for job in jobs for number in job.offers})
        return poll(jobs)

    monkeypatch.setattr(sweep.launcher, "poll", noting)
    succeeds, fails, waits = sweep.waiting()
    for one, code in ((succeeds, 0), (fails, 1)):
        sweep.start(one)
        sweep.end(one, code)
    sweep.look()
    sweep.look()
    sweep.launcher.end(waits, 1, Ended.FAILED)
    sweep.look()
    sweep.look()
    assert asked == [{1, 2}, {2}, {2}, {2}]
    sweep.stop(2)
    assert sweep.look().statuses[2] is not Status.QUEUED


def test_an_older_job_that_took_the_attempt_is_the_one_that_is_asked(sweep: Sweep) -> None:
    """It failed, was submitted again, and before that began somebody let the old one run again."""
    old = sweep.waiting()[0]
    sweep.start(old)
    sweep.end(old, 1)
    sweep.run()
    new = next(one for one in sweep.waiting() if one.element.unit.trial == 0)
    sweep.queue_by_hand(old)
    sweep.start(old)
    assert not sweep.launcher.start(new)
    fact = sweep.look().facts[0]
    assert (fact.status, fact.attempt) == (Status.RUNNING, 2)
    assert fact.submission and fact.submission.slurm_job_id == old.job_id
    sweep.end(old, 0)
    assert sweep.look().statuses[0] is Status.COMPLETED


def test_an_attempt_of_nobody_we_know_is_the_newest_submissions(sweep: Sweep) -> None:
    one = sweep.waiting()[0]
    claims.take(sweep.attempts, Unit(0), 1, "somebody", "99")
    assert not sweep.launcher.start(one)
    fact = sweep.look().facts[0]
    assert fact.submission and fact.submission.slurm_job_id == one.job_id
    assert fact.status is Status.FAILED


@pytest.mark.parametrize(
    ("mark", "end", "reason"),
    [
        (TIMEOUT, None, "time limit"),
        (PREEMPTION, None, "preempted"),
        (NODE_FAIL, None, ""),
        (EXIT75, None, ""),
        ("", None, ""),
        (TIMEOUT, Ended.OUT_OF_MEMORY, "out of memory"),
        (EXIT75, Ended.FAILED, "exit 75"),
    ],
)
def test_a_job_that_is_gone_was_ended_by_what_its_trial_was_told_of(
    sweep: Sweep, mark: str, end: Ended | None, reason: str
) -> None:
    rewrite(sweep, requeue=Requeue(max_timeouts=9, max_restarts=9))
    one = sweep.waiting()[0]
    sweep.start(one)
    if mark:
        notes.mark(sweep.attempts, Unit(0), 1, mark)
    sweep.end(one, 75, end, noted=False)
    if end is None:
        sweep.launcher.forget(one)
    fact = sweep.look().facts[0]
    assert fact.status is (Status.FAILED if reason else Status.LOST)
    assert fact.reason == (reason or "its job is gone and left no note of its end")


def test_who_would_not_queue_it_again_is_said_in_its_own_words(sweep: Sweep) -> None:
    rewrite(sweep, requeue=Requeue())
    one = sweep.waiting()[0]
    sweep.start(one)
    notes.mark(sweep.attempts, Unit(0), 1, TIMEOUT)
    sweep.attempts.mark(Unit(0), 1, REFUSED).write_text("presently disabled\n")
    sweep.end(one, 75)
    title = sweep.launcher.traits.title
    assert sweep.look().facts[0].reason == f"time limit; {title} would not queue it again: presently disabled"


def test_a_cause_is_the_reason_only_of_the_attempt_that_it_cut_short(sweep: Sweep) -> None:
    one = sweep.waiting()[0]
    sweep.start(one)
    notes.mark(sweep.attempts, Unit(0), 1, TIMEOUT)
    sweep.end(one, 75)
    assert sweep.look().facts[0].reason == "time limit"
    sweep.run()
    (again,) = [other for other in sweep.waiting() if other.element.unit.trial == 0]
    sweep.start(again)
    sweep.end(again, 3)
    fact = sweep.look().facts[0]
    assert (fact.reason, dict(fact.causes)) == ("exit 3", {1: "timeout"})


@pytest.mark.parametrize("lost", [True, False])
def test_a_number_that_no_trial_has_is_named(sweep: Sweep, lost: bool) -> None:
    with pytest.raises(HerdError, match="no trial 99 in this sweep"):
        sweep.run(Choice(indices=frozenset({0, 99}), lost=lost))
