"""sbatch says no, or nothing: Slurm's words are passed on, and the trials stay as they were."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from fakeslurm.fixture import FakeSlurm
from real_slurm import connect, minislurm

from .workspaces import Workspace, environment

REFUSED_BY_PREFLIGHT = {
    "a partition that is not there": (
        "partition: gpuu",
        "slurm.partition: there is no partition 'gpuu'",
        "gpu",
    ),
    "an account that is not there": ("account: nobodys", "slurm.account", "nobodys"),
    "a QOS that is not there": ("qos: urgent", "slurm.qos: there is no QOS 'urgent'", "normal"),
    "a time that is none": ("time: soon", "slurm.time", "soon"),
    "a time that is too long": ('time: "40-00:00:00"', "slurm.time", "7-00:00:00"),
    "memory with a fraction": ("mem: 12.00G", "slurm.mem", "12G"),
    "memory that is none": ("mem: much", "slurm.mem", "much"),
    "a job name": ("extra_args: ['--job-name=mine']", "hyperherd.yaml:6: slurm.extra_args[0]", "job-name"),
    "an array": ("extra_args: ['#SBATCH --array=0-3']", "hyperherd.yaml:6: slurm.extra_args[0]", "array"),
    "more CPUs than a node has": (
        "cpus_per_task: 64",
        "would refuse this (--cpus-per-task=64)",
        "the most is 16",
    ),
    "memory that no node has": ("mem: 900000G", "would refuse this (--mem=900000G)", "the most is 19.5 GiB"),
    "a GRES that no node has": (
        "gres: 'tpu:1'",
        "(--gres=tpu:1)",
        "Invalid generic resource (gres) specification",
    ),
    "a feature that no node has": ("constraint: no_such_feature", "allocation failure: ", "Invalid feature"),
    "an account in a raw line": ("extra_args: ['-A nobodys']", "slurm.account", "nobodys"),
    "two lines in a value": ('gres: "gpu:1\\n#SBATCH --array=1"', "slurm.gres", ""),
}


def described(workspace: Workspace, slurm: str = "", values: str = "[1, 2, 3]") -> None:
    name = workspace.env.get("DAYS_NAME", "days")
    workspace.write(values, name=name, more=f"slurm: {{{slurm}}}\n" if slurm else "")


@pytest.mark.parametrize("fault", REFUSED_BY_PREFLIGHT)
def test_what_slurm_would_refuse_is_said_with_its_key_before_anything_is_written(
    cluster: Workspace, fault: str
) -> None:
    slurm, where, what = REFUSED_BY_PREFLIGHT[fault]
    described(cluster, slurm)
    for words in (("run",), ("run", "--json"), ("run", "-n")):
        done = cluster.herd(*words, code=1)
        assert done.out == ""
        assert where in done.err
        assert what in done.err
    assert set(cluster.files()) == {"hyperherd.yaml", "launch.sh"}
    assert cluster.statuses() == {}


def test_all_of_slurms_options_are_told_at_once_and_ls_tells_them_too(here: Workspace) -> None:
    """Without a Slurm: no place is asked."""
    slurm = [
        "mem: 8 GB",
        "cpus_per_task: two",
        "time: 25:99:00",
        "partitoin: gpu",
        "extra_args: [-o x, --export=ALL]",
    ]
    text = (here.root / "hyperherd.yaml").read_text()
    here.yaml(f"{text}compute: killarney/l40s_1y\nslurm:\n" + "".join(f"  {line}\n" for line in slurm))
    first = text.count("\n") + 1
    for words in (("ls",), ("run", "-n"), ("run",), ("test",)):
        done = here.herd(*words, code=1)
        places = re.findall(r"hyperherd\.yaml:(\d+): ([\w.\[\]]+): ", done.err)
        assert places == [
            (str(first), "compute"),
            *((str(first + 2 + n), f"slurm.{line.partition(':')[0]}") for n, line in enumerate(slurm[:-1])),
            (str(first + 6), "slurm.extra_args[0]"),
        ]
        assert "killarney/l40s_1x" in done.err and "write '8G'" in done.err
    assert set(here.files()) == {"hyperherd.yaml", "launch.sh"}


def test_options_that_are_typed_are_told_all_at_once(here: Workspace) -> None:
    said = here.herd("run", "--slurm", "mem=8 GB", "--slurm", "tme=4", "--slurm", "qos=", code=2).err
    assert (
        "--slurm mem: '8 GB' is not an amount" in said
        and "did you mean 'time'?" in said
        and "qos" not in said
    )


def test_raw_lines_are_not_typed(here: Workspace) -> None:
    said = here.herd("run", "--slurm", "extra_args=-H", code=2).err
    assert "--slurm extra_args: an option of sbatch expected" in said and "stand in hyperherd.yaml" in said


def test_sbatch_is_asked_once_for_each_different_request_and_tells_when_it_would_start(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake.write('"range(0,25)"', more="slurm: {time: 10}\nrequeue: {time: x2}\n")
    fake_slurm.knobs(max_array_size=10, held=True, test_only={"starts_in_s": 7230})

    def asked() -> int:
        return len(fake_slurm.calls("test_only"))

    done = fake.herd("run", "-n", "--json").json
    assert asked() == 1
    assert all(one["expected_start"] > time.time() + 7000 for one in done["submissions"])
    assert re.search(
        r"^  expected start: 20\d\d-\d\d-\d\d \d\d:\d\d, in 2h 00m$", fake.herd("run", "-n").err, re.M
    )
    assert set(fake.files()) == {"hyperherd.yaml", "launch.sh"}
    fake_slurm.knobs(test_only={"starts_in_s": 0})
    assert "  expected start: now\n" in fake.herd("run").err
    assert asked() == 3
    assert "expected start" not in fake.herd("run").err  # there is nothing to submit
    assert asked() == 3


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        (
            {"test_only": {"refuse": "Unable to contact slurm controller"}},
            "does not say whether it would take this: ",
        ),
        (
            {"test_only": {"refuse": "Requested nodes are busy"}},
            "could not start this now: allocation failure: ",
        ),
        ({"max_submit_jobs": 0}, "takes no more jobs of yours now: sbatch: error: AssocMaxSubmitJobLimit"),
    ],
)
def test_what_is_no_refusal_is_a_note_and_the_run_goes_on(
    fake: Workspace, fake_slurm: FakeSlurm, knobs: dict[str, Any], said: str
) -> None:
    fake_slurm.knobs(**knobs)
    told = fake.herd("run", "-n").err
    assert f"  note: Slurm {said}" in told and "expected start" not in told
    fake_slurm.knobs(max_submit_jobs=None)
    fake.herd("run")
    assert set(fake.until_ended().values()) == {"completed"}


def test_an_sbatch_that_does_not_answer_the_first_question_is_a_note(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(test_only={"hang": True})
    patient = Workspace(fake.root, {**fake.env, "HYPERHERD_SLURM_TIMEOUT_S": "0.5"})
    said = patient.herd("run", "-n").err
    assert "'sbatch' did not answer within 0.5 s" in said and "Dry run" in said
    patient.herd("run")
    assert set(fake.until_ended().values()) == {"completed"}


def test_trials_that_sbatch_refuses_stay_as_they_were(fake: Workspace, fake_slurm: FakeSlurm) -> None:
    """One has completed, one failed, one was stopped, one is new: a refusal changes none of them."""
    fake.write(
        "[1, 2, 3]",
        launch="[[ $HYPERHERD_TRIAL_ID = 1 ]] && exit 2; [[ $HYPERHERD_TRIAL_ID = 0 ]] || sleep 60\n",
    )
    fake.herd("run")
    fake_slurm.wait_state("1_0", "COMPLETED")
    fake_slurm.wait_state("1_1", "FAILED")
    fake.herd("stop", "2")
    before = fake.until_ended()
    assert before == {0: "completed", 1: "failed", 2: "cancelled"}
    fake.write("[1, 2, 3, 4]")
    fake_slurm.knobs(
        sbatch={"refuse": "Batch job submission failed: Invalid account or account/partition combination"}
    )
    for _ in range(2):
        done = fake.herd("run", "--json", code=1)
        assert "Invalid account or account/partition combination" in done.err
        assert done.json["submitted_indices"] == []
        assert fake.statuses() == before | {3: "ready"}
    fake_slurm.knobs(sbatch={"refuse": None})
    assert fake.herd("run", "--json").json["submitted_indices"] == [1, 2, 3]


def test_a_job_that_slurm_does_not_know_is_nothing_to_come_after(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    assert "--after 99999: Slurm knows no such job" in fake.herd("run", "--after", "99999", code=1).err
    script = fake.root / "job.sh"
    ids = []
    for code in (0, 3):
        script.write_text(f"#!/bin/bash\nexit {code}\n")
        argv = ["sbatch", "--parsable", "--output=/dev/null", str(script)]
        ids.append(subprocess.run(argv, env=fake_slurm.env, capture_output=True, text=True).stdout.strip())
    fake_slurm.wait_idle()
    fake_slurm.knobs(min_job_age_s=0)  # squeue has forgotten them, sacct has not
    assert "has not succeeded, it is FAILED" in fake.herd("run", "-n", "--after", ids[1], code=1).err
    fake.herd("run", "-n", "--after", ids[0])
    fake_slurm.knobs(sacct={"off": True})
    assert "knows no such job" in fake.herd("run", "-n", "--after", ids[0], code=1).err


def test_a_slurm_that_does_not_answer_is_said_once_and_so_is_the_way_round(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(held=True)
    fake.herd("run", "-i", "0")
    down = {"error": "slurm_load_jobs error: Unable to contact slurm controller"}
    fake_slurm.knobs(squeue=down, sacct=down, scontrol=down, sinfo=down)
    assert "herd run --on local" in fake.herd("run", code=1).err
    assert "--on local" not in fake.herd("run", "--on", "slurm", code=1).err
    for words in (("stop", "--all", "--yes"), ("clean", "--yes"), ("clean", "-a"), ("stats",)):
        assert fake.herd(*words, code=1).err.count("Unable to contact") == 1


def test_an_sbatch_that_hangs_is_left_after_a_while_and_never_runs_its_trials(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    """MaxJobCount is reached: sbatch waits and asks again. It gets its job in after herd has left."""
    fake_slurm.knobs(sbatch={"hang": True})
    patient = Workspace(fake.root, {**fake.env, "HYPERHERD_SLURM_TIMEOUT_S": "1"})
    done = patient.herd("run", code=1)
    assert "did not answer within 1 s" in done.err
    assert set(fake.statuses().values()) == {"ready"}
    fake_slurm.knobs(sbatch={"hang": False})
    fake.herd("run")
    assert set(fake.until_ended().values()) == {"completed"}
    fake_slurm.wait_idle()
    assert sorted(index for index, _, _ in fake.ran()) == [0, 1, 2]


def test_a_submit_limit_in_the_middle_of_several_arrays_leaves_the_rest_ready(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake.write('"range(0,25)"')
    fake_slurm.knobs(max_array_size=10, max_submit_jobs=12, held=True)
    done = fake.herd("run", "--json", code=3)
    assert "10 trials submitted as job " in done.err
    assert "10 trials not submitted: " in done.err
    assert "AssocMaxSubmitJobLimit" in done.err
    gone = done.json["submitted_indices"]
    found = fake.statuses()
    assert sorted(gone) == [index for index, status in found.items() if status != "ready"]
    assert set(found.values()) == {"queued", "ready"}
    assert "ready" in fake.herd("status").out
    again = fake.herd("run", "--json", code=None)
    assert not set(again.json["submitted_indices"]) & set(gone)
    fake_slurm.knobs(held=False, slots=16)
    fake_slurm.wait_idle()
    fake_slurm.knobs(max_submit_jobs=None)
    fake.herd("run")
    assert set(fake.until_ended().values()) == {"completed"}
    assert sorted(index for index, _, _ in fake.ran()) == list(range(25))


def test_arrays_past_the_cluster_s_limit_run_each_trial_once_with_its_own_index(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake.write('"range(0,25)"')
    fake_slurm.knobs(max_array_size=10, slots=16)
    done = fake.herd("run", "--json")
    assert len(done.json["submissions"]) == 3
    assert set(fake.until_ended().values()) == {"completed"}
    ran = sorted(fake.ran())
    assert [(index, task) for index, task, _ in ran] == [(n, n) for n in range(25)]
    assert all(f"x={index}" in argument.split() for index, _, argument in ran)


def test_the_real_slurm_takes_arrays_past_its_limit_in_pieces(slurm: object, tmp_path: Path) -> None:
    """On a cluster of its own, whose MaxArraySize is 10. (``slurm`` skips where Slurm is not installed.)"""
    with tempfile.TemporaryDirectory(prefix="ms-") as folder:  # a short path: it holds sockets
        options = (
            "--user",
            "nobody",
            "--ends-with",
            str(os.getpid()),
            "--no-accounting",
            "--max-array-size=10",
        )
        try:
            up = minislurm("up", "--dir", f"{folder}/c", *options)
            assert up.returncode == 0, up.stderr
            workspace = Workspace(tmp_path / "sweep", environment(connect(Path(folder, "c")).env, tmp_path))
            workspace.write('"range(0,25)"')
            assert len(workspace.herd("run", "--json").json["submissions"]) == 3
            assert set(workspace.until_ended().values()) == {"completed"}
        finally:
            minislurm("down", "--dir", f"{folder}/c")
    assert [(index, task) for index, task, _ in sorted(workspace.ran())] == [(n, n) for n in range(25)]


def test_at_most_n_at_once_is_shared_by_the_pieces(fake: Workspace, fake_slurm: FakeSlurm) -> None:
    fake.write('"range(0,25)"')
    fake_slurm.knobs(max_array_size=10, held=True)
    fake.herd("run", "-j", "6")
    scripts = [path.read_text() for path in (fake.root / ".hyperherd/jobs").iterdir()]
    arrays = sorted(
        line for text in scripts for line in text.splitlines() if line.startswith("#SBATCH --array")
    )
    assert len(arrays) == 3
    assert all(line.endswith("%2") for line in arrays)
