"""Closed streams, a full output, a folder that is gone, odd variables, trials that turn against herd."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .workspaces import DEADLINE_S, HERD, Workspace


def shell(workspace: Workspace, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of bash, in which ``herd`` is ours."""
    words = f'herd() {{ "{HERD[0]}" -m hyperherd "$@"; }}; {command}'
    env = {**workspace.env, **variables}
    argv = ["bash", "-c", words]
    done = subprocess.run(
        argv, cwd=workspace.root, env=env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["ls --json", "run"])
def test_closed_streams_are_no_reason_to_stop(here: Workspace, command: str, closed: str) -> None:
    assert shell(here, f"herd {command} {closed}").returncode == 0
    if command.startswith("run"):
        assert set(here.statuses().values()) == {"completed"}
        assert len(here.ran()) == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", ["ls", "snapshot", "--help"])
def test_an_output_that_takes_nothing_is_said(here: Workspace, command: str) -> None:
    here.herd("run")
    done = shell(here, f"herd {command} >/dev/full")
    assert done.returncode == 1
    assert "the output cannot be written: No space left on device" in done.stderr


def test_a_reader_that_has_gone_is_no_fault(here: Workspace) -> None:
    here.write('"range(0,3000)"')
    done = shell(here, "herd ls | { read -r line; echo $line; }; exit ${PIPESTATUS[0]}")
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_current_folder_that_is_gone_is_said(here: Workspace) -> None:
    done = shell(here, "mkdir gone; cd gone; rmdir ../gone; herd ls")
    assert done.returncode == 1
    assert "the current folder is gone" in done.stderr


@pytest.mark.parametrize("value", ["abc", "0", "nan"])
def test_a_variable_that_is_no_number_is_said(here: Workspace, fake: Workspace, value: str) -> None:
    slurm = Workspace(fake.root, {**fake.env, "HYPERHERD_SLURM_TIMEOUT_S": value})
    assert f"HYPERHERD_SLURM_TIMEOUT_S={value}" in slurm.herd("run", code=1).err
    local = Workspace(here.root, {**here.env, "HYPERHERD_POLL_S": value})
    assert f"HYPERHERD_POLL_S={value}" in local.herd("run", "--on", "local", code=2).err


@pytest.mark.parametrize(
    "variables", [{"COLUMNS": "junk"}, {"COLUMNS": "-3"}, {"TERM": ""}, {"TZ": "no/where"}]
)
def test_odd_variables_are_no_reason_to_stop(here: Workspace, variables: dict[str, str]) -> None:
    odd = Workspace(here.root, {**here.env, **variables})
    for words in (("run",), ("ls",), ("status",), ("show", "0"), ("res",)):
        odd.herd(*words)


def test_a_trial_that_deletes_herd_s_state_does_not_bring_it_down(here: Workspace) -> None:
    (here.root / "launch.sh").write_text('rm -rf "$HYPERHERD_WORKSPACE/.hyperherd"\n')
    done = here.herd("run", code=None)
    assert done.code in (1, 3)
    assert ".hyperherd" in done.err


@pytest.mark.parametrize(
    "script", ["kill -9 $PPID; exit 5\n", "kill -9 0\n", "kill -TERM 0\n", "exec >&- 2>&-; exit 5\n"]
)
def test_a_trial_that_kills_its_surroundings_has_failed(here: Workspace, script: str) -> None:
    (here.root / "launch.sh").write_text(script)
    here.herd("run", code=3)
    assert set(here.until_ended().values()) <= {"failed", "cancelled"}


def test_a_run_within_a_trial_starts_nothing_twice(here: Workspace) -> None:
    script = f'echo "$HYPERHERD_TRIAL_ID $SLURM_ARRAY_TASK_ID $1" >>log\n"{sys.executable}" -m hyperherd run --detach\n'
    (here.root / "launch.sh").write_text(script)
    here.herd("run", code=None)
    here.until_ended()
    assert sorted(index for index, _, _ in here.ran()) == [0, 1, 2]


@pytest.mark.parametrize(
    "make", ["mkfifo .env", "mkdir .env", "printf '\\0\\377=1\\nA B=3\\nX=\"open\\nPATH=\\n' >.env"]
)
def test_a_dot_env_that_is_none_does_not_stop_trials(here: Workspace, make: str) -> None:
    subprocess.run(["bash", "-c", make], cwd=here.root, check=True)
    here.herd("run")
    assert len(here.ran()) == 3


@pytest.mark.parametrize(
    "make", ["touch .hyperherd", "ln -s nowhere .hyperherd", "mkdir -p .hyperherd/manifest.json"]
)
def test_something_else_where_herd_s_state_should_be_is_said(here: Workspace, make: str) -> None:
    subprocess.run(["bash", "-c", make], cwd=here.root, check=True)
    before = here.files()
    assert ".hyperherd" in here.herd("run", code=1).err
    assert here.files() == before


def test_a_pin_that_no_trial_has_is_refused(here: Workspace) -> None:
    done = here.herd("run", "-p", "x=99", code=1)
    assert "no trial has x=99" in done.err
    assert here.ran() == []


def test_without_git_a_run_goes_on(here: Workspace, tmp_path: Path) -> None:
    programs = tmp_path / "without git"
    programs.mkdir()
    for program in Path(here.env["PATH"]).iterdir():
        if program.name != "git":
            (programs / program.name).symlink_to(program)
    Workspace(here.root, {**here.env, "PATH": str(programs)}).herd("run")
    assert set(here.statuses().values()) == {"completed"}
