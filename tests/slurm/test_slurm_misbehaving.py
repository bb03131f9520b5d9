"""A Slurm that lies, is late, or says nothing: only the fake one can be told to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import attempt_files
import pytest

from hyperherd.attempts.variables import SLURM_TIMEOUT_S
from hyperherd.errors import SchedulerSilentError, SubmissionRefusedError, SubmissionUnknownError
from hyperherd.jobs import Job, Phase
from hyperherd.launchers import splitting
from hyperherd.launchers.slurm import SlurmLauncher
from hyperherd.launchers.slurm.client import Client

from .conftest import Cluster, batch_in

HELD = {"hold": True}
WAIT = "trap 'exit 9' TERM; : >started.$HYPERHERD_ATTEMPT; while :; do sleep 0.05; done"


def impatient(cluster: Cluster, limit_s: float = 0.5) -> SlurmLauncher:
    return SlurmLauncher(
        nodes=None, client=Client.of_environment({**cluster.environment, SLURM_TIMEOUT_S: str(limit_s)})
    )


def running(cluster: Cluster, folder: Path, **options: Any) -> Job:
    job = cluster.submit(batch_in(folder, WAIT, options=options))
    cluster.until(job, lambda _: (folder / "started.1").exists())
    return job


def test_all_jobs_are_asked_about_in_two_calls(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    jobs = [
        fake.submit(batch_in(workspace, indices=(index, index + 1), token=f"t{index}"))
        for index in range(0, 8, 2)
    ]
    for job in jobs:
        fake.until_words(job, "COMPLETED")
    fake_slurm.knobs(squeue={"hide": [job.job_id for job in jobs]})
    before = len(fake_slurm.calls())
    states = fake.launcher.poll(jobs)
    assert [call["program"] for call in fake_slurm.calls()[before:]] == ["squeue", "sacct"]
    assert {state.word for trials in states.values() for state in trials.values()} == {"COMPLETED"}


def test_live_jobs_are_asked_about_in_one_call(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = fake.submit(batch_in(workspace, indices=range(20), options=HELD))
    fake.poll(job)
    before = len(fake_slurm.calls())
    fake.poll(job)
    assert [call["program"] for call in fake_slurm.calls()[before:]] == ["squeue"]


def test_a_squeue_that_fails_is_no_empty_answer(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = fake.submit(batch_in(workspace, options=HELD))
    words = "slurm_load_jobs error: Socket timed out on send/recv operation"
    fake_slurm.knobs(squeue={"error": words})
    with pytest.raises(SchedulerSilentError, match="Socket timed out"):
        fake.poll(job)
    assert fake.launcher.cancel(job, [0]) == {0: f"squeue failed: {words}"}
    fake_slurm.knobs(squeue={"error": None})
    assert fake.poll(job)[0].phase is Phase.QUEUED


def test_a_squeue_that_hangs_is_given_up(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = fake.submit(batch_in(workspace, options=HELD))
    configuration = workspace / "slurm.conf"
    configuration.write_text(f"ClusterName={fake.launcher.where()}\n")
    fake.environment["SLURM_CONF"] = str(configuration)
    launcher = impatient(fake)
    fake_slurm.knobs(squeue={"hang": True})
    with pytest.raises(SchedulerSilentError, match=r"did not answer within 0\.5 s"):
        launcher.poll([job])


def test_a_slurm_that_is_not_installed_is_said_so(workspace: Path) -> None:
    launcher = SlurmLauncher(
        nodes=None,
        client=Client.of_environment({"PATH": str(workspace), "SLURM_CONF": str(workspace / "none")}),
    )
    with pytest.raises(SchedulerSilentError, match="on PATH"):
        launcher.where()
    with pytest.raises(SubmissionRefusedError, match="on PATH"):
        launcher.submit(batch_in(workspace))


@pytest.mark.parametrize("sacct", [{"off": True}, {"error": "sacct: error: Problem talking to the database"}])
def test_without_accounting_squeue_suffices(
    fake: Cluster, fake_slurm: Any, workspace: Path, sacct: dict[str, Any]
) -> None:
    fake_slurm.knobs(sacct=sacct)
    job = fake.submit(batch_in(workspace, '[ "$1" = x=0 ]', indices=(0, 1)))
    states = fake.until_words(job, "COMPLETED", "FAILED")
    assert [state.word for state in states.values()] == ["COMPLETED", "FAILED"]
    fake_slurm.knobs(squeue={"hide": [job.job_id]})
    states = fake.poll(job)
    assert {state.phase for state in states.values()} == {Phase.ABSENT}
    assert states[0].reason.startswith("sacct failed: ")


def test_a_live_job_wins_over_an_old_word_of_sacct(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = fake.submit(batch_in(workspace, options=HELD))
    fake_slurm.knobs(sacct={"states": {f"{job.job_id}_0": "FAILED"}})
    assert fake.poll(job)[0].phase is Phase.QUEUED


def test_running_in_sacct_and_unknown_to_squeue_is_not_live(
    fake: Cluster, fake_slurm: Any, workspace: Path
) -> None:
    job = running(fake, workspace)
    fake_slurm.knobs(squeue={"hide": [job.job_id, f"{job.job_id}_0"]})
    assert fake.poll(job)[0].phase is Phase.ABSENT
    fake_slurm.knobs(squeue={"hide": []})
    assert fake.poll(job)[0].phase is Phase.RUNNING


def test_a_job_that_vanished_is_absent(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = running(fake, workspace)
    fake_slurm.vanish(f"{job.job_id}_0")
    assert fake.poll(job)[0].phase is Phase.ABSENT


def test_a_preempted_job_goes_on_as_the_next_attempt(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = running(fake, workspace, requeue=True)
    fake_slurm.preempt(f"{job.job_id}_0")
    states = fake.until(job, lambda _: (workspace / "started.2").exists())
    states = fake.until(job, lambda now: now[0].phase is Phase.RUNNING)
    assert states[0].word == "RUNNING"
    assert fake.launcher.cancel(job, [0]) == {}
    fake.until_words(job, "CANCELLED")
    names = attempt_files.names(job.files.attempts)
    assert names == ["0.1", "0.1.failed.9.TERM", "0.2", "0.2.failed.9.TERM"]


def test_a_preempted_job_that_is_not_wanted_back_has_ended(
    fake: Cluster, fake_slurm: Any, workspace: Path
) -> None:
    job = running(fake, workspace)
    fake_slurm.preempt(f"{job.job_id}_0")
    assert fake.until_words(job, "PREEMPTED")[0].phase is Phase.ENDED


@pytest.mark.parametrize("word", ["OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "DEADLINE"])
def test_slurms_word_for_an_end_is_kept(fake: Cluster, fake_slurm: Any, workspace: Path, word: str) -> None:
    job = running(fake, workspace)
    fake_slurm.finish(f"{job.job_id}_0", word)
    assert fake.poll(job)[0].word == word
    fake_slurm.knobs(squeue={"hide": [job.job_id, f"{job.job_id}_0"]})
    state = fake.until_words(job, word)[0]
    assert state.phase is Phase.ENDED


def test_a_trial_cancelled_while_it_waited_is_cancelled_for_good(
    fake: Cluster, fake_slurm: Any, workspace: Path
) -> None:
    job = fake.submit(batch_in(workspace, indices=range(4), options=HELD))
    fake.run("scancel", f"{job.job_id}_[1-2]")
    states = fake.poll(job)
    assert [state.word for state in states.values()] == ["PENDING", "CANCELLED", "CANCELLED", "PENDING"]


def test_chatter_around_the_id_is_no_part_of_it(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    told = {"chatter_before": ["Welcome to C, 3 news"], "chatter_after": ["bye"], "show_cluster": True}
    fake_slurm.knobs(sbatch=told)
    job = fake.submit(batch_in(workspace, options=HELD))
    assert fake.poll(job)[0].phase is Phase.QUEUED


def test_refusals_are_told_apart_from_silence(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    batch = batch_in(workspace, options=HELD)
    batch.files.script.write_text(fake.launcher.script(batch))
    words = "Batch job submission failed: Job violates accounting/QOS policy"
    fake_slurm.knobs(sbatch={"refuse": words})
    with pytest.raises(SubmissionRefusedError, match="Job violates accounting/QOS policy"):
        fake.launcher.submit(batch)
    words = "Batch job submission failed: Socket timed out on send/recv operation"
    fake_slurm.knobs(sbatch={"refuse": words})
    with pytest.raises(SubmissionUnknownError, match="Socket timed out"):
        fake.launcher.submit(batch)
    fake_slurm.knobs(sbatch={"refuse": None, "hang": True})
    with pytest.raises(SubmissionUnknownError, match="did not answer"):
        impatient(fake).submit(batch)


def test_a_submission_without_an_answer_is_found_by_its_token(
    fake: Cluster, fake_slurm: Any, workspace: Path
) -> None:
    batch = batch_in(workspace, options=HELD)
    batch.files.script.write_text(fake.launcher.script(batch))
    fake_slurm.knobs(sbatch={"delay_s": [5, 5], "delay_when": "before"})
    with pytest.raises(SubmissionUnknownError):
        impatient(fake, 3).submit(batch)
    job = fake.job(batch, None, time.time())
    job_id = fake_slurm.wait(lambda: fake.launcher.find([job]).get(job.token))
    assert [found["id"].split("_")[0] for found in fake_slurm.jobs()] == [job_id]


def test_a_refused_cancel_is_told_in_slurms_words(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    job = running(fake, workspace)
    fake_slurm.knobs(scancel={"refuse": {f"{job.job_id}_[0]": "Access/permission denied"}})
    refused = fake.launcher.cancel(job, [0])
    assert "Access/permission denied" in refused[0]
    assert fake.poll(job)[0].phase is Phase.RUNNING


def test_defaults_of_the_environment_do_not_change_what_herd_reads_or_submits(
    fake: Cluster, workspace: Path
) -> None:
    told = {
        "SBATCH_ARRAY_INX": "7-9",
        "SBATCH_JOB_NAME": "other",
        "SBATCH_PARTITION": "nosuch",
        "SBATCH_TIMELIMIT": "1",
        "SQUEUE_FORMAT": "%i",
        "SQUEUE_STATES": "RUNNING",
        "SLURM_TIME_FORMAT": "relative",
        "SLURM_JOB_ID": "1",
    }
    cluster = Cluster({**fake.environment, **told})
    batch = batch_in(workspace, "echo ${SLURM_TIME_FORMAT-} >out", options={"partition": "cpu", "time": 5})
    job = cluster.submit(batch)
    cluster.until_words(job, "COMPLETED")
    assert (workspace / "out").read_text() == "\n"


def test_limits_are_the_clusters_own(fake: Cluster, fake_slurm: Any, workspace: Path) -> None:
    fake_slurm.knobs(max_array_size=50, max_array_tasks=20)
    launcher = Cluster(fake_slurm.env).launcher
    batch = batch_in(workspace, indices=range(30, 75))
    limits = launcher.limits(batch)
    pieces = list(splitting.pieces(batch.elements, limits))
    assert [len(piece) for piece in pieces] == [20, 20, 5]
    assert [element.number for element in pieces[0]] == list(range(30, 50))
    assert [element.number for element in pieces[1]] == list(range(20))
