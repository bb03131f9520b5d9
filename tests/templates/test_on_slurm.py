"""Sweeps through Submitit on a real Slurm: the layout, what sbatch is given, interruptions and requeues."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from .project import DEADLINE_S, SMALL, TRAINING, OnSlurm, Project, until
from .test_resuming import ends_on_the_same

ONE = (*SMALL, *TRAINING, "requeue=on", "experiment_name=one")


def test_a_sweep_is_one_array_with_the_documented_layout_and_the_users_parameters(on_slurm: OnSlurm) -> None:
    module = on_slurm.toy("assert cfg.x < 1, 'x is too large'\n    print('seen')")
    ended = on_slurm.run(
        module, *SMALL, "x=0,1", "user.slurm.account=main", "user.slurm.additional_parameters.qos=short",
        "experiment_name=toys", "--multirun", code=1,
    )  # fmt: skip
    job, sweep = on_slurm.job("toys"), on_slurm.sweep("toys")
    assert f"Submitit 'slurm' sweep output dir : {sweep}" in ended.stdout
    assert re.search(r"#1 : .*x=1", ended.stdout)

    assert {path.name for path in sweep.iterdir()} == {"0", "1", "multirun.yaml", "submitit_logs"}
    logs = {path.relative_to(sweep / "submitit_logs").as_posix() for path in sweep.glob("submitit_logs/*/*")}
    each = ("submitted.pkl", "0_log.out", "0_log.err", "0_result.pkl")
    assert logs == {f"{job}/{job}_submission.sh"} | {
        f"{job}_{n}/{job}_{n}_{name}" for n in (0, 1) for name in each
    }
    for number in (0, 1):
        run = on_slurm.run_folder("toys", number)
        assert {path.name for path in run.iterdir()} == {"launch.log", "outputs", "hydra_configs"}
        assert len([*(run / "hydra_configs").iterdir()]) == 4
    assert "seen" in (sweep / f"submitit_logs/{job}_0/{job}_0_0_log.out").read_text()

    told = until(lambda: [*states(on_slurm, job)] == ["COMPLETED", "FAILED"], "accounting")
    assert told  # an exception in the program is a failed job
    assert "AssertionError: x is too large" in ended.stdout
    accounted = on_slurm.ask("sacct", "-X", "-P", "-n", "-o", "Account,QOS", "-j", job).split()
    assert accounted == ["main|short"] * 2


def states(on_slurm: OnSlurm, job: str) -> list[str]:
    return on_slurm.ask("sacct", "-X", "-P", "-n", "-o", "State", "-j", job).split()


@pytest.mark.parametrize(
    "how",
    [
        "USR1",
        "time limit",
        "preempted",
        "node down",
        *(pytest.param(one, marks=pytest.mark.thorough) for one in ("USR2", "scontrol requeue")),
    ],
)
def test_an_interrupted_job_is_queued_again_and_ends_on_the_same_numbers(
    on_slurm: OnSlurm,
    straight: Project,
    how: str,
) -> None:
    sweep = on_slurm.start(
        on_slurm.held("mlp.single", "MLPTrainer"), *ONE, *PLACED.get(how, ()), "--multirun"
    )
    job = on_slurm.job("one")
    held = on_slurm.until_held()
    interrupt(on_slurm, job, how)
    on_slurm.until_state(job, "PENDING")
    on_slurm.until_ended(held)
    on_slurm.go()
    on_slurm.start_again(job)
    assert sweep.wait(DEADLINE_S) == 0, on_slurm.terminal()
    ((epoch, step),) = on_slurm.resumed_at("one")
    assert epoch == 1
    assert step == 3 or (how in BY_SLURM and step > 3)  # it saves at each SIGTERM, and Slurm may send two
    ends_on_the_same(on_slurm, "one", straight)


BY_SLURM = ("preempted", "node down", "scontrol requeue")
PLACED = {
    "preempted": ["+compute.slurm.additional_parameters.partition=preempt"],
    "node down": [
        "+user.slurm.additional_parameters.nodelist=n4",
        "+user.slurm.additional_parameters.exclusive=true",  # nobody else is to lose it
    ],
}


def interrupt(on_slurm: OnSlurm, job: str, how: str) -> None:
    if how == "node down":
        on_slurm.ask("scontrol", "update", "nodename=n4", "state=down", "reason=test")
        on_slurm.until_state(job, "PENDING")
        until(lambda: is_up(on_slurm, "n4"), "n4 to come back")
        # Started there again within seconds, it would meet what is left of itself.
        on_slurm.ask("scontrol", "update", f"JobId={job}", "ReqNodeList=", "ExcNodeList=n4")
    elif how == "time limit":
        on_slurm.ask("scontrol", "update", f"JobId={job}", "EndTime=now+5")
    elif how == "preempted":
        node = re.search(r" NodeList=(\w+)", on_slurm.ask("scontrol", "show", "job", job))
        assert node is not None
        out = on_slurm.work_root / "above.out"
        above = [
            "--partition=cpu",
            f"--nodelist={node[1]}",
            "--exclusive",
            "--time=1",
            f"--output={out}",
            "--wrap=true",
        ]
        on_slurm.ask("sbatch", *above)
    elif how == "scontrol requeue":
        on_slurm.ask("scontrol", "requeue", job)
    else:
        on_slurm.ask("scancel", f"--signal={how}", job)


def is_up(on_slurm: OnSlurm, node: str) -> bool:
    """Whether it takes jobs again; it is asked to (Slurm refuses that where the node has come back by itself)."""
    assert on_slurm.slurm is not None
    on_slurm.slurm.run("scontrol", "update", f"nodename={node}", "state=resume")
    return "down" not in on_slurm.ask("sinfo", "-h", "-n", node, "-o", "%T")


INTERRUPT = """
import sys
from submitit import SlurmJob
SlurmJob(folder=sys.argv[1], job_id=sys.argv[2])._interrupt(timeout=True)
"""


STARTING = """
import os, time
from pathlib import Path

