"""``herd run`` killed before its first change to the world, before its second, and so on to the last."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm
from repetition import STEPS

from .sweeps import Sweep

KILLING = Path(__file__).parent / "killing"
MOST = 200


def killed_at_each(make: Callable[[str], Sweep], step: int) -> Iterator[Sweep]:
    """A fresh sweep for every ``step``-th change that a run makes, killed right before it, until a run lives on."""
    for number in count(1, step):
        assert number < MOST, "a run that changes so much, or that is not killed"
        sweep = make(f"killed-{number}")
        path = f"{KILLING}{os.pathsep}{sweep.env['PYTHONPATH']}"
        env = {**sweep.env, "PYTHONPATH": path, "KILLED_BEFORE": str(number)}
        code = replace(sweep, env=env).start().wait(DEADLINE_S)
        assert code in (-9, 0), sweep.said()
        yield sweep
        if code == 0:
            assert number > 10
            return


@pytest.mark.thorough  # `test_each_call` has it where there is strace
@pytest.mark.parametrize("step", [2])
def test_on_this_machine_the_next_run_starts_each_trial_that_has_not_started(
    make: Callable[..., Sweep], step: int
) -> None:
    for sweep in killed_at_each(lambda folder: make(os.environ, "local", folder), step):
        sweep.herd("run", "--detach")
        until(lambda sweep=sweep: len(sweep.lines("end")) >= 2, f"the trials of {sweep.root.name}")  # type: ignore[misc]
        assert sweep.starts() == {"1": 1, "2": 1}


@pytest.mark.thorough  # `test_each_call` has it where there is strace
@pytest.mark.parametrize("step", [2])
def test_on_slurm_the_next_run_starts_each_trial_that_has_not_started(
    make: Callable[..., Sweep], fake_slurm: FakeSlurm, step: int
) -> None:
    sweeps = []
    for sweep in killed_at_each(lambda folder: make(fake_slurm.env, "slurm", folder), step):
        sweep.herd("run")
        sweeps.append(sweep)
    fake_slurm.wait_idle(DEADLINE_S)
    assert [sweep.starts() for sweep in sweeps] == [{"1": 1, "2": 1}] * len(sweeps)


@pytest.fixture
def left_by_0_1_3(make: Callable[..., Sweep]) -> Callable[[str], Sweep]:
    """Workspaces of HyperHerd 0.1.3 whose first trial has completed and whose second has failed."""

    def one(folder: str) -> Sweep:
        sweep = make(os.environ, "local", folder)
        sweep.describe([0.1, 0.2, 0.3])
        (sweep.root / ".hyperherd").mkdir()
        records = [
            {"index": 0, "hash": "32c783166868", "params": {"x": 0.10000000000000003}, "status": "completed"},
            {"index": 1, "hash": "37ec66c415cf", "params": {"x": 0.2}, "status": "failed"},
        ]
        named = [{**record, "extras": {}, "experiment_name": f"x-{record['index']}"} for record in records]
        (sweep.root / ".hyperherd/manifest.json").write_text(json.dumps(named))
        return sweep

    return one


@pytest.mark.parametrize("step", STEPS)
def test_a_workspace_of_0_1_3_that_was_being_taken_over_keeps_what_has_completed(
    left_by_0_1_3: Callable[[str], Sweep], step: int
) -> None:
    for sweep in killed_at_each(left_by_0_1_3, step):
        sweep.herd("run", "--detach")
        until(lambda sweep=sweep: len(sweep.lines("end")) >= 2, f"the trials of {sweep.root.name}")  # type: ignore[misc]
        assert sweep.starts() == {"0.2": 1, "0.3": 1}
