"""The launch script: missing, a folder, without the x bit, with Windows line ends, changed under way."""

from __future__ import annotations

import os

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import LAUNCH, Workspace, until

COMMANDS = [("run",), ("run", "--dry-run"), ("run", "--json"), ("test",)]


def refused(workspace: Workspace, *words: str) -> None:
    before = workspace.content()
    for command in COMMANDS:
        done = workspace.herd(*command, code=1)
        assert done.out == ""
        for word in words:
            assert word in done.err
    assert workspace.content() == before


def test_one_that_is_missing_is_said_before_anything_is_written(here: Workspace) -> None:
    (here.root / "launch.sh").unlink()
    refused(here, "the launch script is not there", str(here.root / "launch.sh"), "launcher:")


def test_a_folder_is_no_launch_script(here: Workspace) -> None:
    (here.root / "launch.sh").unlink()
    (here.root / "launch.sh").mkdir()
    refused(here, str(here.root / "launch.sh"))


def test_a_link_that_leads_nowhere_is_no_launch_script(here: Workspace) -> None:
    (here.root / "launch.sh").unlink()
    (here.root / "launch.sh").symlink_to("gone.sh")
    refused(here, str(here.root / "launch.sh"))


def test_a_pipe_is_no_launch_script(here: Workspace) -> None:
    (here.root / "launch.sh").unlink()
    os.mkfifo(here.root / "launch.sh")
    refused(here, str(here.root / "launch.sh"))


def test_windows_line_ends_are_said_with_the_cure(here: Workspace) -> None:
    (here.root / "launch.sh").write_bytes(LAUNCH.replace("\n", "\r\n").encode())
    refused(here, "Windows line ends", "sed -i")


def test_one_that_is_not_executable_is_run_all_the_same_and_said_once(here: Workspace) -> None:
    (here.root / "launch.sh").chmod(0o644)
    said = here.herd("run").err
    assert said.count("not executable") == 1
    assert set(here.statuses().values()) == {"completed"}
    assert len(here.ran()) == 3


def test_an_empty_one_is_a_script_that_succeeds(here: Workspace) -> None:
    (here.root / "launch.sh").write_text("")
    here.herd("run")
    assert set(here.statuses().values()) == {"completed"}


def test_one_of_another_folder_is_run_from_there(here: Workspace) -> None:
    other = here.root.parent / "scripts"
    other.mkdir()
    (other / "go.sh").write_text('echo "$0 $PWD" >>"$HYPERHERD_WORKSPACE/log"\n')
    here.yaml((here.root / "hyperherd.yaml").read_text().replace("launch.sh", "../scripts/go.sh"))
    here.herd("run")
    assert set((here.root / "log").read_text().splitlines()) == {f"{here.root}/../scripts/go.sh {here.root}"}


@pytest.mark.parametrize("script", ["if then\n", "exit 7\n", "no_such_program\n", "kill -9 $$\n"])
def test_one_that_fails_is_a_failed_trial_and_not_a_fault_of_herd(here: Workspace, script: str) -> None:
    (here.root / "launch.sh").write_text(script)
    done = here.herd("run", code=3)
    assert "3 failed" in done.err
    assert set(here.statuses().values()) == {"failed"}


def test_one_that_is_gone_when_the_trial_starts_is_a_failed_trial(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(held=True)
    fake.herd("run")
    (fake.root / "launch.sh").unlink()
    fake_slurm.knobs(held=False)
    assert set(fake.until_ended().values()) == {"failed"}
    assert "launch.sh" in fake.herd("tail", "0").out


def marked(workspace: Workspace) -> dict[int, bool]:
    """Trial index -> whether its newest attempt is marked."""
    trials = workspace.herd("status", "--json").json["trials"]
    return {trial["index"]: trial["launch_script_changed"] for trial in trials}


@pytest.mark.parametrize("ending", ["exit 0", "exit 5", "kill -KILL $PPID"])
def test_a_trial_that_ran_a_changed_one_is_marked_and_one_that_ended_before_is_not(
    here: Workspace, ending: str
) -> None:
    (here.root / "launch.sh").write_text("until [[ -e go ]]; do sleep 0.05; done\n")
    here.herd("run", "--detach", "-j", "1")
    until(lambda: "running" in here.statuses().values(), "the first to start")
    replacement = here.root / "launch.new"
    replacement.write_text(f"{ending}\n")
    replacement.replace(here.root / "launch.sh")
    (here.root / "go").touch()
    here.until_ended()
    found = marked(here)
    assert not found.pop(0)
    assert set(found.values()) == {True}


def test_one_that_changed_since_it_was_submitted_is_marked(fake: Workspace, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(held=True)
    fake.herd("run")
    before = fake.herd("status", "--json").json["trials"]
    (fake.root / "launch.sh").write_text("exit 0\n")
    after = fake.herd("status", "--json").json["trials"]
    assert before != after
    assert set(marked(fake).values()) == {True}
    fake_slurm.knobs(held=False)
    fake.until_ended()
