"""The commands that users of such templates know, with the machine's names changed to those of the test cluster."""

from __future__ import annotations

import json
import shlex

import pytest

from .project import OnSlurm

COMMANDS = [
    ("mlp.single.launch compute=bon_echo/a40_1x requeue=off --multirun", 1),
    ("mlp.single.launch compute=killarney/l40s_1x requeue=off --multirun", 1),
    ("llm.text_classification.launch compute=killarney/l40s_1x trainer.learning_rate=5e-4 --multirun", 1),
    ("llm.text_classification.launch compute=bon_echo/a40_1x --multirun", 1),
    (
        "mlp.single.launch trainer.learning_rate=1e-2,1e-3 trainer.hidden_dim=64,128 "
        "compute=bon_echo/a40_1x --multirun",
        4,
    ),
    (
        "vlm.image_captioning.launch trainer.batch_size=8,16,32 trainer.learning_rate=1e-4,5e-5 "
        "compute=killarney/h100_1x --multirun",
        6,
    ),
]
HERE = ("compute.gpu_type=t4", "compute.slurm.partition=null", "compute.cpus_per_task=1", "compute.mem_gb=2")
HELD = ("wait=false", "experiment_name=documented", "+user.slurm.additional_parameters.hold=true")


@pytest.mark.parametrize(("command", "runs"), COMMANDS, ids=lambda value: str(value).replace("/", "-"))
def test_a_documented_command_submits_one_job_for_each_combination(
    on_slurm: OnSlurm, command: str, runs: int
) -> None:
    module, *words, multirun = shlex.split(command)
    ended = on_slurm.run(module, *words, *HERE, *HELD, multirun)
    job = on_slurm.job("documented")
    assert f"Slurm has {runs} jobs: {job}" in ended.stdout
    for number in range(runs):
        assert f"#{number} : " in ended.stdout
    told = on_slurm.ask("squeue", "--json", "-j", job)
    jobs = [one for one in json.loads(told)["jobs"] if one["array_job_id"] in (int(job), 0)]
    assert len(jobs) >= 1
    assert {one["tres_per_node"] for one in jobs} == {"gres:gpu:t4:1"}
    assert {one["name"] for one in jobs} == {"launch"}
