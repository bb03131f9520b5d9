"""The commands that look, stop and delete take the script, the folder of its sweep, and `-C`."""

from __future__ import annotations

import json
import sys

import pytest
from eventually import until

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n\n"
STATE = "job.sh.herd"


def sweep_of_three(home: Home) -> Home:
    """A script's sweep of three, of which one has failed."""
    home.script(f"{HEAD}echo metric >&2\napp\n")
    home.fail("lr=2")
    home.multirun("lr=1,2,3", code=3)
    return home


@pytest.fixture
def ran(home: Home) -> Home:
    return sweep_of_three(home)


@pytest.fixture
def ran_here(here: Home) -> Home:
    return sweep_of_three(here)


COMMANDS = {
    "status": ("status", []),
    "tail": ("tail", ["1"]),
    "show": ("show", ["1"]),
    "res": ("res", []),
    "stats": ("stats", []),
    "ls": ("ls", []),
}


def test_each_command_says_the_same_of_the_script_its_folder_and_from_within(ran_here: Home) -> None:
    for command, trials in COMMANDS.values():
        told = ran_here.document(command, "job.sh", *trials)
        assert ran_here.document(command, STATE, *trials) == told
        assert ran_here.document(command, str(ran_here.folder / "job.sh"), *trials) == told
        assert ran_here.document(command, *trials, cwd=ran_here.folder / STATE) == told
        assert json.loads(ran_here.herd("-C", "job.sh", command, *trials, "--json").stdout) == told
        assert ran_here.herd(command, "job.sh", *trials).stdout
    document = json.loads(ran_here.herd("snapshot", "job.sh").stdout)
    assert document["sweep_name"] == "job.sh"
    assert document["totals"] == {"total": 3, "completed": 2, "failed": 1}
    assert document["failed_stderr"][0]["stderr_lines"][-1] == "metric"


def test_what_they_say_is_so(ran: Home) -> None:
    trials = ran.document("status", "job.sh")["trials"]
    assert [trial["status"] for trial in trials] == ["completed", "failed", "completed"]
    assert [trial["params"] for trial in trials] == [{"lr": 1}, {"lr": 2}, {"lr": 3}]
    assert [trial["experiment_name"] for trial in trials] == ["lr-1", "lr-2", "lr-3"]
    assert trials[1]["exit_code"] == 7
    assert trials[1]["launch_script_changed"] is False
    assert "given 1 words" in ran.document("tail", "job.sh", "lr-2")["streams"]["stdout"]["lines"]
    assert "failed" in ran.herd("status", "job.sh", "--where", "lr == 2").stdout
    assert "completed" not in ran.herd("status", "job.sh", "--where", "lr == 2").stdout.partition("\n")[2]
    shown = ran.document("show", "job.sh", "1")
    assert shown["environment"]["HYPERHERD_ARGV"] == "lr=2"
    assert "lr=2" in shown["command"]


def test_looking_writes_nothing(ran_here: Home) -> None:
    before = {path: (ran_here.folder / path).stat().st_mtime_ns for path in ran_here.files() if "." in path}
    for command, trials in COMMANDS.values():
        ran_here.herd(command, "job.sh", *trials)
    assert {
        path: (ran_here.folder / path).stat().st_mtime_ns for path in ran_here.files() if "." in path
    } == before


def test_stop_ends_what_runs_and_it_runs_again_when_asked(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go app\n")
    home.begin("lr=1,2")
    until(lambda: len(home.runs()) == 2, "both")
    assert "trial 1 cancelled" in home.herd("stop", "job.sh", "1").stdout
    until(lambda: home.statuses() == ["running", "cancelled"], "the end of one")
    home.herd("stop", "job.sh", "--all", "--yes")
    until(lambda: home.statuses() == ["cancelled"] * 2, "the end of both")
    (home.folder.parent / "go").touch()
    home.multirun("lr=2")
    assert home.statuses() == ["cancelled", "completed"]


def test_clean_deletes_the_state_and_leaves_the_script(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    home.multirun("lr=1")
    home.herd("clean", "job.sh", "-l", "--yes")
    assert home.statuses() == ["completed"]
    home.herd("clean", "job.sh", "-a", "--yes")
    assert home.files() == {"job.sh"}
    home.multirun("lr=1")
    assert home.given() == [["lr=1"]] * 2


def test_clean_leaves_what_a_user_has_put_beside_the_state(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.multirun("lr=1")
    (here.folder / STATE / ".env").write_text("TOKEN=1\n")
    here.herd("clean", "job.sh", "-a", "--yes")
    assert here.files() == {"job.sh", STATE, f"{STATE}/.env"}


def test_env_file_beside_the_state_fills_variables(here: Home) -> None:
    here.script(f'{HEAD}app "$TOKEN"\n')
    (here.folder / STATE).mkdir()
    (here.folder / STATE / ".env").write_text("TOKEN=secret\n")
    here.multirun("lr=1")
    assert here.given() == [["secret", "lr=1"]]


def test_herd_test_runs_a_trial_here_that_was_never_submitted(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.multirun("lr=1")
    assert "has completed" in here.herd("test", "job.sh", code=1).stderr
    tried = here.herd("test", "job.sh", "--cfg-job")
    assert "given 4 words" in tried.stdout
    assert ["lr=1", "--cfg", "job", "--resolve"] in here.given()


def test_metrics_are_kept_by_trial(home: Home) -> None:
    log = f'{sys.executable} -c "import hyperherd as h; h.log_result(\\"loss\\", 0.5)"'
    home.script(f"{HEAD}{log}\napp {{overrides}}\n")
    home.multirun("lr=1,2")
    rows = home.document("res", "job.sh")["trials"]
    assert [(row["params"], row["metrics"]) for row in rows] == [({"lr": lr}, {"loss": 0.5}) for lr in (1, 2)]
