"""``launcher=herd``: a sweep of a template handed over to herd, which knows it from then on."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import herding

from .conftest import TEMPLATES
from .project import DEADLINE_S, SMALL, TRAINING, OnSlurm, Project, until
from .test_resuming import ends_on_the_same


def herd(on_slurm: OnSlurm, command: str) -> Any:
    script = on_slurm.sweep("one") / "launch.sh"
    answer = herding.herd(command, script, "--json", env=on_slurm.env, limit_s=DEADLINE_S)
    return json.loads(answer.stdout)


def test_a_sweep_is_herds_interrupted_at_its_time_limit_and_ends_on_the_same_numbers(
    on_slurm: OnSlurm, straight: Project
) -> None:
    beside = TEMPLATES.parent / "src"
    on_slurm.env = {**on_slurm.env, "PYTHONPATH": f"{on_slurm.env['PYTHONPATH']}:{beside}"}
    ended = on_slurm.run(
        on_slurm.held("mlp.single", "MLPTrainer"), *SMALL, *TRAINING, "launcher=herd", "requeue=on",
        "user.slurm.additional_parameters.qos=short", "+seeds=0,1", "experiment_name=one", "--multirun",
    )  # fmt: skip
    assert "herd status" in ended.stdout
    for number in (0, 1):
        on_slurm.until_logged("one", "epoch 0:", number)
    trials = herd(on_slurm, "status")["trials"]
    assert [trial["status"] for trial in trials] == ["running"] * 2
    assert [trial["experiment_name"] for trial in trials] == ["seeds-0", "seeds-1"]
    on_slurm.until_held()
    submitted = json.loads((on_slurm.sweep("one") / "launch.sh.herd/.hyperherd/job_ids.json").read_text())
    job = str(submitted[0]["slurm_job_id"])
    assert on_slurm.ask("squeue", "-h", "-r", "-o", "%q", "-j", job).split() == ["short"] * 2

    on_slurm.ask("scontrol", "update", f"JobId={job}_0", "EndTime=now+5")
    on_slurm.until_logged("one", "saved checkpoint-epoch-1-step-3", 0)
    on_slurm.start_again(f"{job}_0")
    on_slurm.go()
    until(lambda: herd(on_slurm, "status")["totals"].get("completed") == 2, "both")
    assert (on_slurm.resumed_at("one", 0), on_slurm.resumed_at("one", 1)) == ([(1, 3)], [])
    for number in (0, 1):
        ends_on_the_same(on_slurm, "one", straight, number)
    metrics = [trial["metrics"] for trial in herd(on_slurm, "res")["trials"]]
    assert [one["accuracy"] for one in metrics] == [straight.metrics("straight")[-1]["accuracy"]] * 2


def test_herd_needs_no_time_limit_and_trains_here_as_well(project: Project) -> None:
    beside = TEMPLATES.parent / "src"
    project.env = {**project.env, "PYTHONPATH": f"{project.env['PYTHONPATH']}:{beside}"}
    words = (
        "compute=local",
        "launcher=herd",
        "hydra.launcher.place=local",
        "data=tiny",
        "trainer.num_epochs=1",
    )
    project.run("mlp.single.launch", *words, "wait=true", "experiment_name=one", "--multirun")
    assert len(project.metrics("one")) == 1


WITHOUT = """
import runpy, sys
sys.modules["hyperherd"] = None
sys.argv[:1] = ["launch.py"]
runpy.run_module("mlp.single.launch", run_name="__main__")
"""


def test_where_herd_is_not_installed_that_is_what_is_said(project: Project) -> None:
    argv = project.argv("mlp.single.launch", "compute=local", "launcher=herd", "--multirun")
    argv[1:3] = ["-c", WITHOUT]
    ended = subprocess.run(
        argv, capture_output=True, text=True, env=project.env, check=False, timeout=DEADLINE_S
    )
    assert ended.returncode == 1
    assert "launcher=herd: HyperHerd is not installed here" in ended.stderr
    assert "Traceback" not in ended.stderr
