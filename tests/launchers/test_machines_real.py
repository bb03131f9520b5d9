"""What was found for a requirement, or filled in by a preset, is what a real Slurm gives."""

from __future__ import annotations

import re

from .conftest import on_the_real_slurm
from .herd import GATE, Herd
from .test_machines import configuration, told, typed

pytestmark = on_the_real_slurm


def job(herd: Herd) -> str:
    """What ``scontrol`` says of the one job that was submitted."""
    (record,) = herd.job_ids()
    return herd.tool("scontrol", "show", "job", str(record["slurm_job_id"]))


def gpus_of(job: str) -> int:
    """How many GPUs Slurm has set aside for it."""
    (count,) = (
        re.findall(r"ReqTRES=\S*gres/gpu=(\d+)", job)[:1] or re.findall(r"\bTRES=\S*gres/gpu=(\d+)", job)[:1]
    )
    return int(count)


def running(herd: Herd, more: str, *options: str) -> str:
    """A trial that runs with these lines of YAML, as ``scontrol`` shows it; it has ended afterwards."""
    herd.describe([1], more)
    herd.launch(GATE)
    herd.submit(*options)
    herd.until_started(1)
    shown = job(herd)
    herd.go()
    herd.until_statuses("completed")
    return shown


def test_detect_finds_its_nodes_and_gpus_and_what_it_wrote_is_run_on(herd: Herd) -> None:
    typed(herd, "launchers", "detect", "--write")
    hosts = told(herd, "launchers", "list")["hosts"]
    gpu = next(host for host in hosts if host["options"].get("partition") == "gpu")
    assert gpu["machines"] == 4
    assert gpu["machines"] * sum(one["count"] for one in gpu["accelerators"]) == 16
    shown = running(herd, "requires: duration=10m & cpu(mem=100M, cores=2) & cuda(mem=1G) * 2\n")
    (line,) = herd.lines()
    assert len(set(line.gpus.split(","))) == 2
    assert gpus_of(shown) == 2
    assert "TimeLimit=00:10:00" in shown and "CPUs/Task=2" in shown and "MinMemoryNode=96M" in shown
    assert herd.job_ids()[0]["host"] in {host["name"] for host in hosts}


def test_what_needs_no_gpu_is_given_none(herd: Herd) -> None:
    typed(herd, "launchers", "detect", "--write")
    shown = running(herd, "requires: duration=10m & cpu(mem=100M)\n")
    assert "gres/gpu" not in shown
    assert herd.lines()[0].gpus == ""


def test_a_preset_becomes_what_the_job_is_given(herd: Herd) -> None:
    (herd.root / "mine.yaml").write_text(
        "nodes: 1\ngpu_type: t4\ngpus_per_node: 2\ngres: gpu:${.gpu_type}:${.gpus_per_node}\n"
        "tasks_per_node: ${.gpus_per_node}\ncpus_per_task: 3\nmem_gb: 0.5\ntimeout_min: 7\n"
        "slurm: {partition: gpu, additional_parameters: {nice: 5}}\n"
    )
    (herd.root / "user.yaml").write_text(
        "user: {slurm: {account: main, additional_parameters: {qos: short}}}"
    )
    shown = running(herd, "compute: mine\n")
    for words in (
        *("NumNodes=1", "NumTasks=2", "CPUs/Task=3", "MinMemoryNode=512M", "TimeLimit=00:07:00"),
        *("Partition=gpu", "Account=main", "QOS=short", "Nice=5"),
    ):
        assert words in shown, shown
    assert gpus_of(shown) == 2
    assert len(herd.lines()[0].gpus.split(",")) == 2


def test_a_host_with_account_and_qos_is_asked_for_by_them(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text(
        "hosts: {paid: {partition: cpu, account: main, qos: short, cores: 4, memory: 8GiB, slurm: {nice: 3}}}\n"
    )
    shown = running(herd, "requires: duration=5m & cpu(mem=64MiB)\n")
    for words in ("Partition=cpu", "Account=main", "QOS=short", "Nice=3", "TimeLimit=00:05:00"):
        assert words in shown, shown


def test_two_places_are_two_jobs_in_their_partitions(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text(
        "hosts:\n  c: {partition: cpu, cores: 4, memory: 8GiB}\n"
        "  g: {partition: gpu, cores: 4, memory: 8GiB, accelerators: {model: t4, count: 4, gres: 'gpu:t4'}}\n"
    )
    herd.describe(
        [1, 2, 3],
        "requires: cpu(mem=64MiB)\nslurm: {time: 5}\n"
        "conditions: [{when: {x: 3}, requires: cpu(mem=64MiB) & cuda(model=t4)}]\n",
    )
    herd.launch('[[ $SLURM_JOB_PARTITION == "$([[ $1 == *x=3* ]] && echo gpu || echo cpu)" ]] || exit 5')
    herd("run", "--wait")
    assert herd.started() == [0, 1, 2]
    assert [(one["host"], one["indices"]) for one in herd.job_ids()] == [("c", [0, 1]), ("g", [2])]


def test_gpus_that_the_sweep_asks_for_take_the_place_of_those_of_the_preset(herd: Herd) -> None:
    (herd.root / "mine.yaml").write_text("gpus_per_node: 1\ngres: gpu:t4:1\nmem_gb: 0.25\ntimeout_min: 5\n")
    shown = running(herd, "compute: mine\nslurm: {gpus_per_node: 3}\n")
    assert gpus_of(shown) == 3
    assert len(herd.lines()[0].gpus.split(",")) == 3
