"""What is stopped is what the user named, of the sweep that it belongs to, and only where it could be."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .sweeps import GATE, Sweep

ONCE = {"1": 1, "2": 1}


def without_slurm(sweep: Sweep) -> Sweep:
    """The same sweep, as from a shell that has not loaded Slurm's module."""
    path = [place for place in sweep.env["PATH"].split(os.pathsep) if not (Path(place) / "sbatch").exists()]
    return replace(sweep, env={**sweep.env, "PATH": os.pathsep.join(path)})


def copied(sweep: Sweep, to: str) -> Sweep:
    """The whole workspace once more."""
    root = sweep.root.parent / to
    shutil.copytree(sweep.root, root)
    return replace(sweep, root=root)


def both_run(sweep: Sweep) -> None:
    sweep.script(GATE)
    sweep.herd("run", "--detach")
    until(lambda: len(sweep.lines()) == 2, "both trials to start")


def while_sbatch_hangs(fake: Sweep, slurm: FakeSlurm, *command: str, code: int) -> str:
    """What a command says while ``herd run`` waits for its sbatch, which goes on after it."""
    before = len(slurm.calls("sbatch"))
    slurm.knobs(sbatch={"hang": True})
    run = fake.start()
    until(lambda: len(slurm.calls("sbatch")) > before or run.poll() is not None, "herd's own sbatch")
    told = fake.herd(*command, code=code).stderr
    slurm.knobs(sbatch={"hang": False})
    run.wait(DEADLINE_S)
    return told


def test_one_trial_cannot_be_stopped_while_its_whole_submission_is_on_its_way(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    assert "is being submitted right now" in while_sbatch_hangs(fake, fake_slurm, "stop", "1", code=1)
    fake.until_statuses("completed")
    assert fake.starts() == ONCE


def test_all_that_is_on_its_way_to_slurm_can_be_stopped(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    while_sbatch_hangs(fake, fake_slurm, "stop", "--all", "--yes", code=0)
    fake_slurm.wait_idle(DEADLINE_S)
    assert fake.starts() == {}
    fake.finish()
    assert fake.starts() == ONCE


def test_a_stop_during_a_submission_stays_when_that_is_recorded(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    """The submission's record is written by two commands: none loses what the other has put there."""
    fake.script(GATE)
    fake.describe([1])
    fake.herd("run")
    fake.describe([1, 2])
    until(lambda: len(fake.lines()) == 1, "the first trial")
    while_sbatch_hangs(fake, fake_slurm, "stop", "0", code=0)
    fake_slurm.wait_state("1_0", "CANCELLED")
    assert fake.submissions()[0]["stopped"] == [0]


@pytest.mark.parametrize("command", [("stop", "--all"), ("clean", "-a")], ids=" ".join)
@pytest.mark.parametrize("place", ["here", "fake"])
def test_a_copy_of_a_sweep_does_not_stop_the_trials_of_the_original(
    place: str, command: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    sweep: Sweep = request.getfixturevalue(place)
    both_run(sweep)
    copy = copied(sweep, "copy")
    assert f"it belongs to {sweep.root}" in copy.herd(*command, "--yes", code=1).stderr
    assert set(sweep.statuses().values()) == {"running"}
    sweep.go()
    sweep.until_statuses("completed")
    assert sweep.starts() == ONCE


@pytest.mark.parametrize("how", ["moved", "linked"])
def test_a_moved_or_linked_sweep_stops_its_own_trials(fake: Sweep, fake_slurm: FakeSlurm, how: str) -> None:
    both_run(fake)
    new = fake.root.parent / "new"
    if how == "moved":
        fake.root.rename(new)
    else:
        new.symlink_to(fake.root)
    replace(fake, root=new).herd("stop", "--all", "--yes")
    fake_slurm.wait_idle(DEADLINE_S)
    assert set(replace(fake, root=new).statuses().values()) == {"cancelled"}


@pytest.mark.parametrize("command", [("stop", "0"), ("stop", "--all"), ("clean", "-a")], ids=" ".join)
def test_what_slurm_runs_cannot_be_stopped_without_slurm_and_is_not_shown_as_stopped(
    fake: Sweep, command: tuple[str, ...]
) -> None:
    fake.script(f"{GATE}exit 4")
    fake.herd("run")
    until(lambda: len(fake.lines()) == 2, "both trials to start")
    told = without_slurm(fake).herd(*command, "--yes", code=1).stderr
    assert "submitted with slurm, which is not here" in told
    fake.go()
    fake.until_statuses("failed")
    assert [trial["reason"] for trial in fake.trials()] == ["exit 4", "exit 4"]
