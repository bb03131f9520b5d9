"""What a run does and to which trials: the same on this machine, on a fake and on a real Slurm."""

from __future__ import annotations

import json
from collections.abc import Callable

from .conftest import here, on_slurm
from .herd import GATE, Herd

AT_ONCE = """\
until (($(grep -c ^start "$HYPERHERD_WORKSPACE/log") >= 2)); do sleep 0.05; done
sleep 0.2
"""
"""Bash: end only when two trials have started; the sleep gives a third the chance to be seen."""


def test_a_dry_run_changes_nothing_on_disk(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch()
    before = herd.content()
    assert "+2 new" in herd("run", "-n").stderr
    document = herd.json("run", "--dry-run")
    assert (document["dry_run"], document["submitted_indices"]) == (True, [0, 1])
    assert herd.content() == before
    assert not (herd.root / ".hyperherd").exists()


def test_a_dry_run_prints_the_script_that_would_run(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch()
    shown = herd("run", "-n", "--script").stdout
    assert shown.startswith("#!/bin/bash\n")
    assert "OVERRIDES='experiment_name=x-2 x=2'" in shown
    assert "herd run -n --script" in herd("run", "--script", code=2).stderr


def test_a_dry_run_shows_the_trials_and_the_schedulers_lines(herd: Herd) -> None:
    herd.describe(range(30))
    herd.launch()
    shown = herd("run", "-n").stdout.splitlines()
    assert [line.split()[0] for line in shown[1:31]] == [str(index) for index in range(30)]
    assert shown[3].split()[1:] == ["x-2", "experiment_name=x-2", "x=2"]
    assert {line.split()[0] for line in shown[31:] if line} <= {"#SBATCH"}


def test_indices_and_pins_choose_trials_and_a_finished_one_is_not_run_again(herd: Herd) -> None:
    herd.describe([1, 2, 3, 4, 5])
    herd.launch()
    herd("run", "--wait", "-i", "0,3-4")
    assert herd.started() == [0, 3, 4]
    herd("run", "--wait", "-p", "x=2")
    assert herd.started() == [0, 1, 3, 4]
    herd("run", "--wait", "x=1")
    assert herd.started() == [0, 1, 3, 4]
    assert herd.statuses() == {0: "completed", 1: "completed", 2: "ready", 3: "completed", 4: "completed"}
    only = herd.json("status", "--where", "x > 2 and status == completed")["trials"]
    assert [trial["index"] for trial in only] == [3, 4]
    herd("run", "--wait", "-i", "0", "-f")
    assert herd.started() == [0, 0, 1, 3, 4]


def test_the_most_at_once_is_what_j_says(herd: Herd) -> None:
    herd.describe(range(5))
    herd.launch(AT_ONCE)
    herd("run", "--wait", "-j", "2")
    assert herd.started() == [0, 1, 2, 3, 4]
    assert herd.most_at_once() == 2


def test_the_most_at_once_is_what_the_yaml_says(herd: Herd) -> None:
    herd.describe(range(4), "slurm: {max_concurrent: 2}\n")
    herd.launch(AT_ONCE)
    herd("run", "--wait")
    assert herd.started() == [0, 1, 2, 3]
    assert herd.most_at_once() == 2


def test_a_run_that_does_not_wait_returns_while_its_trials_run(herd: Herd) -> None:
    herd.describe([1])
    herd.launch(GATE)
    said = herd("run", "--detach").stderr
    assert "herd status" in said
    herd.until_started(1)
    assert herd.lines("end") == []
    herd.go()
    herd.until_statuses("completed")


def test_the_document_of_a_run_tells_what_was_submitted(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch("((HYPERHERD_TRIAL_ID == 0)) || exit 1")
    done = herd("run", "--json", "--wait", code=3)
    document = json.loads(done.stdout)
    assert (document["dry_run"], document["submitted_indices"]) == (False, [0, 1])
    assert [trial["status"] for trial in document["trials"]] == ["submitted", "submitted"]
    assert document["slurm_job_id"] == herd.job_ids()[0]["slurm_job_id"]
    assert document["sbatch_path"].endswith(".sbatch")


def test_a_run_after_another_workspace_starts_when_that_has_succeeded(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1, 2])
        herd.launch(GATE if herd is first else "")
        (herd.root / "log").symlink_to(first.root.parent / "log")
    first.submit()
    second.submit("--after", str(first.root))
    first.until_started(2)
    assert set(second.statuses().values()) <= {"submitted", "queued"}
    first.go()
    second.until_statuses("completed")
    words = [line.word for line in first.log()]
    assert words[2:4] == ["end", "end"]
    assert words.count("start") == 4


def test_a_run_after_one_that_fails_does_not_start(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1])
        herd.launch(f"{GATE}exit 1" if herd is first else "")
    first.submit()
    second.submit("--after", str(first.root))
    first.go()
    first.until_statuses("failed")
    second.until(
        lambda: (
            "has failed" in str(second.trials()[0]["reason"])
            or second.statuses()[0] not in ("submitted", "queued")
        ),
        "what became of it",
    )
    assert second.statuses()[0] != "completed"
    assert second.lines() == []


def test_a_run_after_one_that_has_not_run_is_refused(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1])
        herd.launch()
    told = second("run", "--after", str(first.root), code=1).stderr
    assert f"nothing was run in {first.root}" in told
    assert second.lines() == []


