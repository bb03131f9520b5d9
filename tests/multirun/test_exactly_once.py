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
from exactly_once.sweeps import DEADLINE_S, until

from .home import Home

KILLING = Path(__file__).parents[1] / "exactly_once/killing"
MOST = 200


@pytest.fixture(params=["here", "fake"])
def quick(request: pytest.FixtureRequest) -> Home:
    """Where no other job is in the way."""
    fixture: Home = request.getfixturevalue(request.param)
    return fixture


def killed_at_each(home: Home, script: Callable[[int], str], sweep: list[str]) -> list[str]:
    """A script of its own for each change that `herd multirun` makes, killed right before it; their names."""
    path = f"{KILLING}{os.pathsep}{home.env['PYTHONPATH']}"
    names = []
    for number in count(1):
        assert number < MOST, "a run that changes so much, or that is not killed"
        names.append(f"job{number}.sh")
        home.script(script(number), names[-1])
        victim = replace(home, env={**home.env, "PYTHONPATH": path, "KILLED_BEFORE": str(number)})
        argv = [
            sys.executable,
            "-m",
            "hyperherd",
            "multirun",
            names[-1],
            "--on",
            home.place,
            "--detach",
            *sweep,
        ]
        code = subprocess.run(
            argv, cwd=home.folder, env=victim.env, timeout=DEADLINE_S, stdout=subprocess.DEVNULL
        ).returncode
        assert code in (-9, 0)
        if code == 0:
            assert number > 10
            return names
    raise AssertionError


def test_killed_at_any_change_the_next_call_starts_what_has_not_started(quick: Home) -> None:
    names = killed_at_each(quick, lambda number: f"#!/bin/bash\napp of{number}\n", ["lr=1,2"])
    for name in names:
        quick.begin("lr=1,2", script=name)
    wanted = sorted([f"of{number}", f"lr={lr}"] for number in range(1, len(names) + 1) for lr in (1, 2))
    until(lambda: len(quick.runs()) >= len(wanted), "all trials")
    assert [quick.until_ended(name) for name in names] == [["completed"] * 2] * len(names)
    assert quick.given() == wanted


def test_a_script_with_an_array_killed_at_any_change_runs_each_task_once(fake: Home) -> None:
    text = "#!/bin/bash\n#SBATCH --array=1-2\napp of{} $SLURM_ARRAY_TASK_ID\n"
    names = killed_at_each(fake, text.format, ["lr=1"])
    for name in names:
        fake.begin("lr=1", script=name)
    wanted = sorted([f"of{n}", task, "lr=1"] for n in range(1, len(names) + 1) for task in "12")
    until(lambda: len(fake.runs()) >= len(wanted), "all tasks")
    assert [fake.until_ended(name) for name in names] == [["completed"]] * len(names)
    assert fake.given() == wanted


def test_several_at_once_run_each_combination_once(home: Home) -> None:
    home.script("#!/bin/bash\n#SBATCH --time=5\napp\n")
    sweeps = [["lr=1,2"], ["lr=2,3"], ["lr=3,1"]]
    argv = [sys.executable, "-m", "hyperherd", "multirun", "job.sh", "--on", home.place, "--detach"]
    running = [
        subprocess.Popen([*argv, *sweep], cwd=home.folder, env=home.env, stderr=subprocess.DEVNULL)
        for sweep in sweeps
    ]
    try:
        assert [process.wait(DEADLINE_S) for process in running] == [0, 0, 0]
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
