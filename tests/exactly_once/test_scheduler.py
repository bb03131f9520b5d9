"""A Slurm that does not answer, answers late or wrong, loses jobs, or queues them again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .sweeps import GATE, Sweep

ONCE = {"1": 1, "2": 1}
UNTIL_GO_FAIL = '[[ -e "$HYPERHERD_WORKSPACE/go" ]] || exit 4'
ONLY_ONE = GATE.replace("until", "until [[ $x != 1 ]] ||", 1)


def submitted(sweep: Sweep, *options: str) -> list[int]:
    """What ``herd run`` submits."""
    indices: list[int] = json.loads(sweep.herd("run", "--json", *options).stdout)["submitted_indices"]
    return indices


def job_of(sweep: Sweep) -> str:
    """The id of the newest submission."""
    return str(sweep.submissions()[-1]["slurm_job_id"])


def slurm(sweep: Sweep, *argv: str) -> str:
    """A command of an administrator."""
    done = subprocess.run(argv, env=sweep.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def both_run(sweep: Sweep, *options: str) -> None:
    sweep.herd("run", *options)
    until(lambda: len(sweep.lines()) == 2, "both trials to start")


# --- no answer -------------------------------------------------------------------------------------------------------

SILENCE = {
    "no controller": lambda fake: fake.controller_down(),
    "squeue fails": lambda fake: fake.knobs(
        squeue={"error": "slurm_load_jobs error: Unexpected message received"}
    ),
    "squeue fails in silence": lambda fake: fake.knobs(squeue={"error": ""}),
    "squeue hangs": lambda fake: fake.knobs(squeue={"hang": True}),
}


@pytest.mark.parametrize("silence", SILENCE)
def test_without_an_answer_of_squeue_a_run_refuses_and_changes_nothing(
    fake: Sweep, fake_slurm: FakeSlurm, silence: str
) -> None:
    quick = replace(fake, env={**fake.env, "HYPERHERD_SLURM_TIMEOUT_S": "2"})
    fake.script(GATE)
    both_run(fake)
    fake.describe([1, 2, 3])
    before = fake.content()
    SILENCE[silence](fake_slurm)
    assert quick.herd("run", code=1).stderr
    assert fake.content() == before
    fake_slurm.reset()
    fake.go()
    fake.finish()
    assert fake.starts() == {**ONCE, "3": 1}


def test_a_first_run_without_a_controller_writes_nothing_down(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    before = fake.content()
    fake_slurm.controller_down()
    fake.herd("run", code=1)
    assert fake.content() == before
    fake_slurm.controller_up()
    fake.finish()
    assert fake.starts() == ONCE


def test_a_run_of_which_sbatch_says_nothing_in_time_is_not_repeated(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    quick = replace(fake, env={**fake.env, "HYPERHERD_SLURM_TIMEOUT_S": "2"})
    fake_slurm.knobs(sbatch={"delay_s": [4, 4], "delay_when": "either"})
    quick.herd("run", code=None)
    fake_slurm.knobs(sbatch={"delay_s": [0, 0]})
    fake.finish()
    until(lambda: fake_slurm.jobs(), "a late submission")
    fake_slurm.wait_idle(DEADLINE_S)
    fake.finish()
    assert fake.starts() == ONCE


def test_trials_whose_submission_was_interrupted_say_so_and_nobody_waits_for_them(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(sbatch={"hang": True})
    run = fake.start()
    until(lambda: fake_slurm.calls("sbatch") or run.poll() is not None, "sbatch to be called")
    assert [(t["status"], t["reason"]) for t in fake.trials()] == [("submitted", None)] * 2
    run.kill()
    run.wait(DEADLINE_S)
    why = "its submission was interrupted; herd run settles it"
    assert [(t["status"], t["reason"]) for t in fake.trials()] == [("submitted", why)] * 2
    fake.herd("await", code=1)
    fake_slurm.knobs(sbatch={"hang": False})
    fake.finish()
    fake_slurm.wait_idle(DEADLINE_S)
    assert fake.starts() == ONCE


# --- accounting ------------------------------------------------------------------------------------------------------

ACCOUNTING: dict[str, Callable[[FakeSlurm], None]] = {
    "off": lambda fake: fake.knobs(sacct={"off": True}),
    "failing": lambda fake: fake.knobs(sacct={"error": "sacct: error: slurmdbd: Connection refused"}),
    "hours late": lambda fake: fake.knobs(sacct={"lag_s": 7200}),
}


@pytest.mark.parametrize("accounting", ACCOUNTING)
@pytest.mark.parametrize("forgets", [False, True], ids=["squeue remembers", "squeue forgets at once"])
def test_without_accounting_only_what_failed_runs_again(
    fake: Sweep, fake_slurm: FakeSlurm, accounting: str, forgets: bool
) -> None:
    ACCOUNTING[accounting](fake_slurm)
    fake_slurm.knobs(min_job_age_s=0 if forgets else 300)
    fake.script(f"[[ $x == 1 ]] || {UNTIL_GO_FAIL}")
    fake.herd("run")
    fake.until_statuses("completed", "failed")
    assert fake.statuses() == {0: "completed", 1: "failed"}
    fake.go()
    fake.finish()
    assert fake.starts() == {"1": 1, "2": 2}


@pytest.mark.parametrize("again", [("--lost",), ("-i", "0-1")])
def test_a_job_that_vanished_is_lost_and_runs_again_only_when_asked_for(
    fake: Sweep, fake_slurm: FakeSlurm, again: tuple[str, ...]
) -> None:
    fake.script(GATE)
    both_run(fake)
    fake_slurm.vanish(job_of(fake))
    assert fake.statuses() == {0: "lost", 1: "lost"}
    assert submitted(fake) == []
    fake.go()
    assert submitted(fake, *again) == [0, 1]
    fake.until_statuses("completed")
    assert fake.starts() == {"1": 2, "2": 2}
    assert [line.attempt for line in fake.lines("end")] == [2, 2]


def test_a_vanished_job_that_runs_on_is_completed_when_it_says_so(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    fake_slurm.vanish(job_of(fake), kill=False)
    assert fake.statuses() == {0: "lost", 1: "lost"}
    assert submitted(fake) == []
    fake.go()
    fake.until_statuses("completed")
    assert submitted(fake) == []
    assert fake.starts() == ONCE


def test_accounting_that_is_stuck_before_a_requeue_brings_no_old_failure_back(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.describe([1, 2], more="slurm: {requeue: true}\n")
    fake.script(GATE)
    both_run(fake)
    job = job_of(fake)
    fake_slurm.fail_node(f"{job}_0")
    until(lambda: len(fake.lines()) == 3, "the second attempt")
    first_end = min(attempt["end"] for row in fake_slurm.jobs() for attempt in row["history"])
    fake_slurm.knobs(sacct={"frozen_at": first_end + 0.001}, min_job_age_s=0)
    assert submitted(fake) == []
    fake.go()
    until(lambda: len(fake.lines("end")) == 2, "both to end")
    fake_slurm.wait_idle(DEADLINE_S)
    assert submitted(fake) == []
    assert fake.statuses() == {0: "completed", 1: "completed"}
    assert fake.starts() == {"1": 2, "2": 1}


def test_the_reason_of_an_attempt_is_known_after_the_next_one(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    fake_slurm.finish(f"{job_of(fake)}_0", "OUT_OF_MEMORY")
    fake.until_statuses("failed", "running")
    fake.go()
    fake.finish()
    attempts = json.loads(fake.herd("show", "0", "--json").stdout)["attempts"]
    assert [one["reason"] for one in attempts] == ["out of memory", None]


# --- ended by others -------------------------------------------------------------------------------------------------


def test_a_cancel_that_slurm_refuses_is_not_shown_as_one(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    job = job_of(fake)
    words = "Access/permission denied"
    fake_slurm.knobs(scancel={"refuse": {f"{job}_[0-1]": words, f"{job}_0": words, f"{job}_1": words}})
    refused = fake.herd("stop", "--all", "--yes", "--json", code=1)
    assert json.loads(refused.stdout)["cancelled"] == []
    assert words in refused.stderr
    assert fake.statuses() == {0: "running", 1: "running"}
    assert submitted(fake) == []
    fake.go()
    fake.finish()
    assert fake.starts() == ONCE


def test_what_was_cancelled_from_outside_is_cancelled_and_runs_again_once(cluster: Sweep) -> None:
    cluster.script(ONLY_ONE)
    both_run(cluster)
    until(lambda: [line.x for line in cluster.lines("end")] == ["2"], "the other trial's end")
    slurm(cluster, "scancel", f"{job_of(cluster)}_0")
    cluster.until_statuses("cancelled", "completed")
    assert cluster.statuses() == {0: "cancelled", 1: "completed"}
    cluster.go()
    assert submitted(cluster) == [0]
    cluster.until_statuses("completed")
    assert cluster.starts() == {"1": 2, "2": 1}


def test_cancelled_by_somebody_is_cancelled(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    job = job_of(fake)
    fake_slurm.finish(job, "CANCELLED")
    told = dict.fromkeys([f"{job}_0", f"{job}_1"], "CANCELLED by 1000")
    fake_slurm.knobs(min_job_age_s=0, sacct={"states": told})
    assert fake.statuses() == {0: "cancelled", 1: "cancelled"}
    fake.go()
    fake.finish()
    assert fake.starts() == {"1": 2, "2": 2}


def test_preempted_for_good_runs_again_once(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    fake_slurm.preempt(f"{job_of(fake)}_0")
    until(lambda: fake.statuses() == {0: "failed", 1: "running"}, "the end of the preempted one")
    assert [trial["reason"] for trial in fake.trials()] == ["preempted", None]
    fake.go()
    fake.finish()
    assert fake.starts() == {"1": 2, "2": 1}


@pytest.mark.parametrize("how", ["preempt", "fail_node", "requeue"])
def test_what_slurm_queues_again_is_not_submitted_as_well(
    fake: Sweep, fake_slurm: FakeSlurm, how: str
) -> None:
    fake.describe([1, 2], more="slurm: {requeue: true}\n")
    fake.script(GATE)
    both_run(fake)
    element = f"{job_of(fake)}_0"
    getattr(fake_slurm, how)(element, start_at_once=False)
    while fake_slurm.states()[element] != "PENDING":
        assert submitted(fake) == []
    assert submitted(fake) == []
    slurm(fake, "scontrol", "update", f"JobId={element}", "StartTime=now")
    until(lambda: len(fake.lines()) == 3, "the second attempt")
    assert submitted(fake) == []
    fake.go()
    fake.finish()
    assert fake.starts() == {"1": 2, "2": 1}
    assert sorted((line.x, line.attempt) for line in fake.lines("end")) == [("1", 2), ("2", 1)]


def restart(sweep: Sweep, element: str) -> None:
    """What an administrator does; Slurm lets a job that it has queued again wait for two minutes, and one that starts
    in the second of its requeue is refused by its node and has FAILED.
    """
    slurm(sweep, "scontrol", "requeue", element)
    look = ("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={element}")
    until(lambda: slurm(sweep, *look).split() == ["PENDING"], "the job to wait again")
    slurm(sweep, "scontrol", "update", f"JobId={element}", "StartTime=now+2")


def test_a_running_trial_that_is_requeued_while_herd_runs_ends_once(cluster: Sweep) -> None:
    cluster.describe([1, 2], more="slurm: {requeue: true}\n")
    cluster.script(GATE)
    both_run(cluster)
    restart(cluster, f"{job_of(cluster)}_0")
    while len(cluster.lines()) < 3:
        assert submitted(cluster) == []
    cluster.go()
    cluster.finish()
    assert cluster.starts() == {"1": 2, "2": 1}
    assert sorted((line.x, line.attempt) for line in cluster.lines("end")) == [("1", 2), ("2", 1)]


def test_a_failed_trial_that_was_requeued_by_hand_is_running_not_failed(cluster: Sweep) -> None:
    """Herd had heard of its failure, and remembers what schedulers say of ended attempts."""
    cluster.describe([1, 2], more="slurm: {requeue: true}\n")
    cluster.script(f"[[ $x == 2 || $HYPERHERD_ATTEMPT == 2 ]] || exit 4\n{ONLY_ONE}")
    cluster.herd("run")
    cluster.until_statuses("failed", "completed")
    restart(cluster, f"{job_of(cluster)}_0")
    until(lambda: len(cluster.lines()) == 3, "the second attempt")
    assert cluster.statuses() == {0: "running", 1: "completed"}
    assert submitted(cluster) == []
    cluster.go()
    cluster.finish()
    assert cluster.starts() == {"1": 2, "2": 1}


def test_an_old_job_that_was_requeued_by_hand_and_then_dies_is_not_running_for_ever(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    """It has taken the attempt that was meant for the new submission, whose own job runs nothing then."""
    fake.describe([1])
    fake.script(f"[[ $HYPERHERD_ATTEMPT != 1 ]] || exit 4\n{GATE}")
    fake.herd("run")
    fake.until_statuses("failed")
    old = job_of(fake)
    fake_slurm.hold_queue()
    fake.herd("run")
    slurm(fake, "scontrol", "hold", job_of(fake))
    fake_slurm.requeue(f"{old}_0")
    fake_slurm.release_queue()
    until(lambda: len(fake.lines()) == 2, "the old job's second attempt")
    slurm(fake, "scontrol", "release", job_of(fake))
    until(
        lambda: fake_slurm.states()[f"{job_of(fake)}_0"] == "FAILED", "the new job to find the attempt taken"
    )
    assert fake.statuses() == {0: "running"}
    assert submitted(fake) == []
    fake_slurm.finish(f"{old}_0", "OUT_OF_MEMORY")
    assert [(t["status"], t["reason"]) for t in fake.trials()] == [("failed", "out of memory")]
    fake.go()
    fake.finish()
    assert fake.starts() == {"1": 3}


def test_a_job_that_ended_before_it_began_and_was_queued_again_by_hand_is_asked_about(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.hold_queue()
    fake.herd("run")
    fake_slurm.finish(f"{job_of(fake)}_0", "NODE_FAIL")
    assert fake.statuses() == {0: "failed", 1: "queued"}
    fake_slurm.requeue(f"{job_of(fake)}_0")
    assert fake.statuses() == {0: "queued", 1: "queued"}
    assert submitted(fake) == []
    fake_slurm.release_queue()
    fake.finish()
    assert fake.starts() == ONCE


def test_a_job_that_ended_before_it_began_stays_failed_when_slurm_has_forgotten_it(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.hold_queue()
    fake.herd("run")
    fake_slurm.finish(job_of(fake), "NODE_FAIL")
    assert fake.statuses() == {0: "failed", 1: "failed"}
    fake_slurm.vanish(job_of(fake))
    fake_slurm.release_queue()
    assert fake.statuses() == {0: "failed", 1: "failed"}
    fake.finish()
    assert fake.starts() == ONCE


def test_a_requeue_by_hand_and_a_run_at_once_share_the_next_attempt(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.script(UNTIL_GO_FAIL)
    fake.herd("run")
    fake.until_statuses("failed")
    fake_slurm.hold_queue()
    fake_slurm.requeue(f"{job_of(fake)}_0")
    fake.go()
    fake.herd("run")
    fake_slurm.release_queue()
    fake_slurm.wait_idle(DEADLINE_S)
    fake.until_statuses("completed")
    assert fake.starts() == {"1": 2, "2": 2}
    assert [line.attempt for line in fake.lines("end")] == [2, 2]


@pytest.mark.slurm
def test_a_trainer_that_outlives_its_killed_job_script_has_ended_before_the_next_attempt_begins(
    real: Sweep,
) -> None:
    real.describe([1])
    saves = "trap 'sleep 1; say end; exit' TERM; while :; do sleep 0.05; done"
    real.script(f"((HYPERHERD_ATTEMPT > 1)) || {{ {saves}; }}")
    real.herd("run")
    until(lambda: real.lines(), "the first attempt")
    argv = ["scancel", "--signal=KILL", "--batch", f"{real.submissions()[0]['slurm_job_id']}_0"]
    subprocess.run(argv, env=real.env, check=True, timeout=60)
    real.until_statuses("failed")
    real.finish()
    told = (real.root / "log").read_text().splitlines()
    assert [line.split("|")[:3:2] for line in told] == [
        ["start", "1"],
        ["end", "1"],
        ["start", "2"],
        ["end", "2"],
    ]


# --- a node that loses its power -------------------------------------------------------------------------------------


def test_the_note_of_a_trials_end_is_flushed_on_a_schedulers_node(fake: Sweep) -> None:
    shims = fake.root / "shims"
    shims.mkdir()
    (shims / "sync").write_text(
        '#!/bin/bash\nfor word; do [[ $word != -* ]] && readlink -f "$word"; done >>"$0.said"\n'
    )
    (shims / "sync").chmod(0o755)
    fake = replace(fake, env={**fake.env, "PATH": f"{shims}{os.pathsep}{fake.env['PATH']}"})
    fake.herd("run")
    fake.until_statuses("completed")
    said = {Path(line).name for line in (shims / "sync.said").read_text().splitlines()}
    assert {"0.1.completed.0", "1.1.completed.0"} < said
