"""A workspace that was moved or copied while its trials wait or run."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from eventually import until

from .sweeps import GATE, Sweep

UNTIL_GO = GATE.replace("$HYPERHERD_WORKSPACE/", "../")


def copied(sweep: Sweep, disk: str) -> Sweep:
    """A copy beside the original; ``another``: the original is out of sight, as on another disk."""
    root = sweep.root.with_name("copy")
    shutil.copytree(sweep.root, root)
    if disk == "another":
        away = sweep.root.parent / "another-disk"
        away.mkdir()
        sweep.root.rename(away / sweep.root.name)
    places = str(sweep.root.parent / "places")  # slots of its own: the original's are all taken
    return replace(sweep, root=root, env={**sweep.env, "HYPERHERD_SLOTS_DIR": places})


@pytest.fixture(params=["here", "fake"])
def running(request: pytest.FixtureRequest) -> Sweep:
    """A sweep of three, of which one has failed and two run until ``../go`` is there."""
    sweep: Sweep = request.getfixturevalue(request.param)
    sweep.describe([1, 2, 3])
    sweep.script(f"[[ $x != 3 ]] || exit 4\n{UNTIL_GO}exit")
    sweep.herd("run", "--detach", "-j", "3")
    until(lambda: sweep.statuses() == {0: "running", 1: "running", 2: "failed"}, "two to run")
    until(lambda: len(sweep.lines()) == 3, "all to say so")
    return sweep


@pytest.mark.parametrize("disk", ["the same", "another"])
def test_a_copy_starts_and_cancels_nothing_until_it_is_told_what_it_is(running: Sweep, disk: str) -> None:
    copy = copied(running, disk)
    assert "herd repair --copied" in copy.herd("run", "--detach", code=1).stderr
    assert copy.herd("stop", "--all", "--yes", code=1).stderr
    assert copy.statuses() == {0: "running", 1: "running", 2: "failed"}
    assert len(copy.lines()) == 3


def test_a_copy_that_is_told_so_runs_its_own_and_leaves_the_originals_alone(running: Sweep) -> None:
    copy = copied(running, "the same")
    copy.herd("repair", "--copied")
    assert copy.statuses() == {0: "cancelled", 1: "cancelled", 2: "failed"}
    copy.herd("run", "--detach", "-i", "0")
    until(lambda: copy.statuses()[0] == "running", "its own trial to run")
    assert running.statuses() == {0: "running", 1: "running", 2: "failed"}
    running.herd("run", "--detach", "-i", "2")  # the copy's jobs are none of the original's
    copy.herd("stop", "--all", "--yes")
    (running.root.parent / "go").touch()
    until(
        lambda: running.statuses() == {0: "completed", 1: "completed", 2: "failed"},
        "the original's to complete",
    )
    assert running.starts() == {"1": 1, "2": 1, "3": 2}


def test_a_folder_from_another_disk_that_is_told_so_has_the_jobs_of_before(running: Sweep) -> None:
    copy = copied(running, "another")
    copy.herd("repair", "--moved")
    copy.herd("stop", "--all", "--yes")
    until(lambda: copy.statuses() == {0: "cancelled", 1: "cancelled", 2: "failed"}, "both to be cancelled")


def test_a_copy_of_what_has_ended_runs_without_being_told(here: Sweep) -> None:
    here.herd("run")
    copy = copied(here, "the same")
    copy.describe([1, 2, 3])
    copy.herd("run")
    assert copy.statuses() == {0: "completed", 1: "completed", 2: "completed"}
    here.herd("run", "-f", "-i", "0")
    assert (here.starts(), copy.starts()) == ({"1": 2, "2": 1}, {"1": 1, "2": 1, "3": 1})
