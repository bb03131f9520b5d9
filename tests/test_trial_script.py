"""What a scheduler does to cancel: every process of a trial, the script's bash included, gets SIGTERM at once."""

from __future__ import annotations

import os
import random
import re
import secrets
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import attempt_files
import pytest
from eventually import until

from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Batch, Element, Files, Inline
from hyperherd.launchers.node.script import script
from hyperherd.launchers.shipped import native
from hyperherd.launchers.slurm.job_options import DIALECT

DIES_OF_IT = ("sleep 30\n", 143)
SAVES_FIRST = (
    'trap "sleep 0.1; exit 7" TERM\n: > "$HYPERHERD_READY"\nfor i in {1..600}; do sleep 0.05; done\nexit 9\n',
    7,
)


def _batch(folder: Path, launch: str, forwarded: str) -> Batch:
    (folder / "logs").mkdir(parents=True)
    (folder / "launch.sh").write_text(launch)
    files = Files(
        folder / "script",
        folder / "register",
        attempt_files.made(folder / "attempts"),
        folder / "logs",
        folder / ".env",
    )
    element = Element(0, Unit(0), 1, "x=1", (("HYPERHERD_READY", str(folder / "ready")),))
    asked = native().request({"signal": forwarded} if forwarded else {})
    return Batch(
        f"t-{secrets.token_hex(4)}", "name", folder, folder / "launch.sh", files, (element,), request=asked
    )


LISTENS = "trap 'sleep 0.3; echo saved >>order; exit' TERM"
"""Of a trainer that takes a while to save."""
IS_DEAF = "trap '' TERM; trap 'echo never >>order' EXIT"


@pytest.mark.parametrize("leaves, order", [(LISTENS, "saved\nbegins\n"), (IS_DEAF, "begins\n")])
def test_what_an_earlier_attempt_has_left_running_is_ended_before_the_trial_begins(
    tmp_path: Path, leaves: str, order: str
) -> None:
    """Where Slurm does not track processes by cgroups, a trainer outlives a job script that was killed."""
    batch = _batch(tmp_path, "echo begins >>order\n", "")
    batch = replace(batch, elements=(replace(batch.elements[0], attempt=2),))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    batch.files.attempts.claim(Unit(0), 1).write_text(f"before 5 n1 {boot} 1 1 1\n")
    marked = {"HYPERHERD_ATTEMPT_MARK": "before/0.1", "HYPERHERD_ATTEMPT_JOB": "5"}

    def left(job: str, does: str, ready: str) -> subprocess.Popen[bytes]:
        argv = ["bash", "-c", f"{does}; : >{ready}; while :; do sleep 0.05; done"]
        return subprocess.Popen(argv, cwd=tmp_path, env={**os.environ, **marked, "SLURM_JOB_ID": job})

    text = script(batch, DIALECT).replace("herd_grace_s=30", "herd_grace_s=2")
    slurms = {"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "0"}
    with left("5", leaves, "one") as trainer, left("6", ":", "other") as job_of_its_own:
        try:
            _until(tmp_path / "one")
            _until(tmp_path / "other")
            done = subprocess.run(
                ["bash", "-c", text], cwd=tmp_path, env={**os.environ, **slurms}, timeout=60
            )
            assert (trainer.poll() is None, job_of_its_own.poll()) == (False, None)
        finally:
            trainer.kill()
            job_of_its_own.kill()
    assert done.returncode == 0 and (tmp_path / "order").read_text() == order
    said = (tmp_path / "logs/0.err").read_text()
    assert re.search(rf"an earlier attempt still runs on this node \(process .*\b{trainer.pid}\b", said)


def _until(path: Path) -> None:
    until(path.exists, str(path), 30, pause_s=0.005)


@pytest.mark.parametrize(
    "forwarded", ["", "B:USR1@60"], ids=["in the foreground", "with a signal to pass on"]
)
@pytest.mark.parametrize("launch, code", [DIES_OF_IT, SAVES_FIRST], ids=["dies of it", "saves first"])
def test_the_note_tells_the_trials_own_exit_code_after_a_sigterm_to_all(
    tmp_path: Path, launch: str, code: int, forwarded: str
) -> None:
    """bash 5.2 loses the code of a background program (it says -1) when the signal to itself comes at the same time."""
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        text = script(_batch(folder, launch, forwarded), DIALECT.as_job("job"))
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "0"}
        with subprocess.Popen(["bash", "-c", text], env=environment, start_new_session=True) as process:
            _until(folder / "ready" if code == 7 else folder / "logs" / "0.err")
            time.sleep(random.uniform(0, 0.02))
            os.killpg(process.pid, signal.SIGTERM)
        assert attempt_files.names(folder / "attempts") == ["0.1", f"0.1.failed.{code}.TERM"]
        assert process.returncode == code


BUSY = """\
#!/bin/bash
# Slurm's scontrol, which answers when it is asked for the third time.
echo "$*" >>"$ASKED"
case $(wc -l <"$ASKED") in
  1) kill -TERM $$ ;;
  2) echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1 ;;
esac
echo "JobId=7 ArrayJobId=7 ArrayTaskId=0 JobName=job.sh JobState=COMPLETING Requeue=1 Restarts=$RESTARTS BatchFlag=1"
"""


@pytest.mark.parametrize(("restarts", "note"), [("1", "0.1.requeued.75"), ("0", "0.1.completed.0")])
def test_a_script_that_may_queue_itself_again_has_not_succeeded_before_slurm_says_so(
    tmp_path: Path, restarts: str, note: str
) -> None:
    """Slurm tells all of a job that is queued again to end, the scontrol that asks for it too."""
    inline = Inline(("bash",), ("exit 0\n",), tmp_path / "job.sh", requeues=True)
    batch = replace(_batch(tmp_path, "", ""), inline=inline)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/scontrol").write_text(BUSY)
    (tmp_path / "bin/scontrol").chmod(0o700)
    variables = {"HYPERHERD_TRIAL_ID": "0"}
    slurms = {"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "0"}
    told = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "ASKED": str(tmp_path / "asked")}
    env = {**os.environ, **variables, **slurms, **told, "RESTARTS": restarts}
    subprocess.run(["bash", "-c", script(batch, DIALECT)], cwd=tmp_path, env=env, timeout=60)
    assert attempt_files.names(tmp_path / "attempts") == ["0.1", note]
    assert (tmp_path / "asked").read_text() == "--oneliner show job 7_0\n" * 3