def test_a_run_after_one_that_needs_another_run_is_refused_and_says_which(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1, 2])
        herd.launch()
    first.launch("((HYPERHERD_TRIAL_ID == 0)) || exit 1")
    first("run", "--wait", code=3)
    told = second("run", "--after", str(first.root), code=1).stderr
    assert "trial 1 is failed" in told and f"herd run {first.root}" in told
    assert second.lines() == []


def test_a_run_after_one_that_failed_before_and_then_succeeded_starts(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1, 2])
        herd.launch()
    first.launch("((HYPERHERD_TRIAL_ID == 0 || HYPERHERD_ATTEMPT > 1)) || exit 1")
    first("run", "--wait", code=3)
    first("run", "--wait")
    second("run", "--wait", "--after", str(first.root))
    assert second.started() == [0, 1]


def test_a_run_after_one_of_which_a_failed_trial_runs_again_starts_when_all_have_ended(
    make: Callable[..., Herd],
) -> None:
    first, second = make("first"), make("second")
    for herd in (first, second):
        herd.describe([1, 2])
        herd.launch()
    first.launch(f"((HYPERHERD_TRIAL_ID == 0 || HYPERHERD_ATTEMPT > 1)) || exit 1\n{GATE}")
    first.submit("-j", "2")
    first.until(lambda: first.statuses() == {0: "running", 1: "failed"}, "the failure")
    first.submit("-j", "2")
    first.until_started(3)
    second.submit("--after", str(first.root))
    assert second.lines() == []
    first.go()
    second.until_statuses("completed")
    assert {line.word for line in first.log()[-2:]} == {"end"}


@on_slurm
def test_what_a_run_waits_for_is_said_once(herd: Herd) -> None:
    herd.describe([1], "slurm: {dependency: singleton}\n")
    herd.launch()
    assert "slurm.dependency and --after" in herd("run", "--after", "1", code=1).stderr


@here
def test_this_machine_knows_no_job_ids_to_wait_for(herd: Herd) -> None:
    herd.describe([1])
    herd.launch()
    assert "knows no jobs" in herd("run", "--after", "123", code=2).stderr


@on_slurm
def test_a_run_after_a_job_starts_when_that_has_succeeded(herd: Herd) -> None:
    script = herd.root / "job.sh"
    script.write_text(f"#!/bin/bash\ncd {herd.root}\nuntil [[ -e go ]]; do sleep 0.05; done\n: >first\n")
    argv = ("sbatch", "--parsable", "--output=/dev/null", f"--job-name=hyperherd_{herd.name}", str(script))
    job = herd.tool(*argv).strip()
    herd.describe([1])
    herd.launch('[[ -e "$HYPERHERD_WORKSPACE/first" ]] || exit 4')
    herd.submit("--after", job)
    herd.until(lambda: "depend" in str(herd.trials()[0]["reason"]).lower(), "the reason why it waits")
    assert herd.lines() == []
    herd.go()
    herd.until_statuses("completed")


def test_gpus_are_not_shared(herd: Herd) -> None:
    herd.describe(range(3), "slurm: {gres: 'gpu:1'}\n")
    herd.launch(AT_ONCE)
    if herd.on == "local":
        herd.env["CUDA_VISIBLE_DEVICES"] = "4,7"  # type: ignore[index]  # a dict of this test
    herd("run", "--wait")
    given = [line.gpus for line in herd.lines()]
    if herd.on == "local":
        assert set(given) == {"4", "7"}
        assert herd.most_at_once() == 2
    assert all(word.isdigit() for word in given)
    at_once: set[str] = set()
    if herd.on == "local":
        for line in herd.log():
            if line.word == "start":
                assert line.gpus not in at_once
                at_once.add(line.gpus)
            else:
                at_once.discard(next(start.gpus for start in herd.lines() if start.trial == line.trial))
