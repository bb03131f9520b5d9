"""Stopping, killing, and what is left: judged by the log that the trials themselves write."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import attempt_files
import pytest

from hyperherd.attempts import claims
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.fsio import processes
from hyperherd.jobs import Files, Phase
from hyperherd.launchers.direct import process_trees

from .machine import Sweep, kill, until


def attempts(sweep: Sweep) -> set[str]:
    return set(attempt_files.names(sweep.root / "attempts"))


@pytest.mark.parametrize("turn", range(15))
def test_a_supervisor_may_be_killed_at_any_instant_and_no_trial_runs_twice_or_never(
    sweep: Sweep, turn: int
) -> None:
    chance = random.Random(turn)
    sweep.says(f"say $i; sleep 0.0{turn % 3}")
    first = sweep.submit("t0", 10, at_once=3)
    time.sleep(chance.uniform(0.0, 0.25))  # the instant of the kill, which is meant to be any
    kill(sweep.supervisor(first))
    until(lambda: Phase.QUEUED not in sweep.phases(first), "what it was starting when it was killed")
    states = sweep.poll(first)
    rest = [i for i, state in states.items() if state.word == "NEVER_STARTED"]
    second = sweep.submit("t1", rest, at_once=3) if rest else first
    sweep.finish(second)
    until(lambda: sweep.phases(first) == {Phase.ENDED}, "the trials that outlived their supervisor")
    assert sorted(map(int, sweep.said())) == list(range(10))
    assert sweep.words(second) == ["COMPLETED"] * len(second.offers)


def test_trials_outlive_their_supervisor_and_note_their_own_ends(sweep: Sweep) -> None:
    sweep.says('say here; until [[ -e "$LOG.go" ]]; do sleep 0.02; done; exit 4')
    job = sweep.submit("t", 3, at_once=1)
    until(sweep.said, "the first trial")
    kill(sweep.supervisor(job))
    assert [state.phase for state in sweep.poll(job).values()] == [Phase.RUNNING, Phase.ENDED, Phase.ENDED]
    assert sweep.words(job)[1:] == ["NEVER_STARTED"] * 2
    (sweep.root / "log.go").touch()
    until(lambda: sweep.poll(job)[0].exit_code == 4, "the note of a trial without supervisor")


def test_a_cancel_of_all_returns_when_the_supervisor_has_ended_too(sweep: Sweep) -> None:
    sweep.says("say here; sleep 600")
    job = sweep.submit("t", 2)
    until(lambda: len(sweep.said()) == 2, "both trials")
    supervisor = sweep.supervisor(job)
    os.kill(supervisor.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(sweep.direct.cancel, job, [0, 1])
        until(lambda: sweep.phases(job) == {Phase.ENDED}, "the trials to end")
        assert not cancelled.done()
        os.kill(supervisor.pid, signal.SIGCONT)
        assert cancelled.result() == {}
    assert not processes.alive(supervisor)


def test_a_supervisor_that_finds_its_submission_given_up_runs_nothing(sweep: Sweep) -> None:
    sweep.says('say "$i"')
    sweep.files("t").register.write_text("void\n")
    job = sweep.submit("t", 2)
    until(lambda: not sweep.processes(), "the end of the supervisor")
    assert sweep.said() == []
    assert sweep.words(job) == ["NEVER_STARTED"] * 2


def test_a_submission_that_nobody_has_settled_is_unknown(sweep: Sweep) -> None:
    assert sweep.phases(sweep.job(sweep.batch("t", 2))) == {Phase.UNKNOWN}


DEAD = 4194305
"""No process has such a number."""


def claim(
    files: Files, index: int, host: str, pid: int, start: int, namespace: str = "", **more: int
) -> None:
    me = processes.me()
    supervisor = replace(me, namespace=namespace or me.namespace, pid=more.get("supervisor", me.pid))
    line = f"t {supervisor} {host} {me.boot_id} {pid} {start} 1700000000\n"
    files.attempts.claim(Unit(index), 1).write_text(line)


def test_what_another_host_has_begun_is_neither_judged_nor_stopped_here(sweep: Sweep) -> None:
    job = sweep.job(sweep.batch("t", 1))
    me = processes.me()
    claim(job.files, 0, "elsewhere", me.pid, me.start or 0)
    assert [(s.phase, s.reason) for s in sweep.poll(job).values()] == [
        (Phase.UNKNOWN, "it runs on elsewhere")
    ]
    assert sweep.direct.cancel(job, [0]) == {0: "it runs on elsewhere: type the same there"}


def test_what_another_container_has_begun_is_neither_judged_nor_stopped_here(sweep: Sweep) -> None:
    """It has our host's name and boot, and pids of its own."""
    job = sweep.job(sweep.batch("t", 1))
    host = processes.me().host
    claim(job.files, 0, host, DEAD, 1, namespace="1")
    where = f"it runs on {host}, in another container or as another user"
    assert [(s.phase, s.reason) for s in sweep.poll(job).values()] == [(Phase.UNKNOWN, where)]
    assert sweep.direct.cancel(job, [0]) == {0: f"{where}: type the same there"}


@pytest.mark.parametrize("claimed", ["", "waits"])
def test_what_waits_or_just_begins_in_another_container_is_not_judged_here(
    sweep: Sweep, claimed: str
) -> None:
    job = sweep.job(sweep.batch("t", 1))
    job.files.register.write_text(f"{replace(processes.me(), pid=DEAD, namespace='1')}\n")
    if not claimed:
        job.files.attempts.claim(Unit(0), 1).touch()
    assert sweep.phases(job) == {Phase.UNKNOWN}


