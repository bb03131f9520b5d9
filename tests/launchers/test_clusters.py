"""What only a cluster does: names, options, limits, nodes."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from .conftest import on_slurm, on_the_real_slurm
from .herd import GATE, Herd


def _job(herd: Herd) -> str:
    return str(herd.job_ids()[-1]["slurm_job_id"])


@on_slurm
def test_the_jobs_name_is_exactly_that_of_the_sweep(herd: Herd) -> None:
    herd.describe([1])
    herd.launch(GATE)
    herd.submit()
    herd.until_started(1)
    name = f"hyperherd_{herd.name}"
    assert herd.tool("squeue", "-h", f"--name={name}", "-o", "%j|%F") == f"{name}|{_job(herd)}\n"


@on_slurm
def test_raw_lines_and_options_reach_sbatch(herd: Herd, place: str) -> None:
    more = "slurm: {partition: cpu, cpus_per_task: 2, extra_args: ['--nodelist=n2', '#SBATCH --nice=7']}\n"
    herd.describe([1], more)
    herd.launch('echo "$SLURM_JOB_PARTITION $SLURM_CPUS_PER_TASK $SLURMD_NODENAME"')
    herd("run", "--wait")
    node = "n2" if place == "real" else "n1"  # the fake one chooses no nodes
    assert herd.trials()[0]["last_log_line"] == f"cpu 2 {node}"
    assert "#SBATCH --nodelist=n2\n" in (herd.root / ".hyperherd/job.sbatch").read_text()
    assert "#SBATCH --nice=7\n" in (herd.root / ".hyperherd/job.sbatch").read_text()


@on_slurm
@pytest.mark.parametrize(("export", "mark"), [("ALL", "1"), ("NONE", "none")])
def test_what_raw_lines_say_of_environment_comment_and_folder_holds(
    herd: Herd, place: str, export: str, mark: str
) -> None:
    """With HyperHerd's own example, ``--export=ALL``; and where nothing is exported the trial's variables still are."""
    herd = replace(herd, env={**herd.env, "MARK": "1"})
    (herd.root / "data").mkdir()
    raw = f"--export={export}", "--comment='my words' # why", "--chdir=data", "--open-mode=truncate"
    herd.describe([1], f"slurm: {{extra_args: {json.dumps(raw)}}}\n")
    program = "srun bash" if place == "real" else "bash"
    herd.launch(f"""{program} -c 'echo "$PWD|${{MARK-none}}|$HYPERHERD_TRIAL_ID"'""")
    herd("run", "--wait")
    assert herd.trials()[0]["last_log_line"] == f"{herd.root}/data|{mark}|0"
    assert herd.tool("squeue", "-h", "-t", "all", "-j", _job(herd), "-o", "%k") == "my words\n"


@on_slurm
def test_more_memory_than_any_node_has_is_refused_in_slurms_words(herd: Herd) -> None:
    herd.describe([1], "slurm: {mem: 9000G}\n")
    herd.launch()
    refused = herd("run", code=1)
    assert "emory" in refused.stderr
    assert set(herd.statuses().values()) <= {"ready"}


@on_the_real_slurm
def test_at_the_time_limit_a_trial_has_failed_and_says_so(herd: Herd) -> None:
    herd.describe([1, 2], "slurm: {time: 5}\n")
    herd.launch(GATE)
    herd.submit()
    herd.until_started(2)
    herd.tool("scontrol", "update", f"JobId={_job(herd)}_0", "EndTime=now+5")
    herd.until(lambda: herd.statuses()[0] == "failed", "the time limit")
    told = herd.trials()
    assert (told[0]["reason"], told[1]["status"]) == ("time limit", "running")
    assert f"failed (time limit) on {told[0]['node']}" in herd("status").stdout
    assert "DUE TO TIME LIMIT" in herd("tail", "0").stdout
    herd.go()
    herd("run", "--wait", "-i", "0")
    herd.until_statuses("completed")
    assert herd.trials()[0]["attempt"] == 2


@contextlib.contextmanager
def _down(herd: Herd, node: str) -> Iterator[None]:
    herd.tool("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        yield
    finally:
        herd.until(lambda: _is_up(herd, node), f"{node} to come back")


def _is_up(herd: Herd, node: str) -> bool:
    """Whether it takes jobs again; it is asked to (Slurm refuses that where the node has come back by itself)."""
    argv = ["scontrol", "update", f"nodename={node}", "state=resume"]
    subprocess.run(argv, env=herd.env, capture_output=True, timeout=60)
    return "down" not in herd.tool("sinfo", "-h", "-n", node, "-o", "%T")


@on_the_real_slurm
def test_a_trial_whose_node_goes_down_has_failed_and_says_so(herd: Herd) -> None:
    herd.describe([1], "slurm: {nodelist: n4, exclusive: true, no_requeue: true}\n")
    herd.launch(GATE)
    herd.submit()
    herd.until_started(1)
    with _down(herd, "n4"):
        herd.until(lambda: herd.statuses() == {0: "failed"}, "the node's failure")
    trial = herd.trials()[0]
    assert (trial["reason"], trial["node"]) == ("node failure", "n4")


@on_the_real_slurm
def test_memory_used_and_asked_is_told(herd: Herd) -> None:
    herd.describe([1], "slurm: {mem: 300M}\n")
    herd.launch("printf -v held '%080000000d' 1\nsleep 5\n")  # the cluster looks every 2 s
    herd("run", "--wait")
    herd.until(lambda: herd.json("stats")["trials"][0]["max_rss_bytes"], "what was used")
    trial = herd.json("stats")["trials"][0]
    assert trial["req_mem_bytes"] == 300 * 1024**2
    assert trial["max_rss_bytes"] > 0