if "SLURM_STEP_ID" in os.environ:
    here = Path(os.environ["WORK_ROOT"])
    (here / "starting").touch()
    while not (here / "go").exists():
        time.sleep(0.02)
"""


def test_a_signal_before_submitit_is_loaded_is_acted_on_when_it_is(on_slurm: OnSlurm) -> None:
    (on_slurm.folder / "src/sitecustomize.py").write_text(STARTING)
    on_slurm.env = {**on_slurm.env, "WORK_ROOT": str(on_slurm.work_root)}
    module = on_slurm.toy("pass")
    sweep = on_slurm.start(module, *SMALL, "requeue=on", "experiment_name=toy", "--multirun")
    job = on_slurm.job("toy")
    until((on_slurm.work_root / "starting").exists, "its start")
    for name in ("USR1", "USR2"):
        on_slurm.ask("scancel", f"--signal={name}", job)
    on_slurm.go()
    on_slurm.start_again(job)
    assert sweep.wait(DEADLINE_S) == 0, on_slurm.terminal()
    assert (on_slurm.run_folder("toy") / "outputs/ended").exists()


def test_submitits_interrupt_of_one_run_queues_that_one_again_and_no_other(
    on_slurm: OnSlurm, straight: Project
) -> None:
    """The last one, whose own job id is the array's."""
    sweep = on_slurm.start(on_slurm.held("mlp.single", "MLPTrainer"), *ONE, "+which=0,1", "--multirun")
    for number in (0, 1):
        on_slurm.until_logged("one", "epoch 0:", number)
    on_slurm.until_held()
    job = on_slurm.job("one")
    on_slurm.ask(sys.executable, "-c", INTERRUPT, str(on_slurm.sweep("one") / "submitit_logs/%j"), f"{job}_1")
    on_slurm.start_again(f"{job}_1")
    on_slurm.go()
    assert sweep.wait(DEADLINE_S) == 0, on_slurm.terminal()
    assert on_slurm.resumed_at("one", 0) == []
    assert on_slurm.resumed_at("one", 1) == [(1, 3)]
    for number in (0, 1):
        ends_on_the_same(on_slurm, "one", straight, number)


def test_after_the_last_time_limit_that_is_allowed_a_run_has_failed_and_says_so(on_slurm: OnSlurm) -> None:
    words = (
        *ONE,
        "max_num_timeout=1",
        "compute.timeout_min=5",
    )  # Submitit takes any signal of a short job for a limit
    sweep = on_slurm.start(on_slurm.held("mlp.single", "MLPTrainer"), *words, "--multirun")
    job = on_slurm.job("one")
    on_slurm.until_held()
    on_slurm.ask("scancel", "--signal=USR2", job)
    on_slurm.until_state(job, "PENDING")
    (on_slurm.work_root / "held-0").unlink()
    on_slurm.start_again(job)
    on_slurm.until_held()
    on_slurm.ask("scancel", "--signal=USR2", job)
    assert sweep.wait(DEADLINE_S) == 1
    assert "timed-out too many times" in on_slurm.terminal()
    on_slurm.until_state(job, "FAILED")
    assert "checkpoint-epoch-1-step-4" in on_slurm.checkpoints("one")


def test_with_requeue_off_an_interrupted_job_saves_has_failed_and_says_why(on_slurm: OnSlurm) -> None:
    sweep = on_slurm.start(on_slurm.held("mlp.single", "MLPTrainer"), *ONE, "requeue=off", "--multirun")
    job = on_slurm.job("one")
    on_slurm.until_held()
    on_slurm.ask("scancel", "--signal=USR2", job)
    assert sweep.wait(DEADLINE_S) == 1
    assert "not queued again: requeue=off" in on_slurm.terminal()
    on_slurm.until_state(job, "FAILED")
    assert "checkpoint-epoch-1-step-3" in on_slurm.checkpoints("one")


