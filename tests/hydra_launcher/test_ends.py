"""What becomes of jobs: nobody waits, somebody waits, some fail, some run again."""

from __future__ import annotations

import json
import os
import shlex
import signal

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .applications import OUTPUT, Application


def test_without_waiting_the_sweep_is_handed_over_and_herd_takes_over(here: Application) -> None:
    done = here.sweep("lr=1,2", "gate=true", wait="null")
    assert f"herd status {shlex.quote(str(here.output / 'app.sh'))}" in done.stdout
    assert not {"completed", "failed"} & set(here.statuses())

    (here.root / "go").touch()
    here.until("completed")
    assert [trial["metrics"] for trial in json.loads(here.herd("res", "--json"))["trials"]] == [
        {"return_value": lr} for lr in (1, 2)
    ]


def test_an_exception_is_a_failed_job_which_runs_again_into_the_same_folder(here: Application) -> None:
    done = here.sweep("lr=1,2", "fails=true,false", code=1)
    assert "2 jobs completed, 2 not" in done.stdout
    assert "job #0: failed (exit 1)" in done.stderr and "Traceback" not in done.stderr
    assert here.statuses() == ["failed", "completed", "failed", "completed"]
    assert "ValueError: it fails" in here.herd("tail", "0", "--stderr")

    (here.root / "mended").touch()
    here.herd("run", "--on", "local", cwd=here.root.parent)
    assert here.statuses() == ["completed"] * 4
    assert [facts["number"] for facts in here.facts()] == [0, 0, 1, 2, 2, 3]
    assert [facts["output"] for facts in here.facts() if facts["number"] == 2] == ["2", "2"]
    assert {path.name for path in here.output.iterdir() if path.is_dir()} == {*"0123", "app.sh.herd"}


def test_a_job_that_asks_for_it_is_queued_again(here: Application) -> None:
    here.sweep("lr=1", "+stops=true", "hydra.launcher.requeue=true")
    assert [facts["output"] for facts in here.facts()] == ["0", "0"]


def test_ctrl_c_leaves_the_jobs_going(here: Application) -> None:
    waiting = here.start("lr=1", "gate=true")
    until(lambda: "See how they do" in (here.root / "said").read_text() and here.facts(), "the job to begin")
    os.killpg(waiting.pid, signal.SIGINT)
    assert waiting.wait(DEADLINE_S) == 130
    said = (here.root / "said").read_text()
    assert "the jobs go on" in said and "Traceback" not in said
    assert here.statuses() == ["running"]

    (here.root / "go").touch()
    here.until("completed")


def test_the_same_sweep_again_runs_only_what_has_not_completed(here: Application) -> None:
    here.sweep("lr=1", "fails=false,true", code=1)
    (here.root / "mended").touch()
    here.sweep("lr=1", "fails=false,true")
    assert [facts["number"] for facts in here.facts()] == [0, 1, 1]
    assert "Nothing to submit" in here.sweep("lr=1", "fails=false,true").stdout


