"""A workspace of HyperHerd 0.1.3 is taken over as it is: recorded with that package on a real Slurm, and made anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import Workspace, until

RECORDED = Path(__file__).parents[1] / "recorded" / "hyperherd-0.1.3"
LAUNCH = """\
#!/bin/bash
echo "$HYPERHERD_TRIAL_ID" >>"$HYPERHERD_WORKSPACE/started"
case $HYPERHERD_TRIAL_ID in
  0) ;;
  1) (( $(grep -cx 1 "$HYPERHERD_WORKSPACE/started") > 1 )) || exit 2 ;;
  *) until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done ;;
esac
"""
AS_RECORDED = {0: "completed", 1: "failed", 2: "running", 3: "running", 4: "running"} | dict.fromkeys(
    (5, 6, 7), "queued"
)


def started(workspace: Workspace) -> Counter[int]:
    path = workspace.root / "started"
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def manifest(workspace: Workspace) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((workspace.root / ".hyperherd/manifest.json").read_text())
    return records


@pytest.fixture
def adopted(fake: Workspace, fake_slurm: FakeSlurm) -> Workspace:
    """The recorded workspace, its job submitted again to the fake Slurm, as far on as when it was recorded."""
    shutil.rmtree(fake.root)
    shutil.copytree(RECORDED, fake.root)
    state = fake.root / ".hyperherd"
    (fake.root / "hyperherd-state").rename(state)
    (fake.root / "launch.sh").write_text(LAUNCH)
    script = state / "job.sbatch"
    script.write_text(script.read_text().replace("/ws", str(fake.root)))
    fake_slurm.knobs(min_job_age_s=0)
    submitted = fake_slurm.run("sbatch", script, cwd=fake.root).stdout.split()[-1]
    records = json.loads((state / "job_ids.json").read_text())
    assert submitted == records[0]["slurm_job_id"], "the fake Slurm counts from 1, as the real one did"
    until(lambda: set(started(fake)) == {0, 1, 2, 3, 4}, "the trials to be as far on as they were")
    fake_slurm.wait_state("1_0", "COMPLETED")
    fake_slurm.wait_state("1_1", "FAILED")
    return fake


def finished(workspace: Workspace) -> None:
    """Let everything end, and run what is left; by then each trial has run once, and the failed one twice."""
    (workspace.root / "go").touch()
    assert set(workspace.until_ended().values()) == {"completed"}
    said = workspace.herd("run", "--json").json
    assert said["submitted_indices"] == []
    assert started(workspace) == {0: 1, 1: 2, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1}


def test_running_jobs_are_shown_and_only_what_failed_is_submitted_again(adopted: Workspace) -> None:
    assert adopted.statuses() == AS_RECORDED
    assert [trial["reason"] for trial in adopted.herd("status", "--json").json["trials"]][1] == "exit 2"
    assert adopted.herd("run", "--json").json["submitted_indices"] == [1]
    finished(adopted)


def test_looking_leaves_the_files_of_the_old_version_as_they_are(adopted: Workspace) -> None:
    names = ("manifest.json", "job_ids.json", "results/0.json", "results/0/stream/loss.jsonl", "job.sbatch")
    before = [(adopted.root / ".hyperherd" / name).read_bytes() for name in names]
    for command in (
        ("status",),
        ("ls",),
        ("res",),
        ("show", "0"),
        ("tail", "1"),
        ("snapshot",),
        ("run", "-n"),
    ):
        adopted.herd(*command)
    assert [(adopted.root / ".hyperherd" / name).read_bytes() for name in names] == before


def test_trials_keep_index_name_and_hash_and_have_today_s_rounding(adopted: Workspace) -> None:
    """0.1.3 did not round the values of a continuous parameter: 0.00014422495703074077, 0.030000000000000013."""
    before = manifest(adopted)
    adopted.herd("run")
    after = manifest(adopted)
    for old, new in zip(before, after, strict=True):
        for key in ("index", "hash", "extras", "experiment_name"):
            assert new[key] == old[key]
        assert new["params"] == {
            **old["params"],
            "learning_rate": float(f"{old['params']['learning_rate']:.12g}"),
        }
    ids = json.loads((adopted.root / ".hyperherd/job_ids.json").read_text())
    assert ids[0]["slurm_job_id"] == "1"
    assert ids[0]["indices"] == list(range(8))


def test_its_results_and_logs_are_read(adopted: Workspace) -> None:
    trials = adopted.herd("res", "--json").json["trials"]
    assert trials[0]["metrics"] == {"accuracy": 0.91}
    rows = adopted.herd("res", "--steps", "--json").json["rows"]
    assert [(row["trial_id"], row["step"], row["metric"], row["value"]) for row in rows] == [
        (0, 0, "loss", 1.0),
        (0, 1, "loss", 0.5),
        (0, 2, "loss", 1 / 3),
    ]
    assert "no such dataset" in adopted.herd("tail", "1", "--stderr").out
    assert "training with experiment_name=lr-1e-05_opt-adam" in adopted.herd("tail", "0").out


def test_without_accounting_its_last_word_counts_for_what_has_ended(
    adopted: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(sacct={"off": True})
    assert adopted.statuses() == AS_RECORDED
    assert adopted.herd("run", "--json").json["submitted_indices"] == [1]


def test_what_it_paused_or_pruned_stays_so_and_runs_only_where_it_is_named(
    adopted: Workspace, fake_slurm: FakeSlurm
) -> None:
    """Slurm calls them completed, failed and cancelled: it was HyperHerd's monitor that ended them."""
    records = manifest(adopted)
    for index, word in {0: "pruned", 1: "pruned", 6: "paused"}.items():
        records[index]["status"] = word
    (adopted.root / ".hyperherd/manifest.json").write_text(json.dumps(records))
    fake_slurm.run("scancel", "1_6")
    fake_slurm.wait_state("1_6", "CANCELLED")
    ended = {0: "pruned", 1: "pruned", 6: "paused"}
    for _ in range(2):
        said = adopted.herd("run", "--lost", "--json").json
        assert said["submitted_indices"] == []
        assert {i: s for i, s in adopted.statuses().items() if i in ended} == ended
    assert "2 pruned" in adopted.herd("status").out and "1 paused" in adopted.herd("status").out
    assert "herd run -i 0" in adopted.herd("run").err
    assert adopted.herd("run", "-i", "1,6", "--json").json["submitted_indices"] == [1, 6]


