"""The launcher's promises, on the fake Slurm and on a real one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import attempt_files
import pytest

from hyperherd.attempts.filenames import Unit
from hyperherd.errors import SubmissionRefusedError
from hyperherd.jobs import Batch, Element, Phase
from hyperherd.launchers import splitting
from hyperherd.launchers.shipped import native

from .conftest import Cluster, batch_in, own

MARK = 'echo "$HYPERHERD_ATTEMPT_MARK $SLURM_ARRAY_TASK_ID $1" >>ran; '
WAIT = "trap 'exit 9' TERM; : >started; while :; do sleep 0.05; done"


def ran(folder: Path) -> list[str]:
    return sorted((folder / "ran").read_text().splitlines())


def notes(folder: Path) -> list[str]:
    return attempt_files.names(folder / ".hyperherd/attempts")


def split(cluster: Cluster, batch: Batch) -> list[tuple[Element, ...]]:
    return list(splitting.pieces(batch.elements, cluster.launcher.limits(batch)))


def test_the_place_is_the_clusters_name(cluster: Cluster) -> None:
    assert f"ClusterName             = {cluster.launcher.where()}\n" in cluster.run(
        "scontrol", "show", "config"
    )


def test_each_trial_runs_once_and_its_end_is_told(cluster: Cluster, workspace: Path) -> None:
    batch = batch_in(workspace, MARK + '[ "$1" != x=2 ] || exit 4', indices=(0, 2, 3, 7))
    job = cluster.submit(batch)
    states = cluster.until_words(job, "COMPLETED", "FAILED")
    assert [(i, s.phase, s.word) for i, s in states.items()] == [
        (0, Phase.ENDED, "COMPLETED"),
        (2, Phase.ENDED, "FAILED"),
        (3, Phase.ENDED, "COMPLETED"),
        (7, Phase.ENDED, "COMPLETED"),
    ]
    assert ran(workspace) == [f"{batch.token}/{i}.1 {i} x={i}" for i in (0, 2, 3, 7)]
    assert notes(workspace) == [
        "0.1",
        "0.1.completed.0",
        "2.1",
        "2.1.failed.4",
        "3.1",
        "3.1.completed.0",
        "7.1",
        "7.1.completed.0",
    ]
    assert batch.files.register.read_text() == f"{job.job_id}\n"
    assert states[3].node
    assert job.submitted_at - 60 < (states[3].started_at or 0) <= (states[3].ended_at or 0) < time.time() + 60
    assert cluster.until(job, lambda now: now[2].exit_code is not None)[2].exit_code == 4


def test_slurms_own_log_lies_in_the_workspace(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, "echo to the trial; exit 0", indices=(3,)))
    cluster.until_words(job, "COMPLETED")
    assert (workspace / f".hyperherd/logs/slurm/{job.job_id}_3.log").read_text() == ""
    assert (workspace / ".hyperherd/logs/3.out").read_text().endswith("====\nto the trial\n")


@pytest.mark.parametrize("name", ["a\nb", "back\\slash", 'q"uote$x`y`', "é😀 *?"])
def test_any_workspace_path_works(cluster: Cluster, tmp_path: Path, name: str) -> None:
    job = cluster.submit(batch_in(tmp_path / name, "pwd >where"))
    cluster.until_words(job, "COMPLETED")
    assert (tmp_path / name / "where").read_text() == f"{tmp_path / name}\n"


def test_an_index_over_the_clusters_limit_is_still_the_trials_own(cluster: Cluster, workspace: Path) -> None:
    batch = batch_in(workspace, MARK, indices=(999, 1000, 70_000))
    (piece,) = split(cluster, batch)
    job = cluster.submit(batch.only(piece))
    assert {n: offer.unit.trial for n, offer in job.offers.items()} == {0: 999, 1: 1000, 2: 70_000}
    cluster.until_words(job, "COMPLETED")
    assert ran(workspace) == [f"{batch.token}/{i}.1 {i} x={i}" for i in (1000, 70000, 999)]


def test_a_batch_is_split_where_arrays_are_limited(cluster: Cluster, workspace: Path) -> None:
    pieces = split(cluster, batch_in(workspace, indices=range(2500)))
    assert [len(piece) for piece in pieces] == [1001, 1001, 498]
    assert [element.unit.trial for piece in pieces for element in piece] == list(range(2500))


def test_a_batch_is_split_where_scripts_are_limited(cluster: Cluster, workspace: Path) -> None:
    batch = batch_in(workspace)
    large = tuple(
        replace(batch.elements[0], unit=Unit(i), number=i, argument="x" * 900_000) for i in range(7)
    )
    pieces = split(cluster, replace(batch, elements=large))
    assert [len(piece) for piece in pieces] == [3, 3, 1]
    job = cluster.submit(replace(batch.only(pieces[0]), request=native().request({"hold": True})))
    assert cluster.launcher.cancel(job, [0, 1, 2]) == {}


@pytest.mark.parametrize("comment", [None, "the user's own"])
def test_a_waiting_job_says_why_and_can_be_found_by_its_token(
    cluster: Cluster, workspace: Path, comment: str | None
) -> None:
    options: dict[str, str | int | bool | None] = {"hold": True, "comment": comment}
    job = cluster.submit(batch_in(workspace, indices=(1, 2, 3), options=options))
    states = cluster.poll(job)
    assert {state.phase for state in states.values()} == {Phase.QUEUED}
    assert states[2].reason.startswith("JobHeldUser: ")
    unknown = replace(job, job_id=None)
    assert cluster.launcher.find([unknown, replace(unknown, token=f"{job.token}2")]) == {
        job.token: job.job_id
    }
    assert cluster.launcher.cancel(job, [1, 2, 3]) == {}


def test_only_the_trials_asked_for_are_cancelled(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, MARK, indices=range(6), options={"hold": True}))
    assert cluster.launcher.cancel(job, [1, 3, 4]) == {}
    states = cluster.until(job, lambda now: now[1].phase is Phase.ENDED)
    assert [state.word for state in states.values()] == [
        *("PENDING", "CANCELLED", "PENDING"),
        *("CANCELLED", "CANCELLED", "PENDING"),
    ]
    cluster.run("scontrol", "release", str(job.job_id))
    states = cluster.until_words(job, "COMPLETED", "CANCELLED")
    assert [line.split()[1] for line in ran(workspace)] == ["0", "2", "5"]


def test_a_cancelled_running_trial_is_told_to_end_and_notes_it(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, WAIT, indices=(4,)))
    cluster.until(job, lambda _: (workspace / "started").exists())
    assert cluster.poll(job)[4].phase is Phase.RUNNING
    assert cluster.launcher.cancel(job, [4]) == {}
    assert cluster.until_words(job, "CANCELLED")[4].phase is Phase.ENDED
    assert notes(workspace) == ["4.1", "4.1.failed.9.TERM"]
    assert cluster.launcher.cancel(job, [4]) == {}


def test_a_refusal_quotes_slurm(cluster: Cluster, workspace: Path) -> None:
    batch = batch_in(workspace, options={"partition": "nosuch"})
    with pytest.raises(SubmissionRefusedError, match="Invalid partition name specified"):
        cluster.submit(batch)


def test_a_job_that_was_given_up_runs_nothing(cluster: Cluster, workspace: Path) -> None:
    batch = batch_in(workspace, MARK)
    batch.files.register.write_text("void\n")
    job = cluster.submit(batch)
    states = cluster.until(job, lambda now: now[0].exit_code is not None)
    assert (states[0].word, states[0].exit_code) == ("FAILED", 3)
    assert not (workspace / "ran").exists()
    assert notes(workspace) == []
    assert "given up" in (workspace / f".hyperherd/logs/slurm/{job.job_id}_0.log").read_text()


def test_what_the_job_waits_for_comes_first(cluster: Cluster, workspace: Path) -> None:
    first = cluster.submit(batch_in(workspace, MARK, options={"hold": True}))
    after = batch_in(workspace, MARK, indices=(1,), token="t2", after=(str(first.job_id),))
    second = cluster.submit(after)
    states = cluster.until(second, lambda now: now[1].reason != "")
    assert states[1].reason == "Dependency: waits for another job"
    cluster.run("scontrol", "release", str(first.job_id))
    cluster.until_words(second, "COMPLETED")
    assert (workspace / "ran").read_text().splitlines() == [
        f"{first.token}/0.1 0 x=0",
        f"{second.token}/1.1 1 x=1",
    ]


def test_options_and_the_most_at_once_reach_slurm(cluster: Cluster, workspace: Path) -> None:
    options: dict[str, str | int | bool | None] = {
        "hold": True,
        "cpus_per_task": 2,
        "time": "1:30:00",
        "partition": "cpu",
        "qos": None,
    }
    batch = batch_in(workspace, indices=range(4), options=options, at_once=2, extra_args=("--mem=100M",))
    job = cluster.submit(batch)
    shown = cluster.run("squeue", "-h", "-j", str(job.job_id), "-o", "%K|%C|%l|%P|%m|%j|%k")
    assert shown == f"0-3%2|2|1:30:00|cpu|100M|hyperherd_x|{batch.token}\n"
    assert cluster.launcher.cancel(job, range(4)) == {}


def test_usage_is_told_of_the_newest_attempt(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, "sleep 0.2; exit 3", options={"mem": "100M"}))
    cluster.until(job, lambda now: now[0].exit_code == 3)
    used = cluster.launcher.usage([job])[job.token][0]
    assert (used.word, used.exit_code) == ("FAILED", 3)
    # A real sacct has not always heard of the start of so short a job, nor then of its memory.
    assert used.req_mem_bytes in (100 * 2**20, None)
    assert 0 <= (used.elapsed_s or 0) < 60


def test_jobs_of_another_cluster_are_neither_judged_nor_cancelled(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, options={"hold": True}))
    foreign = replace(job, where="elsewhere")
    assert cluster.poll(foreign)[0].phase is Phase.UNKNOWN
    assert cluster.launcher.cancel(foreign, [0]) == {0: "its job is on cluster elsewhere"}
    assert cluster.launcher.find([replace(foreign, job_id=None)]) == {}
    assert cluster.poll(job)[0].phase is Phase.QUEUED
    assert cluster.launcher.cancel(job, [0]) == {}


def test_a_reused_id_is_somebody_elses_job(cluster: Cluster, workspace: Path) -> None:
    job = cluster.submit(batch_in(workspace, options={"hold": True}))
    older = replace(job, token=own("older"))
    assert cluster.poll(older)[0].phase is Phase.ABSENT
    assert cluster.launcher.cancel(older, [0]) == {}
    assert cluster.poll(job)[0].phase is Phase.QUEUED
    assert cluster.launcher.cancel(job, [0]) == {}


def test_a_job_that_slurm_does_not_know_is_absent(cluster: Cluster, workspace: Path) -> None:
    job = cluster.job(batch_in(workspace, indices=(0, 1)), "987654", time.time())
    assert {state.phase for state in cluster.poll(job).values()} == {Phase.ABSENT}


def test_what_the_cluster_would_refuse_is_found_before(cluster: Cluster, workspace: Path) -> None:
    def found(**options: str | int) -> str:
        return str(dict(cluster.launcher.check(batch_in(workspace, options=options))))

    assert found(partition="cpu", time=30, mem="1G", account="root", qos="normal") == "{}"
    assert "no partition 'cpuu'" in found(partition="cpuu") and "'cpu'?" in found(partition="cpuu")
    assert "no account 'mine'" in found(account="mine")
    assert "no QOS 'fast'" in found(qos="fast")
    assert "not a time" in found(time="4hours")
    assert "write '12G'" in found(mem="12.00G")
    assert "--cpus-per-tsk" in found(cpus_per_tsk=1) and "cpus_per_task" in found(cpus_per_tsk=1)
    assert "hyperherd_<name>" in found(job_name="mine")
