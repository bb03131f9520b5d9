"""The commands that users of such templates know, with the machine's names changed to those of the test cluster."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess

import pytest

from .conftest import TEMPLATES
from .project import DEADLINE_S, SMALL, TRAINING, OnSlurm

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
SHORT = ("data=tiny", "trainer.num_epochs=1", "experiment_name=documented")


@pytest.mark.parametrize(("command", "runs"), COMMANDS, ids=lambda value: str(value).replace("/", "-"))
def test_a_documented_command_trains_each_combination_on_the_gpu_of_its_preset(
    on_slurm: OnSlurm, command: str, runs: int
) -> None:
    module, *words, multirun = shlex.split(command)
    ended = on_slurm.run(module, *words, *HERE, *SHORT, multirun)
    sweep, job = on_slurm.sweep("documented"), on_slurm.job("documented")
    assert f"Submitit 'slurm' sweep output dir : {sweep}\n" in ended.stdout
    for number in range(runs):
        assert f"#{number} : " in ended.stdout
        assert len(on_slurm.metrics("documented", number)) == 1
    told = on_slurm.ask("squeue", "--json", "--states=all", "-j", job)
    jobs = [one for one in json.loads(told)["jobs"] if int(job) in (one["job_id"], one["array_job_id"])]
    assert len(jobs) == runs
    assert {one["tres_per_node"] for one in jobs} == {"gres:gpu:t4:1"}
    assert {one["name"] for one in jobs} == {module.removesuffix(".launch")}


def test_the_documented_looks_at_a_run_find_it_and_ctrl_c_leaves_it_running(on_slurm: OnSlurm) -> None:
    command = on_slurm.start(on_slurm.held("mlp.single", "MLPTrainer"), *SMALL, *TRAINING, "--multirun")
    on_slurm.until_held()

    def typed(line: str) -> str:
        answer = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, env=on_slurm.env, check=True
        )
        return answer.stdout

    (name,) = typed(f"ls -1t {on_slurm.work_root}/vec_jobs | head").split()
    assert re.fullmatch(r"\d{8}-\d{6}", name)
    work_dir, job = on_slurm.sweep(name), on_slurm.job(name)
    assert job in typed("squeue --me")
    assert "epoch 0: " in typed(f"tail {work_dir}/0/launch.log")
    assert "epoch 0: " in typed(f"tail {work_dir}/submitit_logs/*/*_log.out")

    command.send_signal(signal.SIGINT)
    assert command.wait(DEADLINE_S) == 130
    assert f"The jobs go on. To cancel them: scancel {job}\n" in on_slurm.terminal()
    assert "Traceback" not in on_slurm.terminal()
    assert on_slurm.state(job) == "RUNNING"
    typed(f"scancel {job}")
    on_slurm.until_state(job, "CANCELLED")


@pytest.mark.parametrize("page", ["templates.md", "from-vec-playbook.md"])
def test_no_page_shows_another_command_for_slurm(page: str) -> None:
    text = (TEMPLATES.parent / "docs" / page).read_text().replace("\\\n", " ")
    shown = re.findall(r"^uv run python -m (\w\S+ .*--multirun)$", text, re.MULTILINE)
    assert shown
    assert {tuple(sorted(one.split())) for one in shown} <= {
        tuple(sorted(one.split())) for one, _ in COMMANDS
    }