def test_what_vanished_is_lost_and_not_submitted_again(adopted: Workspace, fake_slurm: FakeSlurm) -> None:
    """Nobody can say how these ended: 0.1.3 saw them wait or run, and Slurm knows nothing of them any more."""
    fake_slurm.knobs(sacct={"off": True})
    fake_slurm.vanish("1_2")
    fake_slurm.vanish("1_[5-7]")
    found = adopted.statuses()
    assert {index: found[index] for index in (0, 1, 2, 5, 6, 7)} == {
        0: "completed",
        1: "failed",
    } | dict.fromkeys((2, 5, 6, 7), "lost")
    assert adopted.herd("run", "--json").json["submitted_indices"] == [1]


def test_what_it_knew_is_known_however_often_herd_runs(adopted: Workspace, fake_slurm: FakeSlurm) -> None:
    """Nothing but its own last word is left: no accounting, no queue, and the list of its jobs is gone."""
    (adopted.root / ".hyperherd/job_ids.json").unlink()
    for _ in range(3):
        submitted = adopted.herd("run", "--json").json["submitted_indices"]
        assert set(submitted) <= {1}
    assert adopted.statuses()[0] == "completed"


def test_its_jobs_can_be_stopped(adopted: Workspace, fake_slurm: FakeSlurm) -> None:
    adopted.herd("stop", "2", "7")
    fake_slurm.wait_state("1_2", "CANCELLED")
    fake_slurm.wait_state("1_7", "CANCELLED")
    (adopted.root / "go").touch()
    found = adopted.until_ended()
    assert found == dict.fromkeys(range(8), "completed") | {1: "failed", 2: "cancelled", 7: "cancelled"}


@pytest.mark.parametrize("first", [("stop", "6"), ("clean", "--yes")], ids=" ".join)
def test_what_was_stopped_before_the_first_run_is_all_that_runs_again(
    adopted: Workspace, first: tuple[str, ...]
) -> None:
    adopted.herd(*first)
    (adopted.root / "go").touch()
    again = {index for index, status in adopted.until_ended().items() if status in ("cancelled", "failed")}
    assert adopted.herd("run", "--json").json["submitted_indices"] == sorted(again)
    assert set(adopted.until_ended().values()) == {"completed"}
    assert len(manifest(adopted)) == 8


def test_an_orphan_of_the_first_run_is_known_again_when_its_values_come_back(adopted: Workspace) -> None:
    whole = (adopted.root / "hyperherd.yaml").read_text()
    adopted.yaml(whole.replace("[adam, sgd]", "[sgd]"))
    adopted.herd("run", "-f")
    (adopted.root / "go").touch()
    adopted.until_ended()
    adopted.yaml(whole)
    assert adopted.herd("run", "--json").json["submitted_indices"] == []
    assert len(manifest(adopted)) == 8


def test_a_scheduler_that_does_not_answer_submits_nothing(adopted: Workspace, fake_slurm: FakeSlurm) -> None:
    fake_slurm.controller_down()
    before = adopted.files()
    assert "Unable to contact slurm controller" in adopted.herd("run", code=1).err
    assert adopted.files() == before
    adopted.herd("status")
    fake_slurm.controller_up()
    assert adopted.herd("run", "--json").json["submitted_indices"] == [1]
    finished(adopted)


def test_a_workspace_that_the_package_itself_has_just_made(
    fake: Workspace, fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    """The package of 2026 from PyPI, in an environment that is thrown away."""
    venv = tmp_path / "venv"
    quiet = ("--quiet", "--disable-pip-version-check", "--retries=0", "--timeout=15")
    made = [
        [sys.executable, "-m", "venv", str(venv)],
        [str(venv / "bin/python"), "-m", "pip", "install", *quiet, "hyperherd==0.1.3", "PyYAML"],
    ]
    clean = {k: v for k, v in fake.env.items() if k not in ("PYTHONPATH", "PYTHONWARNINGS")}
    for argv in made:
        answer = subprocess.run(argv, env=clean, capture_output=True, text=True, timeout=300)
        if answer.returncode:
            pytest.skip(
                f"hyperherd 0.1.3 cannot be installed: {(answer.stderr or answer.stdout).strip()[-300:]}"
            )
    for name in ("hyperherd.yaml", "launch.sh"):
        shutil.copy(RECORDED / name, fake.root / name)
    (fake.root / "launch.sh").write_text(LAUNCH)
    subprocess.run(
        [venv / "bin/herd", "run"], cwd=fake.root, env=clean, check=True, capture_output=True, timeout=60
    )
    until(lambda: set(started(fake)) == {0, 1, 2, 3, 4}, "the trials to start")
    fake_slurm.wait_state("1_0", "COMPLETED")
    fake_slurm.wait_state("1_1", "FAILED")
    assert fake.statuses() == AS_RECORDED
    assert fake.herd("run", "--json").json["submitted_indices"] == [1]
    finished(fake)
