"""While trials run: what is shown of them, and how they are stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from eventually import DEADLINE_S

from .conftest import on_slurm
from .herd import GATE, Herd

LIVE = ("submitted", "queued", "running")


@pytest.fixture
def running(herd: Herd) -> Herd:
    """Five trials, two of which run until `Herd.go`; three wait."""
    herd.describe(range(5))
    herd.launch(f'echo "step 1 of $HYPERHERD_TRIAL_ID"\n{GATE}')
    herd.submit("-j", "2")
    herd.until_started(2)
    herd.until(lambda: sorted(herd.statuses().values()) == ["queued"] * 3 + ["running"] * 2, "two to run")
    return herd


def test_status_tells_running_from_waiting(running: Herd) -> None:
    document = running.json("status")
    assert document["totals"] == {"total": 5, "queued": 3, "running": 2}
    for trial in document["trials"]:
        is_running = trial["status"] == "running"
        assert trial["last_log_line"] == (f"step 1 of {trial['index']}" if is_running else None)
        assert (trial["attempt"], trial["exit_code"]) == (int(is_running), None)
    shown = running("status", "-b").stdout
    assert shown == "5 trials: 3 queued, 2 running\n"


@on_slurm
def test_what_has_not_ended_has_no_exit_code_anywhere(running: Herd) -> None:
    stats = running.json("stats")["trials"]
    assert [trial["slurm_state"] for trial in stats[:2]] == ["RUNNING"] * 2
    for trial in (*stats, *running.json("snapshot")["trials"], *running.json("status")["trials"]):
        assert trial["exit_code"] is None
    running("stop", "--all", "--yes")


def test_what_was_stopped_is_cancelled_in_slurms_word_too(running: Herd) -> None:
    running("stop", "--all", "--yes")
    running.until_statuses("cancelled")
    running.until(
        lambda: [t["slurm_state"] for t in running.json("stats")["trials"]] == ["CANCELLED"] * 5,
        "sacct, which is late by seconds",
    )
    assert running("stats").stdout.count("CANCELLED") == 5


@on_slurm
def test_what_waits_says_why_in_words(running: Herd) -> None:
    reasons = {trial["reason"] for trial in running.trials().values() if trial["status"] == "queued"}
    (reason,) = reasons
    assert reason == "JobArrayTaskLimit: as many of the sweep run as it allows at once"
    assert reason in running("status").stdout


def test_nothing_is_submitted_twice(running: Herd) -> None:
    assert "nothing" in running("run", "--detach").stderr.lower()
    running.go()
    running.until_statuses("completed")
    assert running.started() == [0, 1, 2, 3, 4]


def test_one_can_be_looked_at(running: Herd) -> None:
    index = running.started()[0]
    tail = running.json("tail", str(index))
    assert (tail["index"], tail["status"]) == (index, "running")
    assert tail["streams"]["stdout"]["lines"][-1] == f"step 1 of {index}"
    (attempt,) = running.json("show", str(index))["attempts"]
    assert (attempt["exit_code"], attempt["ended_at"]) == (None, None)
    waiting = next(i for i in range(5) if i not in running.started())
    assert running.json("tail", str(waiting))["streams"]["stdout"]["lines"] is None
    assert "has written nothing yet" in running("tail", str(waiting)).stderr


def test_tail_follows_to_the_end(running: Herd) -> None:
    index = running.started()[0]
    argv = [sys.executable, "-m", "hyperherd", "tail", str(running.root), str(index), "-f"]
    follow = subprocess.Popen(argv, env=dict(running.env), stdout=subprocess.PIPE, text=True)
    try:
        assert follow.stdout
        assert any(f"step 1 of {index}" in line for line in follow.stdout)
        running.go()
        assert follow.wait(120) == 0
    finally:
        follow.kill()
        follow.communicate()


@contextlib.contextmanager
def followed(herd: Herd, trial: int) -> Iterator[subprocess.Popen[str]]:
    """``herd tail -f``; killed at the end, if it has not ended."""
    argv = [sys.executable, "-m", "hyperherd", "tail", str(herd.root), str(trial), "-f"]
    process = subprocess.Popen(argv, env=herd.env, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_following_a_trial_that_runs_again_goes_on_to_the_end_of_that(herd: Herd) -> None:
    herd.describe([1])
    herd.launch("exit 1")
    herd("run", "--wait", code=3)
    herd.launch(f"{GATE}echo the second one")
    herd.submit()
    with followed(herd, 0) as process:
        herd.until_started(2)
        herd.go()
        assert "the second one" in process.communicate(timeout=DEADLINE_S)[0]


def test_following_shows_both_streams_each_under_its_path(herd: Herd) -> None:
    herd.describe([1])
    herd.launch(f"echo starting{chr(10)}{GATE}echo oops >&2; echo done")
    herd.submit()
    with followed(herd, 0) as process:
        assert process.stdout and any(line == "starting\n" for line in process.stdout)
        herd.go()
        told = process.communicate(timeout=DEADLINE_S)[0]
    assert f"==> {herd.root}/.hyperherd/logs/0.err <==\n" in told
    assert {"oops", "done"} <= set(told.splitlines())


def test_following_ends_when_the_trial_is_cancelled(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch(GATE)
    herd.submit("-j", "1")
    herd.until_started(1)
    with followed(herd, 1) as process:
        herd("stop", "1")
        assert process.wait(DEADLINE_S) == 0


def in_the_manifest(herd: Herd) -> list[str]:
    """What ``jq .[].status manifest.json`` says."""
    return [trial["status"] for trial in json.loads((herd.root / ".hyperherd/manifest.json").read_text())]


def test_the_manifests_copy_of_a_status_is_as_of_the_last_look(herd: Herd) -> None:
    herd.describe([1])
    herd.launch(f"{GATE}exit 1")
    herd.submit()
    herd.until_started(1)
    herd.until_statuses("running")
    assert in_the_manifest(herd) == ["running"]
    herd.go()
    herd.until_statuses("failed")
    assert in_the_manifest(herd) == ["failed"]


def test_the_manifests_copy_of_a_status_is_as_of_the_end_of_a_run_that_stayed(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch("((HYPERHERD_TRIAL_ID == 0)) || exit 1")
    herd("run", "--wait", code=3)
    assert in_the_manifest(herd) == ["completed", "failed"]


def test_one_is_stopped_and_the_others_go_on(running: Herd) -> None:
    index = running.started()[0]
    document = running.json("stop", str(index))
    (cancelled,) = document["cancelled"]
    assert (cancelled["index"], cancelled["previous_status"]) == (index, "running")
    assert cancelled["slurm_job_id"] == running.job_ids()[0]["slurm_job_id"]
    running.go()
    running.until_statuses("completed", "cancelled")
    assert [i for i, status in running.statuses().items() if status == "cancelled"] == [index]
    assert index not in [line.trial for line in running.lines("end")]
    running("run", "--wait")
    assert running.started() == sorted([*range(5), index])
    assert set(running.statuses().values()) == {"completed"}


def test_several_are_stopped_waiting_and_running(running: Herd) -> None:
    document = running.json("stop", "0-2,4")
    stopped = [0, 1, 2, 4]
    assert [one["index"] for one in document["cancelled"]] == stopped
    running.until(lambda: {running.statuses()[i] for i in stopped} == {"cancelled"}, "the signal to arrive")
    running.go()
    running.until(lambda: not set(LIVE) & set(running.statuses().values()), "all to end")
    assert running.statuses() == {
        0: "cancelled",
        1: "cancelled",
        2: "cancelled",
        3: "completed",
        4: "cancelled",
    }
    assert [line.trial for line in running.lines("end")] == [3]


def test_all_are_stopped_once_it_is_agreed(running: Herd) -> None:
    refused = running("stop", "--all", code=2)
    assert "--yes" in refused.stderr
    assert set(running.statuses().values()) == {"queued", "running"}
    document = running.json("stop", "--all", "--yes")
    assert len(document["cancelled"]) == 5
    running.until_statuses("cancelled")
    running.go()
    assert running.lines("end") == []
    assert running.json("stop", "--all", "--yes") == {"cancelled": [], "refused": [], "off_record": []}


def test_those_for_which_an_expression_holds_are_stopped(running: Herd) -> None:
    document = running.json("stop", "--where", "status == queued and x >= 4")
    assert [one["index"] for one in document["cancelled"]] == [4]
    assert running.statuses()[4] == "cancelled"


def test_ctrl_c_stops_trials_here_and_leaves_them_on_a_cluster(herd: Herd) -> None:
    herd.describe([1])
    herd.launch(GATE)
    argv = [sys.executable, "-m", "hyperherd", "run", str(herd.root), "--on", herd.on, "--wait"]
    run = subprocess.Popen(argv, env=dict(herd.env), stderr=subprocess.PIPE, text=True)
    try:
        herd.until_started(1)
        herd.until(lambda: herd.statuses() == {0: "running"}, "it to run")
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=120)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert "Traceback" not in said
    herd.until_statuses("cancelled" if herd.on == "local" else "running")
    herd.go()
    if herd.on == "slurm":
        herd.until_statuses("completed")


def test_clean_cancels_then_deletes_logs_then_everything(running: Herd) -> None:
    state = running.root / ".hyperherd"
    assert "--yes" in running("clean", code=2).stderr
    running("clean", "--yes")
    running.until_statuses("cancelled")
    assert list((state / "logs").glob("*.out"))
    running("clean", "-l", "--yes")
    assert list((state / "logs").glob("*.out")) == []
    assert set(running.statuses()) == set(range(5))
    running("clean", "-a", "--yes")
    assert not state.exists()
    assert {"hyperherd.yaml", "launch.sh"} <= {path.name for path in running.root.iterdir()}
    running.go()
    running("run", "--wait", "-i", "0")
    assert running.statuses()[0] == "completed"
