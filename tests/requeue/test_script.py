"""The generated script with `requeue`, run by a real bash beside a scontrol that says what it is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hyperherd import claims
from hyperherd.jobs import Batch, Element, Files, Requeue
from hyperherd.launchers.script import script

SCONTROL = """#!/bin/bash
echo "$*" >>"$FOLDER/asked"
[[ $1 == requeue ]] && { cat "$FOLDER/refusal" >&2 2>/dev/null && exit 1; exit 0; }
echo "JobId=7 JobState=COMPLETING Reason=$(cat "$FOLDER/reason") Dependency=(null)"
"""

HANDLES = """
import os, signal, sys, time
def told(*_):
    open("told", "a").write(f"{os.getpid()}\\n")
signal.signal(signal.SIGUSR2, told)
open(sys.argv[1], "w").write("")
while not os.path.exists("go"): time.sleep(0.02)
time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
sys.exit(int(sys.argv[2]))
"""


class Trial:
    """Trial 3 of a folder of its own; ``run`` starts its script as element 7_3 of an array."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("attempts", "logs", "bin"):
            (folder / name).mkdir()
        (folder / "bin/scontrol").write_text(SCONTROL)
        (folder / "bin/scontrol").chmod(0o755)
        (folder / "trainer.py").write_text(HANDLES)
        (folder / "reason").write_text("None")
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, text: str) -> None:
        (self.folder / "launch.sh").write_text(text)

    def text(self, requeue: Requeue) -> str:
        folder = self.folder
        files = Files(
            folder / "s", folder / "register", folder / "attempts", folder / "logs", folder / ".env"
        )
        element = Element(3, 1, "x=1", ())
        batch = Batch("t", "name", folder, folder / "launch.sh", files, (element,), requeue=requeue)
        return script(batch, job='"$SLURM_ARRAY_JOB_ID"')

    def start(self, requeue: Requeue = Requeue(), *, restarts: int = 0) -> subprocess.Popen[bytes]:  # noqa: B008
        env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        scontrol = f"{self.folder}/bin"
        env |= {
            "FOLDER": str(self.folder),
            "PATH": f"{scontrol}:{env['PATH']}" if self.has("bin/scontrol") else "",
        }
        env |= {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_JOB_ID": "7"}
        env |= {"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}
        with (self.folder / "said").open("ab") as said:
            argv = [shutil.which("bash") or "bash", "-c", self.text(requeue)]
            self.process = subprocess.Popen(argv, env=env, stderr=said, start_new_session=True)
        return self.process

    def run(self, requeue: Requeue = Requeue(), *, restarts: int = 0) -> int:  # noqa: B008
        return self.start(requeue, restarts=restarts).wait(60)

    def warn(self) -> None:
        """As Slurm does: to the shell alone."""
        assert self.process
        self.process.send_signal(signal.SIGUSR2)

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline, (self.names(), self.said())
            time.sleep(0.01)

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def told(self) -> list[str]:
        return (self.folder / "told").read_text().split() if self.has("told") else []

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines() if self.has("asked") else []

    def requeued(self) -> int:
        return self.asked().count("requeue 7_3")

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder / "attempts"))

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def begun(self, attempt: int, *names: str) -> None:
        """An attempt of before, of this job, that left these notes and marks."""
        for name in (f"3.{attempt}", *(f"3.{attempt}.{word}" for word in names)):
            (self.folder / "attempts" / name).write_text("t 7 n1 - 1 - -\n")


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    one = Trial(tmp_path)
    yield one
    (tmp_path / "go").touch()
    if one.process and one.process.poll() is None:
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(60)


def trainer(ready: str, code: int, linger_s: float = 0) -> str:
    return f'"{sys.executable}" trainer.py {ready} {code} {linger_s}'


def test_75_is_noted_and_then_this_element_alone_is_queued_again(trial: Trial) -> None:
    trial.launch("exit 75\n")
    assert trial.run() == 75
    assert trial.names() == ["3.1", "3.1.75", "3.1.EXIT75"]
    assert trial.asked() == ["requeue 7_3"]


