"""``herd drill``: trainers that resume, and those that do not, in each of the ways in which they do not."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from eventually import until
from exactly_once.sweeps import GATE, Sweep
from fakeslurm.fixture import FakeSlurm
from test_documents_json import documented, paths

from .conftest import drill, walk


@pytest.mark.parametrize("place", ["here", "fake", pytest.param("real", marks=pytest.mark.slurm)])
def test_a_trainer_that_resumes_ends_on_the_same_numbers_and_its_sweep_is_untouched(
    request: pytest.FixtureRequest, place: str
) -> None:
    sweep: Sweep = request.getfixturevalue(place)
    walk(sweep)
    before = sweep.content()
    found = drill(sweep, "1", "--seed", "7").found
    assert (found["same"], found["faults"], found["notes"]) == (True, [], [])
    assert (found["straight"]["attempts"], found["killed"]["attempts"]) == (1, 2)
    cut = found["cut"]
    assert (cut["signal"], cut["exit_code"], cut["lost_steps"]) == ("USR2", 75, 0)
    assert 5 < cut["step"] <= cut["last_step"] == cut["resumed_step"] - 1 < 15
    assert 0 <= cut["save_seconds"] < 100 and cut["recommended_seconds"] >= 90
    walked = next(one for one in found["compared"] if one["metric"] == "walk/final")
    assert walked["same"] and walked["straight"] == walked["killed"] != 0
    assert found["first_difference"] is None
    kept = {name: data for name, data in sweep.content().items() if not name.startswith("outputs/")}
    assert kept == before
    named = {one["experiment_name"] for one in (found["straight"], found["killed"])}
    assert {path.name for path in (sweep.root / "outputs").iterdir()} == named
    assert all(name.startswith(f"{found['experiment_name']}-drill-") for name in named)


def test_a_generator_that_is_not_restored_shows_in_the_numbers_and_from_which_step_on(here: Sweep) -> None:
    walk(here, "its generator")
    told = drill(here, code=1)
    assert "resumed, but not the same numbers: walk/final" in told.faults
    assert told.found["first_difference"]["metric"] == "walk/position"
    assert told.found["first_difference"]["step"] == told.found["cut"]["resumed_step"] > 5
    maps = {"straight", "killed", "cut", "first_difference"}
    found = {path for path in paths(told.found) if not path.startswith("killed.")}
    assert found == documented()["drill"] - maps


def test_a_trainer_that_begins_again_does_not_resume_though_its_numbers_are_the_same(here: Sweep) -> None:
    walk(here, "everything")
    told = drill(here, code=1)
    assert "attempt 2 began with step 1 again: the trainer does not resume" in told.faults
    assert told.found["cut"]["lost_steps"] == told.found["cut"]["last_step"]
    assert all(one["same"] is not False for one in told.found["compared"])


def test_a_trainer_that_does_not_listen_is_told_so(here: Sweep) -> None:
    walk(here, "to listen")
    told = drill(here, "--set", "pause=0.1", code=1)
    assert "after USR2 it went on to its end; nothing in it handles USR2" in told.faults


def test_a_trainer_that_does_not_end_in_its_time_is_stopped(here: Sweep) -> None:
    walk(here, "to end", more="requeue: {signal: USR2@1}\n")
    told = drill(here, code=1)
    assert "it had not ended 1 s after USR2, where the time limit would have killed it" in told.faults
    assert told.found["cut"]["recommended_seconds"] is None
    until(lambda: not here.living(), "the end of all processes")


def test_without_steps_it_is_cut_short_after_a_while_and_says_that_lost_ones_cannot_be_told(
    here: Sweep,
) -> None:
    walk(here, "its steps")
    found = drill(here, "--set", "pause=0.1", "--seed", "2").found
    assert (found["same"], found["killed"]["attempts"], found["cut"]["lost_steps"]) == (True, 2, None)
    assert any("lost ones cannot be told" in note for note in found["notes"])


def test_an_attempt_that_fails_after_the_signal_is_shown_with_its_last_words(here: Sweep) -> None:
    walk(here, "to end well")
    told = drill(here, code=1)
    assert "failed (exit 1)" in told.faults
    assert told.found["killed"]["stderr_lines"][-1] == "it hurts"


def test_checkpoints_that_are_not_in_a_folder_of_the_trials_name_are_noticed(here: Sweep) -> None:
    walk(here, "its own folder")
    assert "they belong in a folder named after experiment_name" in drill(here, code=1).faults


@pytest.mark.parametrize("place", ["here", pytest.param("real", marks=pytest.mark.slurm)])
def test_after_a_crash_the_next_run_goes_on_from_the_last_checkpoint(
    request: pytest.FixtureRequest, place: str
) -> None:
    sweep: Sweep = request.getfixturevalue(place)
    walk(sweep)
    found = drill(sweep, "--kill9").found
    cut = found["cut"]
    assert (found["same"], cut["signal"], cut["save_seconds"]) == (True, "KILL", None)
    assert cut["resumed_step"] in (6, 11)
    assert cut["lost_steps"] == cut["last_step"] - cut["resumed_step"] + 1


@pytest.mark.parametrize("place", ["here", "fake", pytest.param("real", marks=pytest.mark.slurm)])
def test_a_crash_ends_the_trainer_itself_so_that_one_that_saves_only_at_its_end_is_found_out(
    request: pytest.FixtureRequest, place: str
) -> None:
    sweep: Sweep = request.getfixturevalue(place)
    walk(sweep, "to save")
    told = drill(sweep, "--kill9", code=1)
    assert "attempt 2 began with step 1 again: nothing had been saved by then" in told.faults
    assert told.found["cut"]["last_step"] <= 13


def test_a_sweep_without_requeue_is_drilled_as_if_it_had_it_and_that_is_said(here: Sweep) -> None:
    walk(here, more="")
    done = here.herd("drill", "--on", "local", "--ignore", "time/*")
    assert "has no `requeue`; the drill stands for `requeue: true`" in done.stdout
    assert "The same numbers (1 metric): it resumes." in done.stdout
    assert "gives it time enough; it has 120 s" in done.stdout


def test_what_is_set_stands_above_the_sweeps_own_overrides_and_conditions(here: Sweep) -> None:
    walk(here, more="requeue: true\nconditions: [{name: long, when: {x: 0.5}, set: {steps: 100000}}]\n")
    found = drill(here, "--set", "steps=15").found
    assert found["same"] and found["cut"]["last_step"] <= 15


def test_a_note_on_the_launch_script_is_said_once(here: Sweep) -> None:
    walk(here)
    (here.root / "launch.sh").chmod(0o644)
    assert drill(here).stderr.count("launch.sh is not executable") == 1


def test_a_trial_that_fails_undisturbed_is_not_killed_and_its_logs_are_kept_if_asked_for(here: Sweep) -> None:
    here.script("echo no such thing >&2; exit 4\n")
    told = drill(here, "--keep", code=1)
    assert told.found["kept"].startswith(str(here.root / ".hyperherd/drill/"))
    assert list((here.root / ".hyperherd/drill").glob("*/straight/logs/0.err"))
    assert told.faults == "the straight run has failed (exit 4): there is nothing to compare with"
    assert (told.found["killed"], told.found["notes"]) == (None, [])
    assert told.found["straight"]["stderr_lines"][-1] == "no such thing"


def test_a_trial_that_runs_is_not_drilled_and_another_one_is_taken(here: Sweep) -> None:
    here.script(f"[[ $HYPERHERD_TRIAL_ID == 1 ]] && exit 4\n{GATE}")
    here.herd("run", "--detach", "-i", "0")
    until(lambda: here.statuses()[0] == "running", "the trial to run")
    assert "trial 0 is running, and a drill of it might use its files" in drill(here, "0", code=1).stderr
    assert drill(here, code=1).found["index"] == 1
    here.go()


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_told_to_end_it_leaves_nothing(here: Sweep, number: str, code: int) -> None:
    here.script("say begun\n" + GATE)
    process = subprocess.Popen(here.argv("drill", "--on", "local"), env=here.env, stderr=subprocess.DEVNULL)
    until(lambda: here.lines("begun"), "the straight run")
    process.send_signal(signal.Signals[number])
    assert process.wait(60) == code
    assert here.living() == []
    assert not (here.root / ".hyperherd").exists()


def test_what_a_drill_that_was_killed_has_left_goes_with_all_state(here: Sweep) -> None:
    here.script("say begun\n" + GATE)
    process = subprocess.Popen(here.argv("drill", "--on", "local"), env=here.env, stderr=subprocess.DEVNULL)
    until(lambda: here.lines("begun"), "the straight run")
    process.kill()
    process.wait(60)
    assert here.living()
    here.herd("clean", "--all", "--yes")
    assert here.living() == []
    assert not (here.root / ".hyperherd").exists()


def test_a_drill_whose_files_are_deleted_says_so(here: Sweep) -> None:
    here.script(GATE)
    argv = here.argv("drill", "--on", "local")
    with subprocess.Popen(argv, env=here.env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("started on" in line for line in process.stderr)
        (here.root / ".hyperherd").rename(here.root / "gone")
        said = process.stderr.read()
    assert process.returncode == 1
    assert "somebody has deleted" in said and "Traceback" not in said
    here.go()


def test_where_slurm_cannot_be_asked_to_stop_it_the_job_that_goes_on_is_named(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.script("say begun\n" + GATE)
    argv = fake.argv("drill", "--on", "slurm")
    with subprocess.Popen(argv, env=fake.env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("submitted as job" in line for line in process.stderr)
        until(lambda: fake.lines("begun"), "the straight run")
        fake_slurm.controller_down()
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 1
    (job,) = {job["id"].partition("_")[0] for job in fake_slurm.jobs()}
    assert "what was started may go on: " in said and f"scancel {job}; " in said
    assert "Traceback" not in said


def test_what_cannot_be_drilled_is_refused_before_anything_is_written(here: Sweep) -> None:
    before = here.content()
    assert "no trial 7 in this sweep" in here.herd("drill", "7", code=1).stderr
    assert "2 trials, where one is wanted" in here.herd("drill", "0-1", code=2).stderr
    assert "--set steps: not NAME=VALUE" in here.herd("drill", "--set", "steps", code=2).stderr
    assert "--set steps=[1" in here.herd("drill", "--set", "steps=[1", code=2).stderr
    assert here.content() == before


@pytest.mark.parametrize("options", [("--slurm", "time=1"), ("--compute", "nosuch")], ids=" ".join)
def test_what_cannot_be_submitted_is_refused_before_anything_is_announced(
    fake: Sweep, options: tuple[str, ...]
) -> None:
    walk(fake)
    before = fake.content()
    said = fake.herd("drill", "--on", "slurm", *options, code=None)
    assert said.returncode in (1, 2)
    assert "undisturbed" not in said.stderr
    assert fake.content() == before


def test_a_mistyped_pattern_is_said(here: Sweep) -> None:
    walk(here)
    told = here.herd("drill", "--on", "local", "--ignore", "tme/*", code=1).stdout
    assert "--ignore 'tme/*' matches no metric; there are: time/seconds, walk/final, walk/position." in told
    assert "leave them out of the comparison: herd drill --ignore time/seconds" in told


def test_the_plain_loop_of_the_guide_resumes(here: Sweep) -> None:
    page = Path(__file__).parents[2] / "docs/checkpoint.md"
    plain, *_ = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    (here.root / "train.py").write_text(plain)
    here.describe([1], more="static_overrides: [width=0.5, steps=20000]\nrequeue: true\n")
    (here.root / "launch.sh").write_text(f'#!/bin/bash\n"{sys.executable}" train.py "$1"\n')
    found = drill(here, "--set", "steps=3000").found
    assert (found["same"], found["killed"]["attempts"]) == (True, 2)
    assert {one["metric"] for one in found["compared"]} == {"position"}
    assert found["cut"]["step"] < found["cut"]["last_step"] + 1 < 3000
