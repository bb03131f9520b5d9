"""One sweep from its first run to its last, alike on this machine, on a fake and on a real Slurm."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import herds
from .story import FAILS, KILLED, LATER, LOGS, QUIET, Story, tell

GROUPED = [
    pytest.param(
        place,
        marks=[pytest.mark.xdist_group(f"story-{place}"), *([pytest.mark.slurm] if place == "real" else [])],
    )
    for place in ("local", "fake", "real")
]


@pytest.fixture(scope="module", params=GROUPED)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    with herds(folder, request.param, lambda: request.getfixturevalue("slurm")) as make:
        yield tell(make())


def test_a_waited_for_run_in_which_trials_failed_ends_with_3_and_names_them(story: Story) -> None:
    said = story.said["first", "run"]
    assert said.stdout == ""
    assert "2 completed, 3 failed" in said.stderr
    assert "failed (exit 2)" in said.stderr


def test_every_trial_has_run_once(story: Story) -> None:
    first = [(line.trial, line.attempt) for line in story.herd.lines() if line.attempt == 1]
    assert sorted(first) == [(index, 1) for index in range(6)]


def test_exit_codes_are_the_reasons_of_failures(story: Story) -> None:
    told = [(t["status"], t["exit_code"], t["reason"]) for t in story.documents["first", "status"]["trials"]]
    assert told[LOGS] == told[QUIET] == ("completed", 0, None)
    assert told[FAILS] == ("failed", 2, "exit 2")
    assert told[LATER] == ("failed", 75, "exit 75")
    assert told[KILLED] == ("failed", 137, "exit 137")


def test_a_failed_trial_says_on_which_node(story: Story) -> None:
    assert story.trial("first", FAILS)["node"]
    assert f" on {story.trial('first', FAILS)['node']}" in story.said["first", "status"].stdout


def test_the_totals_count_the_statuses(story: Story) -> None:
    assert story.documents["first", "status"]["totals"] == {"total": 5, "completed": 2, "failed": 3}
    assert story.said["first", "status"].stdout.endswith("5 trials: 2 completed, 3 failed\n")


def test_the_last_line_with_text_is_shown(story: Story) -> None:
    assert story.trial("first", FAILS)["last_log_line"] == f"a word from {FAILS}.1"


def test_the_next_run_runs_what_failed_again_and_nothing_else(story: Story) -> None:
    again = [(line.trial, line.attempt) for line in story.herd.lines() if line.attempt > 1]
    assert sorted(again) == [(FAILS, 2), (LATER, 2), (KILLED, 2)]
    assert story.documents["first", "run -n"]["submitted_indices"] == [FAILS, LATER, KILLED]
    assert "3 again (failed), 2 kept" in story.said["again", "run"].stderr
    assert story.documents["again", "status"]["totals"] == {"total": 5, "completed": 5}
    assert story.documents["again", "run -n"]["submitted_indices"] == []


def test_attempts_are_counted(story: Story) -> None:
    attempts = {t["index"]: t["attempt"] for t in story.documents["again", "status"]["trials"]}
    assert attempts == {LOGS: 1, FAILS: 2, LATER: 2, KILLED: 2, QUIET: 1}
    assert story.environment(FAILS, 2)["HYPERHERD_ATTEMPT"] == "2"


def test_logs_are_appended_with_a_dividing_line_for_each_attempt(story: Story) -> None:
    for suffix, words in (("out", "a word"), ("err", "an error")):
        lines = [line for line in story.log_file(f"{FAILS}.{suffix}") if line]
        assert [bool(re.match("==== hyperherd: attempt [12], .*====$", line)) for line in lines] == [
            1,
            0,
            1,
            0,
        ]
        assert lines[1::2] == [f"{words} from {FAILS}.1", f"{words} from {FAILS}.2"]


def test_a_trial_runs_the_script_itself_in_the_workspace_with_one_argument(story: Story) -> None:
    folder, script, *arguments = story.argv(LOGS)
    root = story.herd.root
    assert (folder, script) == (str(root), str(root / "launch.sh"))
    assert len(arguments) == 1


def test_the_argument_is_name_parameters_static_overrides_then_set_values(story: Story) -> None:
    name = story.trial("first", LOGS)["experiment_name"]
    words = (
        f"experiment_name={name} mode=logs lr=0.1 data.root=/static note='two words' warmup=5 data.root=/set"
    )
    assert story.argv(LOGS)[2] == words
    assert story.argv(QUIET)[2].endswith("mode=quiet lr=0.1 data.root=/static note='two words'")


def test_the_environment_is_as_promised(story: Story) -> None:
    root, env = story.herd.root, story.environment(LOGS)
    name = story.trial("first", LOGS)["experiment_name"]
    assert {
        "HYPERHERD_WORKSPACE": str(root),
        "HYPERHERD_SWEEP_NAME": story.herd.name,
        "HYPERHERD_TRIAL_ID": str(LOGS),
        "HYPERHERD_TRIAL_NAME": name,
        "HYPERHERD_EXPERIMENT_NAME": name,
        "HYPERHERD_ATTEMPT": "1",
        "HYPERHERD_RESULTS": f"{root}/.hyperherd/results/{LOGS}",
        "SLURM_ARRAY_TASK_ID": str(LOGS),
    }.items() <= env.items()
    assert json.loads(env["HYPERHERD_PARAMS"]) == {"mode": "logs", "lr": 0.1}


def test_argv_are_the_same_words_quoted_for_a_shell(story: Story) -> None:
    argument, env = story.argv(LOGS)[2], story.environment(LOGS)
    words = shlex.split(env["HYPERHERD_ARGV"])
    assert " ".join(words) == argument
    assert "note='two words'" in words


def test_the_env_file_fills_what_is_not_set_and_is_written_nowhere(story: Story) -> None:
    env = story.environment(LOGS)
    assert (env["FROM_ENV_FILE"], env["SET_ALREADY"]) == ("two words", "by the user")
    state = (path for path in (story.herd.root / ".hyperherd").rglob("*") if path.is_file())
    assert [path for path in state if b"two words" in path.read_bytes().replace(b"note='two words'", b"")
            and b"FROM_ENV_FILE" in path.read_bytes()] == []  # fmt: skip


def test_this_machine_makes_up_one_slurm_variable_and_a_cluster_has_its_own(story: Story) -> None:
    slurm = {name for name in story.environment(QUIET) if name.startswith("SLURM_")}
    if story.herd.on == "local":
        assert slurm - {"SLURM_CONF"} == {"SLURM_ARRAY_TASK_ID"}
    else:
        assert {"SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"} <= slurm


def test_metrics_of_the_trainer_come_back_in_every_form(story: Story) -> None:
    trial = story.documents["first", "res"]["trials"][LOGS]
    assert trial["params"] == {"mode": "logs", "lr": 0.1}
    wanted = {"lr": 0.1, "val/accuracy": 0.875, "worst": "NaN", "best": "-Infinity"}
    assert {name: trial["metrics"][name] for name in wanted} == wanted
    head, *rows = csv.reader(story.said["first", "res"].stdout.splitlines(), delimiter="\t")
    row = dict(zip(head, rows[LOGS], strict=True))
    assert (row["trial_id"], row["mode"], row["val/accuracy"]) == (str(LOGS), "logs", "0.875")


def test_every_step_comes_back(story: Story) -> None:
    rows = story.documents["first", "res --steps"]["rows"]
    assert [(r["trial_id"], r["metric"], r["step"], r["value"]) for r in rows] == [
        (LOGS, "loss", 0, 1.0), (LOGS, "loss", 1, 0.5), (LOGS, "loss", 2, 1 / 3), (LOGS, "loss", 3, "Infinity")
    ]  # fmt: skip


def test_tail_shows_both_streams_or_the_last_lines_of_one(story: Story) -> None:
    streams = story.documents["first", "tail 0"]["streams"]
    assert streams["stdout"]["lines"][-1] == "a word from 0.1"
    assert streams["stderr"]["lines"][-1] == "an error from 0.1"
    assert streams["stdout"]["path"] == str(story.herd.root / ".hyperherd/logs/0.out")
    only = story.documents["first", "tail 1 -n 1 --stderr"]["streams"]
    assert {"stdout"}.isdisjoint(only)
    assert (only["stderr"]["lines"], only["stderr"]["requested"]) == (["an error from 1.1"], 1)
    assert "a word from 0.1\n" in story.said["first", "tail 0"].stdout


def test_show_tells_command_environment_attempts_and_the_last_error_line(story: Story) -> None:
    shown = story.documents["again", "show 1"]
    _, script, argument = story.argv(FAILS)
    assert shown["command"] == ["bash", script, argument]
    given = story.environment(FAILS, shown["attempt"])
    assert {name: given[name] for name in shown["environment"]} == shown["environment"]
    assert [(one["attempt"], one["exit_code"]) for one in shown["attempts"]] == [(1, 2), (2, 0)]
    assert all(one["node"] and one["started_at"] <= one["ended_at"] for one in shown["attempts"])
    assert shown["last_error_line"] == f"an error from {FAILS}.2"
    text = story.said["first", "show 1"].stdout
    assert "failed (exit 2)" in text
    assert f"an error from {FAILS}.1" in text
    assert story.documents["first", "show 0"]["extras"] == {"warmup": 5, "data.root": "/set"}
    assert story.documents["first", "show 0"]["metrics"]["val/accuracy"] == 0.875


def test_stats_tell_state_time_and_exit(story: Story) -> None:
    trials = story.documents["first", "stats"]["trials"]
    assert [trial["slurm_state"] for trial in trials] == ["COMPLETED", *["FAILED"] * 3, "COMPLETED"]
    assert [trial["exit_code"] for trial in trials] == [0, 2, 75, 137, 0]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", trial["elapsed"]) for trial in trials)
    if story.herd.on == "slurm":
        assert {trial["req_mem_bytes"] for trial in trials} == {200 * 1024**2}


def test_the_snapshot_has_all_of_it(story: Story) -> None:
    document = story.documents["first", "snapshot"]
    assert document["sweep_name"] == story.herd.name
    assert document["workspace"] == str(story.herd.root)
    assert document["totals"] == {"total": 5, "completed": 2, "failed": 3}
    assert document["trials"][LOGS]["metrics"]["worst"] == "NaN"
    assert [(one["index"], one["stderr_lines"][-1]) for one in document["failed_stderr"]] == [
        (index, f"an error from {index}.1") for index in (FAILS, LATER, KILLED)
    ]


def test_a_run_that_would_forget_a_trial_names_it_and_changes_nothing(story: Story) -> None:
    said = story.said["refused", "run"].stderr
    assert story.trial("first", QUIET)["experiment_name"] in said
    assert "-f" in said
    assert story.content["refused"] == story.content["before refused"]


def test_an_orphan_is_shown_and_a_new_trial_gets_a_new_index(story: Story) -> None:
    trials = {t["index"]: t for t in story.documents["orphaned", "status"]["trials"]}
    assert [index for index, trial in trials.items() if trial["orphan"]] == [QUIET]
    assert trials[5]["params"]["mode"] == "added"
    assert (trials[5]["status"], trials[QUIET]["status"]) == ("completed", "completed")
    assert f"{trials[QUIET]['experiment_name']} (orphan)" in story.said["orphaned", "status"].stdout
    assert "+1 new, 4 kept, 1 orphaned" in story.said["orphaned", "run"].stderr


def test_each_submission_is_on_record(story: Story) -> None:
    records = story.herd.job_ids()
    assert [record["indices"] for record in records] == [[0, 1, 2, 3, 4], [FAILS, LATER, KILLED], [5]]
    ids = [record["slurm_job_id"] for record in records]
    assert ids == [None] * 3 if story.herd.on == "local" else all(str(one).isdigit() for one in ids)


def test_the_generated_script_is_kept_and_is_bash(story: Story) -> None:
    state = story.herd.root / ".hyperherd"
    newest = (state / "job.sbatch").read_text()
    assert newest.startswith("#!/bin/bash\n")
    scripts: list[Path] = list((state / "jobs").glob("*.sbatch"))
    assert len(scripts) == 3
    assert newest in {script.read_text() for script in scripts}
