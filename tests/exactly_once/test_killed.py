"""``herd run``, and on this machine its supervisor, killed (SIGKILL) at random instants.

Each round adds values to the YAML, so that there is always something to submit, and the next run has to make sense of
what the killed one has left. HYPERHERD_STRESS multiplies the kills.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import herding
import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm
from repetition import seeds

from .sweeps import GATE, Sweep, kill

STRESS = int(os.environ.get("HYPERHERD_STRESS", "1"))
ON_FAKE, ON_REAL, HERE, SUPERVISORS = 25 * STRESS, 10 * STRESS, 25 * STRESS, 6 * STRESS


@dataclass(frozen=True)
class Killer:
    """Kills a run when one of ``values`` has changed and a random time has gone by after that."""

    sweep: Sweep
    chance: random.Random
    values: tuple[Callable[[], object], ...]

    def kill_one(self, values: range) -> bool:
        """Whether the run was killed before its end."""
        self.sweep.describe(values)
        value = self.chance.choice(self.values)
        before = value()
        process = self.sweep.start()
        try:
            until(lambda: value() != before or process.poll() is not None, "the run to get somewhere")
            self._pass_by(process, self.chance.choice([0.0, 0.02, 0.2, 1.0]) * self.chance.random())
        finally:
            process.kill()
        return process.wait(DEADLINE_S) < 0

    def _pass_by(self, process: herding.Process, time_s: float) -> None:
        deadline = time.monotonic() + time_s
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.001)


def kill_again_and_again(killer: Killer, times: int) -> int:
    """Each run has two more values; after every fifth kill, a run of one more is left to live. How many values."""
    killed = values = 0
    while killed < times:
        values += 2
        killed += killer.kill_one(range(values))
        if killed % 5 == 0:
            values += 1
            killer.sweep.describe(range(values))
            killer.sweep.herd("run", "--detach")
    return values


def each_has_run_once(sweep: Sweep, values: int) -> None:
    sweep.finish()
    until(lambda: not sweep.living(), "late submissions")
    assert sweep.starts() == {str(value): 1 for value in range(values)}
    assert len({line.trial for line in sweep.lines("end")}) == values


def moments(sweep: Sweep) -> tuple[Callable[[], object], ...]:
    """Change at once, with the lock, with the intents and the job id, and with the register."""
    state = sweep.root / ".hyperherd"
    return (
        time.monotonic,
        (state / "lock").exists,
        lambda: _changed_at(state / "job_ids.json"),
        lambda: _changed_at(state / "submissions"),
    )


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.parametrize("seed", seeds(8, usual=2))
def test_runs_killed_while_a_slow_sbatch_is_at_it_start_each_trial_once(
    fake: Sweep, fake_slurm: FakeSlurm, seed: int
) -> None:
    fake_slurm.knobs(sbatch={"delay_s": [0, 3], "delay_when": "either"})
    submissions = [lambda: len(fake_slurm.calls("sbatch"))] * 4
    killer = Killer(fake, random.Random(seed), (*moments(fake), *submissions))
    values = kill_again_and_again(killer, ON_FAKE)
    each_has_run_once(fake, values)


@pytest.mark.parametrize("seed", seeds(2))
def test_runs_killed_on_a_real_slurm_start_each_trial_once(real: Sweep, seed: int) -> None:
    values = kill_again_and_again(Killer(real, random.Random(seed), moments(real)), ON_REAL)
    each_has_run_once(real, values)


@pytest.mark.parametrize("seed", seeds(2))
def test_runs_killed_on_this_machine_start_each_trial_once(here: Sweep, seed: int) -> None:
    values = kill_again_and_again(Killer(here, random.Random(seed), moments(here)), HERE)
    each_has_run_once(here, values)


def supervisors(sweep: Sweep) -> set[int]:
    """Process ids of those that have begun: the registers end in pid and start time."""
    registers = (sweep.root / ".hyperherd").glob("g-*/submissions/*.state")
    words = [register.read_text().strip().rsplit(":", 2) for register in registers]
    return {int(parts[1]) for parts in words if len(parts) == 3}


@pytest.mark.parametrize("seed", seeds(2))
def test_killed_supervisors_leave_trials_that_go_on_and_others_that_start_once(
    here: Sweep, seed: int
) -> None:
    chance, dead, values = random.Random(seed), set[int](), 0
    here.script("read -r -t 0.2 _ <> <(:)")
    while len(dead) < SUPERVISORS:
        values += 4
        here.describe(range(values))
        here.herd("run", "--detach", "-j", "4")
        until(lambda: supervisors(here) - dead, "a supervisor")
        time.sleep(chance.choice([0.0, 0.05, 0.5]) * chance.random())
        for pid in supervisors(here) - dead:
            kill(pid)
            dead.add(pid)
    each_has_run_once(here, values)


def test_a_trial_whose_supervisor_was_killed_is_running_until_it_ends(here: Sweep) -> None:
    here.script(GATE)
    here.herd("run", "--detach", "-j", "2")
    until(lambda: len(here.lines()) == 2, "both trials")
    (pid,) = supervisors(here)
    assert kill(pid)
    assert here.statuses() == {0: "running", 1: "running"}
    assert json.loads(here.herd("run", "--json").stdout)["submitted_indices"] == []
    here.go()
    here.until_statuses("completed")
    assert here.starts() == {"1": 1, "2": 1}
