"""What Slurm would do with a request, asked before anything is submitted: the answers as they were recorded."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hyperherd.launchers.slurm import batch_check, parse, site
from hyperherd.launchers.slurm.parse import Tried, Verdict

from .conftest import Cluster, batch_in

RECORDED = Path(__file__).parents[1] / "recorded" / "slurm-22.05"
NODES = site.nodes((RECORDED / "nodes.out").read_text())
"""Four of them, each with 16 CPUs, 20 GB and four t4."""
SHORT = "allocation failure: Requested node configuration is not available"

VERDICTS = {
    "now": Verdict.TAKEN,
    "later": Verdict.TAKEN,
    "later-seconds": Verdict.TAKEN,
    "verbose": Verdict.TAKEN,
    "refused-cpus": Verdict.SHORT,
    "refused-gres": Verdict.REFUSED,
    "refused-time": Verdict.REFUSED,
    "refused-account": Verdict.REFUSED,
    "nodes-down": Verdict.SHORT,
    "partition-inactive": Verdict.REFUSED,
    "submit-limit": Verdict.LIMIT,
    "slurmctld-down": Verdict.SILENT,
}


def recorded(name: str) -> Tried:
    code = RECORDED / f"sbatch-test-{name}.rc"
    said = (RECORDED / f"sbatch-test-{name}.err").read_text()
    return parse.tried(int(code.read_text()) if code.exists() else 0, said)


@pytest.mark.parametrize("name", VERDICTS)
def test_each_recorded_answer_is_understood_and_its_words_are_kept(name: str) -> None:
    found = recorded(name)
    assert found.verdict is VERDICTS[name]
    assert found.words in (RECORDED / f"sbatch-test-{name}.err").read_text()
    assert (found.starts_at is not None) is (found.verdict is Verdict.TAKEN)


def test_a_start_is_read_in_either_form() -> None:
    assert recorded("later-seconds").starts_at == 1796001564.0
    assert recorded("later").starts_at == parse.moment("2026-11-30T01:19:24")


@pytest.mark.parametrize(
    ("code", "said", "verdict"),
    [
        (1, "sbatch: error: AssocGrpSubmitJobsLimit\nallocation failure: Job violates accounting/QOS policy", "LIMIT"),
        (1, "allocation failure: Job violates accounting/QOS policy (job submit limit, ...)", "LIMIT"),
        (1, "sbatch: error: QOSMaxWallDurationPerJobLimit\nallocation failure: Job violates accounting/QOS policy",
         "REFUSED"),
        (1, "allocation failure: Requested partition configuration not available now", "LATER"),
        (1, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", "SILENT"),
        (-9, "", "SILENT"),
        (1, "", "REFUSED"),
        (0, "Submitted by a program of the site's\n", "TAKEN"),
    ],
)  # fmt: skip
def test_a_limit_on_how_many_jobs_and_silence_are_no_refusal(code: int, said: str, verdict: str) -> None:
    assert parse.tried(code, said).verdict is Verdict[verdict]


def told(asked: dict[str, str | int | bool | None], *states: str) -> str:
    """Refused or unsure, with the words and the hint, where sbatch says that there are no such nodes."""
    nodes = [replace(node, states=frozenset({state})) for node, state in zip(NODES, states, strict=False)]
    found = batch_check.forecast(Tried(Verdict.SHORT, SHORT), asked, nodes)
    return f"{'refused' if found.refused else 'unsure'}: {found.refused}{found.unsure}: {found.hint}"


UP = ("IDLE", "MIXED", "ALLOCATED", "IDLE")


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [
        ({"cpus_per_task": "64"}, "no node has 64 CPUs; the most is 16"),
        ({"cpus_per_task": 8, "ntasks_per_node": "4"}, "no node has 32 CPUs; the most is 16"),
        ({"mem": "900G"}, "no node has 900.0 GiB of memory; the most is 19.5 GiB"),
        ({"nodes": "9-12"}, "there are 4 nodes, not 9"),
        ({"gres": "gpu:5"}, "no node has 5 of gpu; the most is 4"),
        ({"gpus_per_node": "a100:1"}, "no node has gpu:a100; there is gpu:t4"),
        ({"gres": "tpu:1"}, "no node has tpu; there is gpu:t4"),
    ],
)
def test_what_no_node_has_is_refused_and_named_whatever_else_is_down(
    asked: dict[str, str | int | bool | None], lacking: str
) -> None:
    for states in (UP, ("DOWN", "DRAIN", "IDLE", "IDLE")):
        assert told(asked, *states).endswith(lacking)
        assert told(asked, *states).startswith("refused: ") and SHORT in told(asked, *states)


def test_nodes_that_are_down_or_kept_for_others_are_no_refusal() -> None:
    """sbatch accepts such a job and lets it wait, though ``--test-only`` has the words of nodes that never were."""
    fits: dict[str, str | int | bool | None] = {
        "cpus_per_task": 16,
        "mem": "10G",
        "gres": "gpu:t4:4",
        "nodes": 4,
    }
    for state in ("DOWN", "DRAINED", "RESERVED", "MAINT"):
        assert told(fits, state, *UP[1:]).startswith(
            "unsure: Slurm could not start this now (1 of 4 nodes down"
        )
    assert told(fits).startswith("unsure: Slurm could not start this now: ")
    assert told(fits, *UP).startswith("refused: Slurm would refuse this (--cpus-per-task=16 --mem=10G")


def test_a_job_that_waits_for_another_or_is_held_has_no_expected_start() -> None:
    for asked in ({"dependency": "afterok:7"}, {"hold": True}):
        assert batch_check.forecast(recorded("now"), asked, ()).starts_at is None
    assert batch_check.forecast(recorded("now"), {"dependency": None}, ()).starts_at is not None


def test_sbatch_is_asked_for_what_will_be_asked_for_and_nothing_is_submitted(
    cluster: Cluster, workspace: Path
) -> None:
    """With the launcher's own options, the batch's and the raw lines; on a real Slurm too."""
    cluster.launcher = cluster.launcher.config(partition="cpu", quiet=True, verbose=True)
    batch = batch_in(workspace, indices=range(4), options={"time": 5}, extra_args=("--export=NONE", "-c 2"))
    good = cluster.launcher.foresee(batch)
    assert good.starts_at and not good.refused + good.unsure
    wrong = cluster.launcher.foresee(replace(batch, request=replace(batch.request, native_lines=("-c 64",))))
    assert re.search(r"would refuse this \(.*--partition=cpu.*--time=5.*--cpus-per-task=64\)", wrong.refused)
    assert wrong.refused.endswith(SHORT) and wrong.hint == "no node has 64 CPUs; the most is 16"
    assert not batch.files.script.exists()
    name = cluster.run("squeue", "--noheader", f"--name={batch.name}", "--format=%P|%l")
    assert "cpu|5:00" not in name
