"""State folders that are removed, made anew, late on a node's disk, or moved, while their jobs wait or run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .sweeps import Sweep
from .test_scheduler import job_of, restart

LOGS = """\
to=$HYPERHERD_RESULTS; mkdir -p "$to/final"
echo "{\\"name\\": \\"x\\", \\"value\\": $x, \\"ts\\": 1}" >>"$to/final/w.jsonl"
"""


@pytest.mark.parametrize("values", [(100, 101), (1, 2)], ids=["other trials", "the same trials"])
def test_a_job_of_a_state_folder_that_was_removed_runs_nothing_in_the_one_made_after(
    fake: Sweep, fake_slurm: FakeSlurm, values: tuple[int, int]
) -> None:
    hasty = replace(fake, env={**fake.env, "HYPERHERD_FOLDER_WAIT_S": "1"})
    hasty.script(LOGS)
    fake_slurm.hold_queue()
    hasty.herd("run")
    old = job_of(hasty)
    shutil.rmtree(hasty.root / ".hyperherd")
    hasty.describe(values)
    hasty.herd("run")
    fake_slurm.release_queue()
    hasty.until_statuses("completed")
    fake_slurm.wait_idle(DEADLINE_S)
    assert hasty.starts() == {str(value): 1 for value in values}
    rows = json.loads(hasty.herd("res", "--json").stdout)["trials"]
    assert [row["metrics"] for row in rows] == [{"x": value} for value in values]
    assert fake_slurm.job(f"{old}_0")["exit"] == 74


def test_a_job_whose_state_folder_is_late_on_its_nodes_disk_waits_and_runs(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.hold_queue()
    fake.herd("run")
    state, away = fake.root / ".hyperherd", fake.root.parent / "away"
    for name in ("logs", "jobs"):
        (away / name).mkdir(parents=True)
    shutil.copytree(state / "logs", away / "logs", dirs_exist_ok=True)
    state.rename(state.with_name("elsewhere"))
    away.rename(state)  # without the folder of the generation
    fake_slurm.release_queue()
    until(lambda: set(fake_slurm.states().values()) == {"RUNNING"}, "both to start")
    until(lambda: "waits for" in said_by_slurm(state), "them to wait")
    assert not fake.lines()
    shutil.rmtree(state)
    state.with_name("elsewhere").rename(state)
    fake.until_statuses("completed")
    assert fake.starts() == {"1": 1, "2": 1}


def said_by_slurm(state: Path) -> str:
    return "".join(path.read_text() for path in (state / "logs/slurm").glob("*.log"))


@pytest.mark.parametrize("place", ["here", "fake"])
def test_a_workspace_that_is_moved_while_its_trials_run_keeps_their_ends(
    request: pytest.FixtureRequest, place: str
) -> None:
    sweep: Sweep = request.getfixturevalue(place)
    sweep.script("until [[ -e ../go ]]; do sleep 0.05; done; [[ $x == 1 ]]; exit")
    sweep.herd("run", "--detach")
    until(lambda: len(sweep.lines()) == 2, "both to start")
    moved = replace(sweep, root=sweep.root.rename(sweep.root.with_name("moved")))
    assert moved.statuses() == {0: "running", 1: "running"}
    (moved.root.parent / "go").touch()
    moved.until_statuses("completed", "failed")
    assert moved.statuses() == {0: "completed", 1: "failed"}
    assert moved.herd("run", "--detach") and moved.starts()["1"] == 1


def test_a_completed_trial_whose_job_is_queued_again_by_hand_is_not_run_again(cluster: Sweep) -> None:
    cluster.describe([1, 2], more="slurm: {requeue: true}\n")
    cluster.herd("run")
    cluster.until_statuses("completed")
    restart(cluster, f"{job_of(cluster)}_0")
    until(lambda: "is not run again" in said_by_slurm(cluster.root / ".hyperherd"), "its job to say so")
    cluster.until_statuses("completed")
    assert cluster.starts() == {"1": 1, "2": 1}


def test_new_trials_take_no_index_of_which_results_are_left(here: Sweep) -> None:
    here.script(LOGS)
    here.herd("run")
    for path in (here.root / ".hyperherd").iterdir():
        if path.name not in ("logs", "results"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    here.describe([3, 4])
    here.script()
    here.herd("run")
    assert here.statuses() == {2: "completed", 3: "completed"}
    assert "final" not in here.herd("res").stdout and here.starts() == {"1": 1, "2": 1, "3": 1, "4": 1}
