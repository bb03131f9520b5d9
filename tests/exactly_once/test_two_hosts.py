"""Two login nodes with one disk: what was begun on the other one, of which nobody here can know whether it lives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm
from herding import Process

from .sweeps import GATE, OTHER_HOST, Sweep, kill

pytestmark = pytest.mark.skipif(
    subprocess.run(["unshare", "--uts", "hostname", OTHER_HOST], capture_output=True).returncode != 0,
    reason="only root can give a process another host name (unshare --uts)",
)
ONCE = {"1": 1, "2": 1}
LONG_AGO_S = 3600.0


@contextmanager
def stuck(fake: FakeSlurm, program: str, run: Process) -> Iterator[int]:
    """The pid of this program of Slurm, called by ``run`` and then stopped; outside it is let go."""
    called = len(fake.calls(program))
    fake.knobs(**{program: {"hang": True}})
    until(lambda: len(fake.calls(program)) > called or run.poll() is not None, f"{program} to be called")
    (call,) = fake.calls(program)[called:]
    kill(call["pid"], signal.SIGSTOP)
    fake.knobs(**{program: {"hang": False}})
    yield call["pid"]
    kill(call["pid"], signal.SIGCONT)


@contextmanager
def asleep(run: Process) -> Iterator[None]:
    """The process is stopped in here, as a suspended machine's are."""
    kill(run.pid, signal.SIGSTOP)
    yield
    kill(run.pid, signal.SIGCONT)


def begun_there(sweep: Sweep, fake: FakeSlurm, program: str) -> Process:
    """A run on the other host, made so that its call of ``program`` will hang."""
    fake.knobs(**{program: {"hang": True}})
    return sweep.start(host=OTHER_HOST)


def is_long_ago(sweep: Sweep) -> None:
    """All submissions were begun an hour ago."""
    records = sweep.submissions()
    sweep.rewrite([{**record, "submitted_at": record["submitted_at"] - LONG_AGO_S} for record in records])


def all_over(sweep: Sweep, fake: FakeSlurm, jobs: int) -> None:
    """Everything that was submitted (so many jobs) has ended, and nothing ran twice."""
    until(lambda: len({job["id"].partition("_")[0] for job in fake.jobs()}) == jobs, "the late submission")
    fake.wait_idle(DEADLINE_S)
    sweep.finish()
    assert sweep.starts() == ONCE


def test_a_young_intent_of_another_host_is_left_to_it(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    there = begun_there(fake, fake_slurm, "sbatch")
    with stuck(fake_slurm, "sbatch", there):
        there.kill()
        there.wait(DEADLINE_S)
        fake.herd("run")
        assert set(fake.statuses().values()) == {"submitted"}
        assert len(fake_slurm.calls("sbatch")) == 1
    all_over(fake, fake_slurm, jobs=1)


def test_an_old_intent_of_another_host_is_given_up_and_its_late_job_runs_nothing(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    there = begun_there(fake, fake_slurm, "sbatch")
    with stuck(fake_slurm, "sbatch", there):
        there.kill()
        there.wait(DEADLINE_S)
        is_long_ago(fake)
        fake.finish()
        assert fake.starts() == ONCE
    all_over(fake, fake_slurm, jobs=2)


def test_a_submitter_that_slept_until_it_was_given_up_finds_out(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    there = begun_there(fake, fake_slurm, "sbatch")
    with stuck(fake_slurm, "sbatch", there), asleep(there):
        is_long_ago(fake)
        fake.finish()
    assert there.wait(DEADLINE_S) == 1
    assert "gave it up" in fake.said()
    all_over(fake, fake_slurm, jobs=2)


def test_a_holder_of_the_lock_that_slept_past_its_lease_writes_nothing(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    there = begun_there(fake, fake_slurm, "scontrol")
    with stuck(fake_slurm, "scontrol", there), asleep(there):
        lock = fake.root / ".hyperherd" / "lock"
        os.utime(lock, (time.time() - LONG_AGO_S,) * 2)
        fake.finish()
        before = fake.content()
    assert there.wait(DEADLINE_S) == 1
    assert "the lock was taken over" in fake.said()
    assert fake.content() == before
    all_over(fake, fake_slurm, jobs=1)


def test_a_run_waits_for_another_hosts_lock_that_is_young(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    there = begun_there(fake, fake_slurm, "scontrol")
    with stuck(fake_slurm, "scontrol", there):
        waiting = fake.start()
        assert waiting.poll() is None
        assert fake_slurm.calls("sbatch") == []
    assert there.wait(DEADLINE_S) == waiting.wait(DEADLINE_S) == 0
    all_over(fake, fake_slurm, jobs=1)


def test_a_local_run_of_another_host_is_neither_judged_nor_repeated(here: Sweep) -> None:
    here.script("until [[ -e go ]]; do sleep 0.05; done")
    here.on(OTHER_HOST)
    until(lambda: here.lines(), "the trials")
    here.herd("run", "--detach")
    assert set(here.statuses().values()) <= {"submitted", "running"}
    here.go()
    until(lambda: len(here.lines("end")) == 2, "the trials' end")
    here.finish()
    assert here.starts() == ONCE


def test_a_trial_of_a_host_that_is_gone_ends_by_the_users_word_which_is_recorded(here: Sweep) -> None:
    here.script(GATE)
    here.on(OTHER_HOST)
    until(lambda: len(here.lines()) == 2, "the trials")
    shown = here.herd("status").stdout
    assert re.search(rf"not seen since \d\d:\d\d: it runs on {OTHER_HOST}", shown), shown
    assert "herd run --lost -i 0-1" in here.herd("status").stderr
    for pid in here.living():
        kill(pid)
    here.herd("run", "--lost", "--detach")
    assert here.starts() == ONCE
    here.go()
    here.herd("run", "--lost", "-i", "0")
    assert here.starts() == {"1": 2, "2": 1}
    assert "given up" in here.herd("show", "0").stdout


def test_a_run_in_another_container_with_our_host_name_is_neither_judged_nor_repeated(here: Sweep) -> None:
    here.script(GATE)
    here.herd("run", "--detach")
    until(lambda: len(here.lines()) == 2, "the trials")
    container = ["unshare", "--pid", "--fork", "--mount-proc"]
    for command in (("status",), ("run", "--detach")):
        told = subprocess.run(
            [*container, *here.argv(*command)], env=here.env, capture_output=True, text=True
        )
        assert (told.returncode, "running" in told.stdout + told.stderr) == (0, True), told
    here.go()
    until(lambda: len(here.lines("end")) == 2, "the trials' end")
    here.finish()
    assert here.starts() == ONCE
