"""``herd test --on slurm``: one trial as a job of its own, whose log is shown and of which nothing stays."""

from __future__ import annotations

import os
import signal
import subprocess

import herding
from eventually import until

from .conftest import on_slurm
from .herd import Herd

pytestmark = on_slurm
LOGS = (
    'echo "out: $1 $SLURM_JOB_ID"; echo "err" >&2\nmkdir -p "$HYPERHERD_RESULTS/final"\n'
    'echo \'{"name": "accuracy", "value": 0.5, "ts": 1}\' >"$HYPERHERD_RESULTS/final/here-1.jsonl"\n'
)


def test_a_trial_runs_as_a_job_its_log_is_shown_and_nothing_stays(herd: Herd) -> None:
    herd.describe([5, 6])
    herd.launch(LOGS)
    done = herd("test", "1", "--on", "slurm")
    assert "out: experiment_name=x-6 x=6 " in done.stdout and "err\n" in done.stdout
    assert "submitted as job" in done.stderr
    assert "trial 1: exit 0; logged accuracy=0.5" in done.stderr
    assert not (herd.root / ".hyperherd").exists()
    herd("run", "--wait")
    assert herd.statuses() == {0: "completed", 1: "completed"}


def test_a_job_that_fails_ends_with_1_and_says_how(herd: Herd) -> None:
    herd.describe([5])
    herd.launch("echo broken >&2; exit 7")
    done = herd("test", "--on", "slurm", code=1)
    assert "broken" in done.stdout and "trial 0: exit 7" in done.stderr and "failed (exit 7)" in done.stderr


def test_ctrl_c_cancels_the_job(herd: Herd) -> None:
    herd.describe([5])
    herd.launch('echo "$HYPERHERD_TRIAL_ID" >>began; exec sleep 600')
    argv = [*herding.HERD, "test", "--on", "slurm"]
    process = subprocess.Popen(
        argv, cwd=herd.root, env={**herd.env, "PWD": os.fspath(herd.root)}, stderr=subprocess.PIPE, text=True
    )
    until(lambda: (herd.root / "began").exists() or process.poll() is not None, "its start", deadline_s=60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "stopping what was started" in told
    assert not (herd.root / ".hyperherd").exists()