@pytest.mark.parametrize("code", [0, 1, 74, 76, 137])
def test_any_other_exit_is_an_end(trial: Trial, code: int) -> None:
    trial.launch(f"exit {code}\n")
    assert trial.run() == code
    assert (trial.names(), trial.asked()) == (["3.1", f"3.1.{code}"], [])


def test_the_signal_reaches_the_program_once_and_not_the_launch_script_around_it(trial: Trial) -> None:
    trial.launch(f"set -e\n{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    trial.warn()
    assert trial.requeued() == 0  # it is waited for
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert len(trial.told()) == 1
    assert trial.names() == ["3.1", "3.1.75", "3.1.TIMEOUT"]
    assert trial.requeued() == 1


def test_a_launch_script_that_cleans_up_at_its_end_does_so_after_the_program(trial: Trial) -> None:
    """bash has a handler for every signal where there is a trap on EXIT, and would end."""
    trial.launch(f"trap '[[ -e go ]] && : >cleaned' EXIT\n{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    assert process.poll() is None
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert trial.has("cleaned")
    assert trial.requeued() == 1


def test_a_launch_script_that_cleans_up_and_saves_by_itself_is_told(trial: Trial) -> None:
    trial.launch("trap ': >cleaned' EXIT\ntrap 'exit 75' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    assert process.wait(60) == 75
    assert (trial.has("cleaned"), trial.requeued()) == (True, 1)


def test_every_rank_is_told_also_one_in_a_session_of_its_own(trial: Trial) -> None:
    trial.launch(
        f"{trainer('r0', 75)} & setsid {trainer('r1', 0)} & bash -c '{trainer('r2', 0)}; true' &\nwait -n\nexit 75\n"
    )
    process = trial.start()
    trial.until(lambda: all(trial.has(f"r{rank}") for rank in range(3)))
    trial.warn()
    trial.until(lambda: len(trial.told()) == 3)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert len(set(trial.told())) == 3


def test_ranks_that_a_launch_script_left_behind_are_waited_for(trial: Trial) -> None:
    trial.launch(f"trap 'exit 75' USR2\n{trainer('ready', 0, 0.5)} & wait\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    assert (trial.requeued(), process.poll()) == (0, None)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert trial.requeued() == 1


def test_what_succeeds_after_the_signal_has_succeeded(trial: Trial) -> None:
    trial.launch(f"{trainer('ready', 0)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    (trial.folder / "go").touch()
    assert (process.wait(60), trial.asked()) == (0, [])


@pytest.mark.parametrize("signalled", ["TERM", "INT", "USR1"])
def test_the_trial_gets_the_signal_that_the_sweep_names(trial: Trial, signalled: str) -> None:
    """But for USR1 Slurm sends the script USR2: TERM and INT mean something else to it."""
    trial.launch(f"trap 'exit 75' {signalled}\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start(Requeue(signal=signalled))
    trial.until(lambda: trial.has("ready"))
    process.send_signal(signal.SIGUSR1 if signalled == "USR1" else signal.SIGUSR2)
    assert process.wait(60) == 75
    assert (trial.names(), trial.requeued()) == (["3.1", "3.1.75", "3.1.TIMEOUT"], 1)


def test_what_does_not_listen_is_queued_again_at_the_limit_before_it_is_killed(trial: Trial) -> None:
    trial.launch("trap '' TERM USR2\n: >ready\nuntil [[ -e go ]]; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    (trial.folder / "reason").write_text("TimeLimit")
    trial.warn()
    process.send_signal(signal.SIGTERM)
    trial.until(trial.requeued)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert "3.1.TIMEOUT" in trial.names()
    assert "nothing here handles USR2" in (trial.folder / "logs/3.err").read_text()


def test_a_cancel_after_the_signal_is_no_time_limit(trial: Trial) -> None:
    trial.launch("trap '' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(lambda: "3.1.TIMEOUT" in trial.names())
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    assert trial.requeued() == 0
    assert "3.1.143.TERM" in trial.names()


@pytest.mark.parametrize("missing", [False, True])
def test_where_it_cannot_be_queued_again_the_reason_is_kept(trial: Trial, missing: bool) -> None:
    trial.launch("exit 75\n")
    (trial.folder / "refusal").write_text("Requested operation is presently disabled for job 7_3\n")
    if missing:
        (trial.folder / "bin/scontrol").unlink()
    assert trial.run() == 75
    assert trial.names() == ["3.1", "3.1.75", "3.1.EXIT75", "3.1.REFUSED"]
    words = (trial.folder / "attempts/3.1.REFUSED").read_text()
    assert ("scontrol: " if missing else "presently disabled") in words
    assert "cannot queue trial 3 again" in trial.said()


@pytest.mark.parametrize("before, most, again", [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 3, 1), (3, 3, 0)])
def test_time_limits_are_counted_over_the_attempts_of_this_job(
    trial: Trial, before: int, most: int, again: int
) -> None:
    for attempt in range(1, before + 1):
        trial.begun(attempt, "75", "TIMEOUT")
    trial.launch("trap 'exit 75' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start(Requeue(max_timeouts=most), restarts=before)
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    assert process.wait(60) == 75
    assert trial.requeued() == again


def test_a_node_that_slurm_takes_for_dead_is_a_node_failure(trial: Trial) -> None:
    """It told the job to end, and said why in its own log (both lines are Slurm 22.05's)."""
    log = trial.folder / "logs/slurm/7_3.log"
    log.parent.mkdir()
    line = "slurmstepd-n2: error: *** JOB 12 ON n2 CANCELLED AT 2026-11-21T14:47:08 DUE TO {} ***\n"
    log.write_text(line.format("PREEMPTION") + line.format("NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS"))
    trial.begun(1, "TOLD")
    trial.launch("exit 0\n")
    assert trial.run(restarts=1) == 0
    assert "3.1.NODE_FAIL" in trial.names()


LEFT = {
    "a node that failed": ([], "NODE_FAIL"),
    "preempted, and killed before it could note its end": (["TOLD"], "PREEMPTION"),
    "preempted": (["TOLD", "143.TERM"], "PREEMPTION"),
    "queued again by this script": (["75", "EXIT75"], ""),
    "failed, and queued again by hand": (["1"], ""),
}


@pytest.mark.parametrize("left", LEFT)
def test_an_attempt_that_was_queued_again_tells_what_ended_the_one_before(trial: Trial, left: str) -> None:
    words, cause = LEFT[left]
    trial.begun(1, *words)
    trial.launch("exit 0\n")
    assert trial.run(restarts=1) == 0
    assert {"3.2", "3.2.0"} <= set(trial.names())
    found = [mark for mark in map(claims.read_mark, trial.names()) if mark and mark[2] not in words]
    assert found == ([(3, 1, cause)] if cause else [])


@pytest.mark.parametrize("requeue", [Requeue(after=("timeout", "preemption")), Requeue(max_restarts=0)])
def test_after_a_cause_that_the_sweep_does_not_take_nothing_is_run(trial: Trial, requeue: Requeue) -> None:
    trial.begun(1)
    trial.launch(": >ran\n")
    assert trial.run(requeue, restarts=1) == 3
    assert trial.names() == ["3.1", "3.1.NODE_FAIL"]
    assert not trial.has("ran")
    assert "cut short by NODE_FAIL" in trial.said()


def test_another_submissions_attempt_is_not_judged(trial: Trial) -> None:
    (trial.folder / "attempts/3.1").write_text("other 9 n1 - 1 - -\n")
    trial.launch(": >ran\n")
    assert trial.run(restarts=1) == 3
    assert trial.names() == ["3.1"]
    assert not trial.has("ran")