def test_an_attempt_whose_processes_are_gone_without_a_note_was_killed(sweep: Sweep) -> None:
    job = sweep.job(sweep.batch("gone", 1))
    me = processes.me()
    claim(job.files, 0, me.host, me.pid, (me.start or 0) + 1, supervisor=DEAD)  # the pid is used again
    assert sweep.words(job) == ["KILLED"]


@pytest.mark.parametrize(
    "leaving", ["setsid sleep 600", "(setsid sleep 600 &) ; sleep 600", "setsid -f sleep 600"]
)
def test_a_trial_that_leaves_its_process_group_is_dead_after_cancel(sweep: Sweep, leaving: str) -> None:
    sweep.says(f'say "$i"; {leaving}; sleep 600')
    job = sweep.submit("t", 1)
    until(lambda: [p for p in sweep.processes() if _is_sleep(p.pid)], "the trial")
    assert sweep.direct.cancel(job, [0]) == {}
    assert [p for p in sweep.processes() if p.mark] == []
    assert sweep.words(job) == ["CANCELLED"]
    assert any(name.endswith(".TERM") for name in attempts(sweep))


def _is_sleep(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    except OSError:
        return False


def test_a_trial_that_ignores_sigterm_is_killed_and_noted(sweep: Sweep) -> None:
    sweep.says('trap "" TERM; say here; while :; do sleep 0.05; done')
    job = sweep.submit("t", 1)
    until(sweep.said, "the trial")
    assert sweep.direct.cancel(job, [0]) == {}
    assert attempts(sweep) == {"0.1", "0.1.failed.137.TERM"}
    assert sweep.words(job) == ["CANCELLED"]


def test_a_trial_may_use_the_time_it_is_given_to_end(make_sweep: Callable[[str], Sweep]) -> None:
    sweep = make_sweep("sweep")
    sweep.direct = type(sweep.direct)(grace_s=30)
    sweep.says('trap "say saved; exit 0" TERM; say here; while :; do sleep 0.05; done')
    job = sweep.submit("t", 1)
    until(sweep.said, "the trial")
    sweep.direct.cancel(job, [0])
    assert sweep.said() == ["here", "saved"]
    assert attempts(sweep) == {"0.1", "0.1.failed.143.TERM"}


def test_trials_that_wait_are_stopped_by_their_claims_and_the_others_go_on(sweep: Sweep) -> None:
    sweep.says('say "$i"; until [[ -e "$LOG.go" ]]; do sleep 0.02; done')
    job = sweep.submit("t", 4, at_once=1)
    until(sweep.said, "the first trial")
    assert sweep.direct.cancel(job, [1, 3]) == {}
    (sweep.root / "log.go").touch()
    sweep.finish(job)
    assert sweep.said() == ["0", "2"]
    assert sweep.words(job) == ["COMPLETED", "CANCELLED", "COMPLETED", "CANCELLED"]


def test_a_supervisor_ends_at_once_when_all_that_waited_was_stopped(sweep: Sweep) -> None:
    job = sweep.submit("t", 200, after=("sleep", "600"))
    sweep.direct.cancel(job, range(200))
    sweep.finish(job)
    assert set(sweep.words(job)) == {"CANCELLED"}


def test_a_supervisor_ends_where_somebody_else_has_claimed_all_that_waits(sweep: Sweep) -> None:
    files = sweep.batch("t", 1).files
    claim(files, 0, "elsewhere", DEAD, 1)
    sweep.submit("t", 1)
    until(lambda: not sweep.processes(), "the end of the supervisor")
    assert sweep.said() == []


def test_cancelling_twice_or_what_has_ended_changes_nothing(sweep: Sweep) -> None:
    job = sweep.submit("t", 2)
    sweep.finish(job)
    before = attempts(sweep)
    assert sweep.direct.cancel(job, [0, 1]) == {}
    assert sweep.direct.cancel(job, [0, 1]) == {}
    assert attempts(sweep) == before
    assert sweep.words(job) == ["COMPLETED"] * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_supervisor_that_is_told_to_end_stops_everything(sweep: Sweep, number: signal.Signals) -> None:
    sweep.says("say $i; setsid sleep 600; say over")
    job = sweep.submit("t", 3, at_once=1)
    until(sweep.said, "the first trial")
    os.kill(sweep.supervisor(job).pid, number)
    sweep.finish(job)
    assert sweep.words(job) == ["CANCELLED"] * 3
    assert sweep.said() == ["0"]
    assert sweep.processes() == []


def script_of(sweep: Sweep, index: int) -> int:
    found = claims.read(AttemptFolder(sweep.root / "attempts"), Unit(index), 1)
    assert found is not None
    return found.owner.pid


def test_a_process_is_found_after_its_parent_has_gone_and_its_mark_is_lost() -> None:
    trial = process_trees.Process(10, parent=1, group=10, session=1, start=5, mark="t/0.1")
    child = process_trees.Process(11, parent=10, group=11, session=1, start=6)
    stranger = process_trees.Process(12, parent=1, group=12, session=1, start=7)
    looked_for = process_trees.Trees({"t/0.1"})
    assert looked_for.living([trial, child, stranger]) == [trial, child]
    orphan = process_trees.Process(11, parent=1, group=11, session=1, start=6)
    assert looked_for.living([orphan, stranger]) == [orphan]


def test_a_process_group_whose_number_was_given_to_another_is_left_alone() -> None:
    other = process_trees.Process(10, parent=1, group=10, session=1, start=99)
    assert process_trees.Trees((), [(10, 5)]).living([other]) == []
    survivor = process_trees.Process(11, parent=1, group=10, session=1, start=6)
    assert process_trees.Trees((), [(10, 5)]).living([survivor]) == [survivor]
