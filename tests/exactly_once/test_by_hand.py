"""The generated script, submitted by a user's own hand."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .sweeps import GATE, Sweep

ONCE = {"1": 1, "2": 1}


def by_hand(sweep: Sweep, script: str = ".hyperherd/job.sbatch", *, program: Sequence[str] = ()) -> str:
    """What sbatch (or another program) answers in the workspace."""
    argv = [*(program or ("sbatch", "--parsable", "--wait", "--output=/dev/null")), script]
    done = subprocess.run(
        argv, cwd=sweep.root, env=sweep.env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    return done.stdout.strip()


def test_it_runs_nothing_while_the_trials_wait_or_run(cluster: Sweep) -> None:
    cluster.script(GATE)
    cluster.herd("run")
    assert by_hand(cluster)
    cluster.go()
    cluster.finish()
    assert cluster.starts() == ONCE


def test_it_runs_nothing_after_they_have_completed(cluster: Sweep) -> None:
    cluster.herd("run")
    cluster.until_statuses("completed")
    assert by_hand(cluster)
    cluster.finish()
    assert cluster.starts() == ONCE


def test_it_runs_nothing_after_they_have_failed_and_herd_still_runs_them_again(cluster: Sweep) -> None:
    cluster.script('[[ -e "$HYPERHERD_WORKSPACE/go" ]] || exit 1')
    cluster.herd("run")
    cluster.until_statuses("failed")
    cluster.go()
    by_hand(cluster)
    assert cluster.starts() == ONCE
    cluster.finish()
    assert cluster.starts() == {"1": 2, "2": 2}


def test_bash_alone_runs_nothing(fake: Sweep) -> None:
    fake.herd("run")
    fake.until_statuses("completed")
    by_hand(fake, program=("bash",))
    assert fake.starts() == ONCE


@pytest.mark.parametrize("fate", ["lives", "is killed"])
def test_a_job_that_came_before_herds_own_is_taken_for_it(
    fake: Sweep, fake_slurm: FakeSlurm, fate: str
) -> None:
    fake.script(GATE)
    fake_slurm.knobs(sbatch={"delay_s": [5, 5], "delay_when": "before"})
    run = fake.start()
    until(lambda: fake_slurm.calls("sbatch") or run.poll() is not None, "herd's own sbatch")
    fake_slurm.knobs(sbatch={"delay_s": [0, 0]})
    (script,) = (fake.root / ".hyperherd/jobs").glob("*.sbatch")
    by_hand(fake, str(script), program=("sbatch", "--parsable", "--output=/dev/null"))
    until(lambda: len(fake.lines()) == 2, "the trials")
    if fate == "is killed":
        run.kill()
    run.wait(DEADLINE_S)
    fake.herd("run")
    assert fake.statuses() == {0: "running", 1: "running"}
    fake.go()
    fake.finish()
    fake_slurm.wait_idle(DEADLINE_S)
    assert fake.starts() == ONCE