CHANGES_ITS_MIND = """
import os, signal, submitit, time
from training.interruption import Interruption

class Train(submitit.helpers.Checkpointable):
    then = "first"
    def __call__(self, cfg):
        with open(cfg.paths.out_dir + "-calls", "a") as calls:
            print(self.then, cfg.x, file=calls, flush=True)
        if self.then == "first":
            with Interruption() as interruption:
                while not interruption.asked:
                    time.sleep(0.05)
                interruption.leave(interruption.asked, self.checkpoint(cfg))
    def checkpoint(self, cfg):
        again = Train()
        again.then = "as checkpoint() said"
        return submitit.helpers.DelayedSubmission(again, cfg)
"""


def test_what_the_trainers_checkpoint_returns_is_what_runs_after_the_requeue(on_slurm: OnSlurm) -> None:
    module = on_slurm.toy("from toy.train import Train")
    (on_slurm.folder / "src/toy/train.py").write_text(CHANGES_ITS_MIND)
    launch = on_slurm.folder / "src/toy/launch.py"
    launch.write_text(
        launch.read_text().replace(
            "launching.run(train", "launching.run(__import__('toy.train').train.Train()"
        )
    )
    sweep = on_slurm.start(module, *SMALL, "x=7", "requeue=on", "experiment_name=toy", "--multirun")
    job = on_slurm.job("toy")
    calls = on_slurm.run_folder("toy") / "outputs-calls"
    until(calls.exists, "the first call")
    on_slurm.ask("scancel", "--signal=USR1", job)
    on_slurm.start_again(job)
    assert sweep.wait(DEADLINE_S) == 0, on_slurm.terminal()
    assert calls.read_text().splitlines() == ["first 7", "as checkpoint() said 7"]


def test_what_a_killed_save_of_submitit_has_left_does_not_keep_the_next_from_saving(
    on_slurm: OnSlurm,
) -> None:
    module = on_slurm.toy(
        "logs = Path(os.environ['SUBMITIT_FOLDER'].replace('%j', os.environ['SLURM_JOB_ID']))\n"
        "    (out / 'left').write_text(str([*logs.glob('*.save_tmp')]))"
    )
    held = on_slurm.start(
        module, *SMALL, "+user.slurm.additional_parameters.hold=true", "experiment_name=toy", "--multirun"
    )
    job = on_slurm.job("toy")
    logs = on_slurm.sweep("toy") / "submitit_logs" / job
    (logs / f"{job}_submitted.pkl.save_tmp").touch()
    (logs / f"{job}_0_result.pkl.save_tmp").touch()
    on_slurm.ask("scontrol", "release", job)
    assert held.wait(DEADLINE_S) == 0, on_slurm.terminal()
    assert (on_slurm.run_folder("toy") / "outputs/left").read_text() == "[]"


def test_wait_false_returns_once_the_jobs_are_submitted(on_slurm: OnSlurm) -> None:
    module = on_slurm.toy("while not Path(cfg.paths.work_root, 'go').exists(): time.sleep(0.05)")
    ended = on_slurm.run(module, *SMALL, "x=0,1", "wait=false", "experiment_name=toy", "--multirun")
    job = on_slurm.job("toy")
    assert f"Slurm has 2 jobs: {job}" in ended.stdout
    assert not [*on_slurm.sweep("toy").glob("*/outputs/ended")]
    (on_slurm.work_root / "go").touch()
    until(lambda: len([*on_slurm.sweep("toy").glob("*/outputs/ended")]) == 2, "both runs")


def test_a_sweep_longer_than_the_clusters_arrays_becomes_several(on_slurm: OnSlurm, tmp_path: Path) -> None:
    """The cluster is the real one; it says of itself that its arrays are short."""
    module = on_slurm.toy("pass")
    said = tmp_path / "bin/scontrol"
    said.parent.mkdir()
    said.write_text("#!/bin/sh\necho 'MaxArraySize            = 2'\n")
    said.chmod(0o755)
    on_slurm.env = {**on_slurm.env, "PATH": f"{said.parent}:{on_slurm.env['PATH']}"}
    ended = on_slurm.run(module, *SMALL, "x=0,1,2", "experiment_name=toy", "--multirun")
    assert re.search(r"Slurm has 3 jobs: \d+ \d+\n", ended.stdout)
    assert all((on_slurm.run_folder("toy", n) / "outputs/ended").exists() for n in range(3))


def test_a_run_that_was_given_gpus_and_can_use_none_fails_and_says_what_to_type(on_slurm: OnSlurm) -> None:
    """Those of the test cluster are pretended."""
    module = on_slurm.toy("pass")
    words = ("+user.slurm.additional_parameters.gres=gpu:t4:1", "allow_cpu=false", "experiment_name=toy")
    ended = on_slurm.run(module, *SMALL, *words, "--multirun", code=1)
    assert "Slurm has given 1 GPU, and PyTorch can use none on " in ended.stdout
    assert "allow_cpu=true" in ended.stdout
    assert not on_slurm.run_folder("toy").exists()


def test_what_sbatch_refuses_is_told_in_its_words(on_slurm: OnSlurm) -> None:
    module = on_slurm.toy("pass")
    ended = on_slurm.run(module, *SMALL, "compute.slurm.partition=nowhere", "--multirun", code=1)
    assert "invalid partition specified: nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr
