"""Tasks of Python's are found again when the program that submitted them has gone: listed, loaded, stopped, cleared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import herding
import msgspec
import pytest
from eventually import until
from fakeslurm.fixture import FakeSlurm

from hyperherd import Task
from hyperherd.errors import HerdError
from hyperherd.workspace import task_folders
from hyperherd.workspace.folder import Workspace

PROGRAM = """
import os
from hyperherd import Task
from hyperherd.launchers import DirectLauncher, SlurmLauncher

launcher = DirectLauncher() if os.environ["PLACE"] == "local" else SlurmLauncher()
Task("exit 3", name="bad").submit(launcher).wait()
Task("until [[ -e go ]]; do sleep 0.05; done; exit 5", name="waits").submit(launcher)
os.kill(os.getpid(), 9)
"""


class Place:
    """A folder in which a program has submitted two tasks and was killed; herd is typed in it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, env=env, timeout=120)
        assert done.returncode == -9

    def herd(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return herding.herd(*words, folder=self.folder, env=self.env, code=code)

    def tasks(self) -> dict[str, tuple[str, str | None]]:
        told = json.loads(self.herd("status", "--json").stdout)["tasks"]
        return {one["name"]: (one["status"], one["reason"]) for one in told}

    def token(self, name: str) -> str:
        told = json.loads(self.herd("status", "--json").stdout)["tasks"]
        return next(str(one["token"]) for one in told if one["name"] == name)

    def until_running(self) -> None:
        until(lambda: self.tasks()["waits"][0] == "running", "the task that waits")


@pytest.fixture(params=["local", "slurm"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    base = fake_slurm.env if request.param == "slurm" else os.environ
    folder = tmp_path / "folder"
    folder.mkdir()
    env = {**herding.environment(base, tmp_path), "PLACE": request.param}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    yield Place(folder, env)
    (folder / "go").touch()


def test_they_are_listed_and_one_that_is_loaded_can_be_waited_for(place: Place) -> None:
    place.until_running()
    assert place.tasks() == {"bad": ("failed", "exit 3"), "waits": ("running", None)}
    said = place.herd("status", str(place.folder)).stdout
    assert said.splitlines()[-1] == "2 tasks: 1 running, 1 failed"
    task = Task.load(place.folder, place.token("waits"))
    assert (task.name, task.state()) == ("waits", "running")
    (place.folder / "go").touch()
    assert task.wait(60) == 5
    assert Task.load(".", place.token("bad")).wait() == 3
    with pytest.raises(HerdError, match="there is no task x"):
        Task.load(place.folder, "x")


def test_they_are_stopped_by_name_token_or_all_and_that_is_recorded(place: Place) -> None:
    place.until_running()
    assert "which tasks?" in place.herd("stop", code=2).stderr
    assert "no task 7" in place.herd("stop", "77777", code=1).stderr
    assert "nothing to cancel" in place.herd("stop", "bad").stderr
    token = place.token("waits")
    assert place.herd("stop", "waits").stdout == f"task {token} cancelled (it was running)\n"
    until(lambda: place.tasks()["waits"] == ("cancelled", None), "its end")
    assert Task.load(".", token).state() == "cancelled"
    assert "nothing to cancel" in place.herd("stop", "--all").stderr


@pytest.mark.parametrize("words", [("clean", "-a", "--yes"), ("clean", "--yes")])
def test_clean_cancels_them_and_with_all_deletes_their_files(place: Place, words: tuple[str, ...]) -> None:
    place.until_running()
    said = place.herd(*words).stderr
    assert "cancel 1 task" in said
    assert ("delete the files of 2 tasks" in said) == ("-a" in words)
    assert (place.folder / ".hyperherd").exists() == ("-a" not in words)
    if "-a" not in words:
        assert place.tasks()["waits"][0] == "cancelled"


def test_beside_a_sweep_they_are_shown_and_clean_all_counts_and_cancels_them(place: Place) -> None:
    """Finding L1: it deleted the files of running tasks, cancelled none and named none."""
    (place.folder / "launch.sh").write_text("#!/bin/bash\n")
    (place.folder / "launch.sh").chmod(0o755)
    (place.folder / "hyperherd.yaml").write_text(
        "name: s\nlauncher: launch.sh\ngrid: all\nparameters: {x: [1]}\n"
    )
    place.herd("run", "--wait", "--on", place.env["PLACE"])
    place.until_running()
    assert "1 trial: 1 completed" in (said := place.herd("status").stdout)
    assert "2 tasks: 1 running, 1 failed" in said
    token = place.token("waits")
    (script,) = place.folder.glob(f".hyperherd/tasks/{token}/attempts/0/0.1")
    pid = int(script.read_text().split()[4])
    said = place.herd("clean", "-a", "--yes").stderr
    assert "cancel 1 task and delete the state, logs and results of 1 trial of s" in said
    assert "the files of 2 tasks" in said
    assert not (place.folder / ".hyperherd").exists()
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of its script")


def test_one_whose_submission_was_interrupted_is_settled_by_loading_it(place: Place) -> None:
    workspace, token = Workspace(place.folder), place.token("bad")
    record = task_folders.read(workspace, token)
    assert record
    task_folders.write(workspace, msgspec.structs.replace(record, state="intent", slurm_job_id=None))
    assert Task.load(".", token).wait() == 3, "its register says which job it is"
    task_folders.files(workspace, token).register.unlink()
    task_folders.write(
        workspace, msgspec.structs.replace(record, state="intent", slurm_job_id=None, owner="")
    )
    if place.env["PLACE"] == "local":
        with pytest.raises(HerdError, match="was never submitted"):
            Task.load(".", token)
        assert list(place.tasks()) == ["waits"]