def test_a_batch_at_a_time_makes_one_sweep_of_jobs_numbered_through(
    on_the_fake: Application, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.hold_queue()
    on_the_fake.sweep("lr=1,2,3", "hydra.sweeper.max_batch_size=2", wait="false")
    assert len({job["id"].partition("_")[0] for job in fake_slurm.jobs()}) == 2
    fake_slurm.release_queue()
    on_the_fake.until("completed")
    assert [(facts["number"], facts["config"]["lr"]) for facts in on_the_fake.facts()] == [
        (0, 1),
        (1, 2),
        (2, 3),
    ]
    assert "changed" not in on_the_fake.herd("show", "0")


CLIMB = ("hydra.sweeper._target_=hydra_plugins.climbing.Climb",)


def test_a_sweeper_that_wants_what_jobs_return_gets_it(here: Application) -> None:
    here.sweep(*CLIMB)
    assert (here.output / "best").read_text() == "3.0"
    assert [facts["config"]["lr"] for facts in here.facts()] == [1.0, 2.0, 2.0, 3.0]


def test_a_sweeper_that_may_want_what_jobs_return_has_to_be_waited_for_or_not_in_words(
    here: Application,
) -> None:
    done = here.sweep(*CLIMB, wait="null", code=1)
    assert "hydra.launcher.wait=true" in done.stderr and "Traceback" not in done.stderr
    assert not here.output.exists() and not here.facts()


def test_a_sweep_of_nothing_launches_0_jobs_as_hydra_does(here: Application) -> None:
    assert "Launching 0 jobs" in here.sweep("lr=range(5,1)").stdout
    assert not list(here.root.rglob("*.herd"))


def test_a_job_that_ends_the_program_ends_who_waits_with_the_same_code_as_under_hydra(
    here: Application,
) -> None:
    here.run("app.py", "--multirun", "+code=0,7", code=7)
    here.sweep("+code=0,7", code=7)


def test_an_option_that_was_taken_away_has_its_default(here: Application) -> None:
    here.sweep("lr=3", "~hydra.launcher.compute", "~hydra.launcher.slurm")
    assert here.statuses() == ["completed"]


NOWHERE = """\
import runpy, sys
sys.modules["hyperherd"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_what_hydra_pickles_of_a_job_is_run_again_without_herd(here: Application) -> None:
    pickles = "hydra.experimental.callbacks.PickleJobInfoCallback"
    here.sweep("lr=3", f"+hydra.callbacks.pickles._target_={pickles}")
    here.run("-c", NOWHERE, "app.py", f"--experimental-rerun={here.output}/0/.hydra/config.pickle")
    assert [facts["config"]["lr"] for facts in here.facts()] == [3, 3]


WRONG = {
    "a choice": (("db=mysql,postgre",), ("Could not find 'db/postgre'",)),
    "a key": (("learning_rate=1,2",), ("Could not override 'learning_rate'",)),
    "options": (
        ("lr=1", *(f"+hydra.launcher.slurm.{one}" for one in ("memory=1G", "array=1", "mem_per_cpu=1.5G"))),
        (
            "sbatch has no option '--memory'",
            "'array' cannot be set here",
            "hydra.launcher.slurm.mem_per_cpu: '1.5G'",
        ),
    ),
    "a place": (("lr=1,2", "hydra.launcher.place=there"), ("hydra.launcher.place=there: no such place",)),
    "a preset": (("lr=1,2", "hydra.launcher.compute=mine/all"), ("no compute preset 'mine/all'",)),
    "none at once": (("lr=1,2", "hydra.launcher.max_concurrent=0"), ("hydra.launcher.max_concurrent=0",)),
    "types": (
        ("lr=1", "hydra.launcher.wait=maybe", "hydra.launcher.requeue=2", "+hydra.launcher.wiat=true"),
        ("hydra.launcher.wait=maybe: true", "hydra.launcher.requeue=2: true", "did you mean 'wait'?"),
    ),
    "several processes here": (
        ("lr=1", "hydra.launcher.slurm.nodes=2", "hydra.launcher.slurm.ntasks_per_node=2"),
        ("slurm.nodes=2, hydra.launcher.slurm.ntasks_per_node=2: each job is several processes",),
    ),
    "a name": ((f"name={'x' * 300}", "hydra.sweep.subdir=${name}"), ("more than 255 bytes",)),
}


@pytest.mark.parametrize("words, said", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_before_anything_is_submitted(
    here: Application, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    done = here.run("app.py", *here.words(), *words, code=1)
    assert [one for one in said if one not in done.stderr] == [] and "Traceback" not in done.stderr
    assert {path.name for path in here.root.rglob(f"{OUTPUT}/*")} <= {"multirun.yaml"}


def test_a_value_of_the_wrong_type_is_said_before_anything_is_submitted(here: Application) -> None:
    done = here.run("typed.py", *here.words("lr=1,2", "model.depth=1,2,deep"), code=1)
    assert "'deep'" in done.stderr and "model.depth" in done.stderr and "Traceback" not in done.stderr
    assert not list(here.root.rglob("*.herd"))
