"""`herd multirun` killed before each of its changes to the world, and many at once: each combination runs once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .home import Home

KILLING = Path(__file__).parents[1] / "exactly_once/killing"
MOST = 200


def killed_at_each(home: Home, script: Callable[[int], str], step: int) -> dict[int, str]:
    """A script of its own for every ``step``-th change that `herd multirun` of two combinations makes, killed right
    before it: the change's number -> the script's name.
    """
    path = f"{KILLING}{os.pathsep}{home.env['PYTHONPATH']}"
    names = {}
    for number in count(1, step):
        assert number < MOST, "a run that changes so much, or that is not killed"
        names[number] = f"job{number}.sh"
        home.script(script(number), names[number])
        victim = replace(home, env={**home.env, "PYTHONPATH": path, "KILLED_BEFORE": str(number)})
        argv = [
            sys.executable,
            "-m",
            "hyperherd",
            "multirun",
            names[number],
            "--on",
            home.place,
            "--detach",
            "lr=1,2",
        ]
        code = subprocess.run(
            argv, cwd=home.folder, env=victim.env, timeout=DEADLINE_S, stdout=subprocess.DEVNULL
        ).returncode
        assert code in (-9, 0)
        if code == 0:
            assert number > 10
            return names
    raise AssertionError


@pytest.mark.parametrize("step", [7, pytest.param(3, marks=pytest.mark.thorough)])
def test_killed_on_this_machine_the_next_call_starts_what_has_not_started(here: Home, step: int) -> None:
    names = killed_at_each(here, lambda number: f"#!/bin/bash\napp of{number}\n", step)
    for name in names.values():
        here.begin("lr=1,2", script=name)
    wanted = sorted([f"of{number}", f"lr={lr}"] for number in names for lr in (1, 2))
    until(lambda: len(here.runs()) >= len(wanted), "all trials")
    until(lambda: not here.living(), "supervisors")
    assert here.given() == wanted


@pytest.mark.parametrize("step", [7, pytest.param(2, marks=pytest.mark.thorough)])
def test_killed_on_slurm_the_next_call_starts_the_tasks_that_have_not_started(
    fake: Home, fake_slurm: FakeSlurm, step: int
) -> None:
    text = "#!/bin/bash\n#SBATCH --array=1-2\napp of{} $SLURM_ARRAY_TASK_ID\n"
    names = killed_at_each(fake, text.format, step)
    for name in names.values():
        fake.begin("lr=1,2", script=name)
    fake_slurm.wait_idle(DEADLINE_S)
    assert fake.given() == sorted(
        [f"of{n}", task, f"lr={lr}"] for n in names for task in "12" for lr in (1, 2)
    )


def test_several_at_once_run_each_combination_once(home: Home) -> None:
    home.script("#!/bin/bash\n#SBATCH --time=5\napp\n")
    sweeps = [["lr=1,2"], ["lr=2,3"], ["lr=3,1"]]
    argv = [sys.executable, "-m", "hyperherd", "multirun", "job.sh", "--on", home.place, "--detach"]
    said = home.folder.with_name("said")
    with said.open("a") as file:
        running = [
            subprocess.Popen([*argv, *sweep], cwd=home.folder, env=home.env, stderr=file) for sweep in sweeps
        ]
    try:
        assert [process.wait(DEADLINE_S) for process in running] == [0, 0, 0], said.read_text()
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert home.until_ended() == ["completed"] * 3
    assert home.given() == [["lr=1"], ["lr=2"], ["lr=3"]]


def test_random_seeds_of_two_calls_at_once_are_not_mixed_up(here: Home) -> None:
    here.script("#!/bin/bash\napp\n")
    argv = [sys.executable, "-m", "hyperherd", "multirun", "job.sh", "--on", "local", "seed=__randseed(3)__"]
    running = [subprocess.Popen(argv, cwd=here.folder, env=here.env, stderr=subprocess.DEVNULL) for _ in "ab"]
    try:
        assert [process.wait(DEADLINE_S) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
            process.wait()
    here.until_ended()
    assert len({tuple(words) for words in here.given()}) == len(here.given()) == 3
