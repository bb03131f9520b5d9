"""A state folder of version 1 of the format goes on as it is: recorded with the herd of then, running jobs included."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attempt_files
import pytest
from fakeslurm.fixture import FakeSlurm

from hyperherd.fsio import processes
from hyperherd.launchers.slurm.client import Client

from .workspaces import Workspace, until

RECORDED = Path(__file__).parents[1] / "recorded" / "format-1"
LATER = """\
#!/bin/bash
echo "$HYPERHERD_TRIAL_ID $HYPERHERD_ATTEMPT" >>"$HYPERHERD_WORKSPACE/started"
[[ $HYPERHERD_TRIAL_ID == 5 ]] || exit 0
until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done
"""


def taken_over(workspace: Workspace, recorded: str, **names: str) -> str:
    """Put a recorded folder in the place of the workspace, with these names changed; return its (new) token."""
    shutil.rmtree(workspace.root)
    shutil.copytree(RECORDED / recorded, workspace.root)
    parent = workspace.root / ("job.sh.herd" if recorded == "tasks" else "")
    parent.mkdir(exist_ok=True)
    state = (workspace.root / "hyperherd-state").rename(parent / ".hyperherd")
    for folder in ("logs/slurm", "results"):  # git keeps no empty folders
        (state / folder).mkdir(parents=True, exist_ok=True)
    tokens = sorted(path.stem for path in (state / "submissions").iterdir())
    fresh = {token: f"{token[:-8]}{secrets.token_hex(4)}" for token in tokens}
    words = {f"/ws1/{'sweep' if recorded == 'slurm' else recorded}": str(workspace.root), **fresh, **names}
    for path in [one for one in workspace.root.rglob("*") if one.is_file()]:
        text = path.read_text()
        for old, new in words.items():
            text = text.replace(old, new)
        path.write_text(text)
        path.rename(path.with_name(words.get(path.stem, path.stem) + path.suffix))
    return str(records(state)[-1]["token"])


def records(state: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((state / "job_ids.json").read_text())
    return found


def submitted_again(workspace: Workspace, state: Path, token: str, elements: str) -> str:
    """As the herd of then submitted it, but for these elements alone, those that were still at it; its id."""
    argv = ["sbatch", "--parsable", f"--array={elements}", str(state / f"jobs/{token}.sbatch")]
    (register := state / f"submissions/{token}.state").unlink()
    said = subprocess.run(
        argv, env=workspace.env, cwd=workspace.root, capture_output=True, check=True, text=True
    )
    job_id = said.stdout.strip().split(";")[0]
    register.write_text(f"{job_id}\n")
    told = {"slurm_job_id": job_id, "where": Client.of_environment(workspace.env).cluster()}
    changed = [record | told if record["token"] == token else record for record in records(state)]
    (state / "job_ids.json").write_text(json.dumps(changed))
    return job_id


@pytest.fixture
def on_slurm(cluster: Workspace) -> tuple[Workspace, str, str]:
    """Trial 5 runs; the folder, its submission's token and the job's id."""
    name = cluster.env.get("DAYS_NAME", "days")
    token = taken_over(cluster, "slurm", hyperherd_sweep=f"hyperherd_{name}")
    (cluster.root / "launch.sh").write_text(LATER)
    yaml = cluster.root / "hyperherd.yaml"
    yaml.write_text(yaml.read_text().replace("name: sweep", f"name: {name}"))
    state = cluster.root / ".hyperherd"
    (state / "attempts/5.1").unlink()
    job_id = submitted_again(cluster, state, token, "5")
    until((cluster.root / "started").exists, "the trial that ran")
    return cluster, token, job_id


def started(workspace: Workspace) -> list[str]:
    return sorted((workspace.root / "started").read_text().splitlines())


def test_what_ended_is_known_what_runs_goes_on_and_only_the_rest_is_submitted(
    on_slurm: tuple[Workspace, str, str],
) -> None:
    workspace, _, _ = on_slurm
    state = workspace.root / ".hyperherd"
    trials = workspace.herd("status", "--json").json["trials"]
    assert {trial["index"]: (trial["status"], trial["reason"]) for trial in trials} == {
        0: ("completed", None),
        1: ("failed", "exit 3"),
        2: ("failed", "out of memory"),
        3: ("cancelled", None),
        4: ("completed", None),
        5: ("running", None),
    }
    attempts = workspace.herd("show", "4", "--json").json["attempts"]
    assert [(one["attempt"], one["exit_code"], one["reason"]) for one in attempts] == [
        (1, 75, "exit 75"),
        (2, 0, None),
    ]
    assert json.loads((state / "workspace.json").read_text())["version"] == 1, "looking changes no version"
    yaml = workspace.root / "hyperherd.yaml"
    yaml.write_text(yaml.read_text().replace("4, 5]", "4, 5, 6]"))
    assert workspace.herd("run", "--json").json["submitted_indices"] == [1, 2, 3, 6]
    form = json.loads((state / "workspace.json").read_text())
    assert form["version"] == 2 and (state / f"g-{form['generation']}/generation.json").exists()
    (workspace.root / "go").touch()
    assert set(workspace.until_ended().values()) == {"completed"}
    assert started(workspace) == ["1 2", "2 2", "3 2", "5 1", "6 1"]
    assert workspace.herd("run", "--json").json["submitted_indices"] == []
    flat = {path.name for path in (state / "attempts").iterdir()}
    assert {"1.2", "2.2", "3.2", "5.1", "5.1.0.CHANGED"} <= flat and "1.2.0" not in flat
    of_generation = attempt_files.names(state / f"g-{form['generation']}/attempts")
    assert of_generation == [
        f"{i}.{n}{end}" for i, n in ((1, 2), (2, 2), (3, 2), (6, 1)) for end in ("", ".completed.0")
    ]


def test_what_runs_can_be_stopped(on_slurm: tuple[Workspace, str, str]) -> None:
    workspace, token, _ = on_slurm
    workspace.herd("stop", "5")
    assert workspace.until_ended()[5] == "cancelled"
    (record,) = records(workspace.root / ".hyperherd")
    assert (record["token"], record["stopped"]) == (token, [3, 5])


def test_what_slurm_queues_again_goes_on_under_its_old_names(
    on_slurm: tuple[Workspace, str, str],
) -> None:
    workspace, _, job_id = on_slurm
    workspace.herd("run", "-i", "1")
    subprocess.run(["scontrol", "requeue", f"{job_id}_5"], env=workspace.env, check=True)
    until(lambda: workspace.statuses()[5] == "queued", "the job to wait again")
    begin = ["scontrol", "update", f"JobId={job_id}_5", "StartTime=now+5"]
    subprocess.run(begin, env=workspace.env, check=True)
    until(lambda: "5 2" in started(workspace), "the next attempt")
    (workspace.root / "go").touch()
    assert workspace.until_ended()[5] == "completed"
    assert (workspace.root / ".hyperherd/attempts/5.2.0.CHANGED").exists()


@pytest.mark.parametrize("first", ["the old job", "the new one"])
def test_an_old_job_and_a_new_one_do_not_both_run_an_attempt(
    fake: Workspace, fake_slurm: FakeSlurm, first: str
) -> None:
    """Somebody queues the element of a trial that has failed again, and herd submits that trial anew."""
    token = taken_over(fake, "slurm")
    (fake.root / "launch.sh").write_text(LATER)
    state = fake.root / ".hyperherd"

    def old_job() -> None:
        slurms = {"SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "1", "SLURM_RESTART_COUNT": "1"}
        argv = ["bash", str(state / f"jobs/{token}.sbatch")]
        subprocess.run(argv, env={**fake.env, **slurms}, timeout=60, stderr=subprocess.DEVNULL)

    fake_slurm.knobs(sacct={"off": True})
    fake_slurm.hold_queue()
    assert 1 in fake.herd("run", "-i", "1", "--json").json["submitted_indices"]
    if first == "the old job":
        old_job()
        fake_slurm.release_queue()
        fake_slurm.wait_idle()
    else:
        fake_slurm.release_queue()
        until((fake.root / "started").exists, "the new one")
        fake_slurm.wait_idle()
        old_job()
    assert started(fake) == ["1 2"]


def test_tasks_of_a_script_keep_their_ends_and_only_what_failed_runs_again(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    token = taken_over(fake, "tasks")
    state = fake.root / "job.sh.herd/.hyperherd"
    (state / "attempts/1/2.1").unlink()
    submitted_again(fake, state, token, "2")
    until((fake.root / "started").exists, "the task that ran")
    trials = fake.herd("status", "job.sh", "--json").json["trials"]
    assert [(trial["status"], trial["reason"]) for trial in trials] == [
        ("completed", None),
        ("running", "1 of 3 tasks"),
    ]
    fake.herd("stop", "job.sh", "1")
    old = records(state)[-1]
    assert (old["trial"], old["indices"], old["stopped"]) == (1, [0, 1, 2], [2])
    (fake.root / "train.sh").write_text('echo "$HYPERHERD_TRIAL_ID $SLURM_ARRAY_TASK_ID" >>started\n')
    (fake.root / "started").unlink()
    fake_slurm.wait_idle()
    fake.herd("run", "job.sh", "--wait")
    assert started(fake) == ["1 1", "1 2"]
    new = records(state)[-1]
    assert (new["indices"], new["tasks"], new["attempts"]) == ([1, 1], [1, 2], [2, 2])
    statuses = [trial["status"] for trial in fake.herd("status", "job.sh", "--json").json["trials"]]
    assert statuses == ["completed", "completed"]


@pytest.fixture
def running_here(here: Workspace) -> Iterator[tuple[Workspace, subprocess.Popen[bytes]]]:
    """Trial 2 runs on this machine, by the script of then; this process stands for its supervisor."""
    me = str(processes.me())
    token = taken_over(here, "local")
    state = here.root / ".hyperherd"
    told = [record | {"where": processes.me().host} for record in records(state)]
    (state / "job_ids.json").write_text(json.dumps(told))
    (state / f"submissions/{token}.state").write_text(f"{me}\n")
    (state / "attempts/2.1").unlink()
    carried = {"HYPERHERD_JOB": me, "SLURM_ARRAY_TASK_ID": "2", "HYPERHERD_ATTEMPT_MARK": f"{token}/2.1"}
    argv = ["bash", str(state / f"jobs/{token}.sbatch")]
    with subprocess.Popen(argv, env={**here.env, **carried}, start_new_session=True) as script:
        try:
            until((here.root / "started").exists, "the trial that ran")
            yield here, script
        finally:
            (here.root / "go").touch()
            script.kill()


def test_what_runs_on_this_machine_is_seen_and_ends_under_its_old_names(
    running_here: tuple[Workspace, subprocess.Popen[bytes]],
) -> None:
    workspace, script = running_here
    assert workspace.statuses() == {0: "completed", 1: "failed", 2: "running", 3: "cancelled"}
    (workspace.root / "go").touch()
    assert script.wait(60) == 0
    assert workspace.statuses()[2] == "completed"
    (workspace.root / "launch.sh").write_text("#!/bin/bash\n")
    assert workspace.herd("run", "--wait", "--json").json["submitted_indices"] == [1, 3]
    assert set(workspace.statuses().values()) == {"completed"}


def test_what_runs_on_this_machine_can_be_stopped(
    running_here: tuple[Workspace, subprocess.Popen[bytes]],
) -> None:
    workspace, script = running_here
    workspace.herd("stop", "2")
    assert script.wait(60) != 0
    assert workspace.statuses()[2] == "cancelled"
    assert [name for name in os.listdir(workspace.root / ".hyperherd") if name.startswith("g-")] == []


@pytest.mark.parametrize("version", [0, 3, -1])
def test_a_version_that_is_not_known_is_refused_and_left_as_it_is(here: Workspace, version: int) -> None:
    state = here.root / ".hyperherd"
    here.herd("run", "--wait")
    form = json.loads((state / "workspace.json").read_text()) | {"version": version}
    (state / "workspace.json").write_text(json.dumps(form))
    before = here.files()
    for words in (("status",), ("run",), ("stop",), ("res",)):
        said = here.herd(*words, code=1).err
        assert f"format {version} is not known to this version of herd, which knows 1 to 2" in said
    assert here.files() == before
