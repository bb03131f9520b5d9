"""The same on a real Slurm, which has its own way of ending jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from eventually import until
from exactly_once.sweeps import GATE, Sweep

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("requeue")]

SAVES = 'trap "say told; exit 75" USR1\n' + GATE
EACH = f"""case $x in
  1) trap 'say told; exit 75' USR2 ;;
  2) trap '' USR2 TERM ;;
  3) ((HYPERHERD_ATTEMPT > 1)) || exit 75 ;;
esac
{GATE}"""


def slurm(sweep: Sweep, *argv: str) -> str:
    done = subprocess.run(argv, env=sweep.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def begun(sweep: Sweep, trial: int) -> list[int]:
    return [line.attempt for line in sweep.lines() if line.trial == trial]


def shown(sweep: Sweep, element: str, what: str = "%T %r") -> str:
    return slurm(
        sweep, "squeue", "--noheader", "--states=all", f"--format={what}", f"--jobs={element}"
    ).strip()


def start_again(sweep: Sweep, element: str, attempt: int) -> None:
    """Slurm lets what it has queued again wait for two minutes."""
    until(lambda: shown(sweep, element).startswith("PENDING"), f"{element} to wait again")
    slurm(sweep, "scontrol", "update", f"JobId={element}", "StartTime=now+2")
    until(lambda: attempt in begun(sweep, int(element.partition("_")[2])), f"attempt {attempt} of {element}")


def preempt(sweep: Sweep, element: str) -> None:
    """A job of a partition above wants the whole node."""
    node = shown(sweep, element, "%N")
    whole = ("--partition=gpu", "--exclusive", f"--nodelist={node}", "--output=/dev/null")
    slurm(sweep, "sbatch", *whole, "--wrap=true")


@pytest.fixture
def cancelling(real: Sweep) -> Iterator[Sweep]:
    """A partition that cancels what it preempts, and does not queue it again."""
    slurm(real, "scontrol", "update", "PartitionName=preempt", "PreemptMode=CANCEL")
    yield real
    slurm(real, "scontrol", "update", "PartitionName=preempt", "PreemptMode=REQUEUE")


def test_only_what_was_cut_short_runs_again(real: Sweep) -> None:
    """One saves when it is told of its limit, one does not listen and is killed, one ends with 75; one is left."""
    real.describe([1, 2, 3, 4], more="slurm: {time: 10}\nrequeue: true\n")
    real.script(EACH)
    real.herd("run")
    until(lambda: len(real.lines()) == 4, "all to start")
    job = real.submissions()[0]["slurm_job_id"]
    slurm(real, "scontrol", "update", f"JobId={job}_0", "EndTime=now+60")
    slurm(real, "scontrol", "update", f"JobId={job}_1", "EndTime=now+3")
    for number in range(3):
        start_again(real, f"{job}_{number}", 2)
    assert shown(real, f"{job}_3") == "RUNNING None"
    assert real.statuses() == dict.fromkeys(range(4), "running")
    real.go()
    until(lambda: set(real.statuses().values()) == {"completed"}, "all to complete")
    assert real.starts() == {"1": 2, "2": 2, "3": 2, "4": 1}
    assert [line.attempt for line in real.lines("told")] == [1]
    found = [trial["interruptions"] for trial in real.trials()]
    assert found == [{"timeout": 1}, {"timeout": 1}, {"exit75": 1}, {}]
    logs = [(real.root / f".hyperherd/logs/{number}.err").read_text() for number in range(4)]
    assert ["this is the time limit" in log for log in logs] == [False, True, False, False]
    assert {shown(real, f"{job}_{number}", "%T") for number in range(4)} == {"COMPLETED"}


def test_one_trial_survives_a_preemption_a_dead_node_and_a_signal_by_hand(real: Sweep) -> None:
    """And the other one of the array, on a node of its own, hears nothing of that."""
    again = "requeue: {max_timeouts: 1, signal: USR1}\n"
    real.describe([1, 2], more=f"slurm: {{time: 10, partition: preempt, exclusive: true}}\n{again}")
    real.script(SAVES)
    real.herd("run")
    until(lambda: len(real.lines()) == 2, "both to start")
    element = f"{real.submissions()[0]['slurm_job_id']}_0"
    preempt(real, element)
    start_again(real, element, 2)
    node = shown(real, element, "%N")
    slurm(real, "scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    start_again(real, element, 3)
    slurm(real, "scancel", "--signal=USR1", "--batch", element)
    start_again(real, element, 4)
    slurm(real, "scancel", "--signal=USR1", "--batch", element)
    until(lambda: real.statuses() == {0: "failed", 1: "running"}, "the last one to be the end")
    trial = real.trials()[0]
    assert trial["reason"] == "time limit, 1 of 1 used"
    assert trial["interruptions"] == {"preemption": 1, "node_fail": 1, "timeout": 2}
    assert shown(real, element, "%T") == "FAILED"
    real.go()
    until(lambda: real.statuses()[1] == "completed", "the other one to complete")
    assert (begun(real, 0), begun(real, 1)) == ([1, 2, 3, 4], [1])


def test_what_its_partition_cancels_to_make_room_goes_on_and_what_is_stopped_does_not(
    cancelling: Sweep,
) -> None:
    cancelling.describe([1, 2], more="slurm: {time: 10, partition: preempt}\nrequeue: true\n")
    cancelling.script('trap "exit 75" USR2\n' + GATE)
    cancelling.herd("run")
    until(lambda: len(cancelling.lines()) == 2, "both to start")
    element = f"{cancelling.submissions()[0]['slurm_job_id']}_0"
    cancelling.herd("stop", "1")
    preempt(cancelling, element)
    start_again(cancelling, element, 2)
    slurm(cancelling, "scancel", "--signal=USR2", "--batch", element)
    start_again(cancelling, element, 3)
    cancelling.go()
    until(lambda: cancelling.statuses() == {0: "completed", 1: "cancelled"}, "the first to complete")
    assert cancelling.starts() == {"1": 3, "2": 1}
    found = [trial["interruptions"] for trial in cancelling.trials()]
    assert found == [{"preemption": 1, "timeout": 1}, {}]
