"""Tasks of Python's are found again when the program that submitted them has gone: listed, loaded, stopped, cleared."""

from __future__ import annotations

import errno
import json
import os
import shutil
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
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.errors import HerdError, LauncherError, WorkspaceError
from hyperherd.fsio import files
from hyperherd.jobs import Batch
from hyperherd.launchers import DirectLauncher, SlurmLauncher
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


def test_a_word_that_means_something_else_is_never_taken_for_what_lies_here(place: Place) -> None:
    place.until_running()
    for words in (
        ("clean", "-a", "../no_such", "--yes"),
        ("status", "../no_such"),
        ("clean", "other", "--yes"),
    ):
        assert place.herd(*words, code=1).stderr
    assert "one word too many" in place.herd("status", ".", "more", code=2).stderr
    assert "--where" in place.herd("stop", "--where", "x > 1", "--all", "--yes", code=2).stderr
    assert "-l" in place.herd("clean", "-l", "--yes", code=2).stderr
    assert "no task other" in place.herd("stop", "--all", "other", "--yes", code=1).stderr
    assert "no task 0,1," in place.herd("stop", ",".join(map(str, range(200))), code=1).stderr
    assert place.tasks()["waits"][0] == "running"
    told = json.loads(place.herd("stop", "waits", "--json").stdout)
    assert [(one["previous_status"], one["token"]) for one in told["cancelled"]] == [
        ("running", place.token("waits"))
    ]


def test_a_copy_of_the_folder_cancels_nothing_of_the_originals(place: Place, tmp_path: Path) -> None:
    place.until_running()
    copy = tmp_path / "copy"
    shutil.copytree(place.folder, copy)
    said = herding.herd("stop", "waits", folder=copy, env=place.env, code=1).stderr
    assert f"it belongs to {place.folder}" in said
    with pytest.raises(LauncherError, match="belongs to"):
        Task.load(copy, place.token("waits")).cancel()
    assert "cancel" not in herding.herd("clean", "-a", "--yes", folder=copy, env=place.env).stderr
    assert place.tasks()["waits"][0] == "running" and not (copy / ".hyperherd").exists()


def test_while_the_scheduler_is_silent_nothing_is_over_and_nothing_is_deleted(
    place: Place, fake_slurm: FakeSlurm
) -> None:
    """Its note says that it failed, and Slurm has queued it again."""
    if place.env["PLACE"] == "local":
        pytest.skip("nobody is asked there")
    place.until_running()
    token = place.token("waits")
    task_folders.files(Workspace(place.folder), token).attempts.note(Unit(0), 1, Outcome(9)).touch()
    fake_slurm.controller_down()
    for words in (("clean", "-a", "--yes"), ("stop", "waits"), ("stop", "--all", "--yes")):
        assert "Unable to contact" in place.herd(*words, code=1).stderr
    with pytest.raises(TimeoutError):
        Task.load(".", token).wait(0.5)
    assert "Unable to contact" in place.herd("status").stderr
    fake_slurm.controller_up()
    assert place.tasks()["waits"][0] == "running"


def test_a_submission_whose_submitter_was_killed_can_be_given_up(place: Place) -> None:
    place.until_running()
    workspace, token = Workspace(place.folder), "20300101-000000-00000000"
    record = task_folders.read(workspace, place.token("bad"))
    assert record
    (task_folders.folder(workspace) / token / "attempts").mkdir(parents=True)
    dead = msgspec.structs.replace(
        record, token=token, name="never", state="intent", slurm_job_id=None, owner=""
    )
    task_folders.write(workspace, dead)
    assert "its submission was interrupted: herd stop gives it up" in place.herd("status").stdout
    assert f"task {token} cancelled (it was submitted)" in place.herd("stop", "never").stdout
    assert set(place.tasks()) == {"bad", "waits"}
    place.herd("clean", "-a", "--yes")


@pytest.mark.parametrize("content", ["", "{}", '{"token": "x", "indices": [0]}', '{"token": 3}', "[]"])
def test_one_that_cannot_be_read_hides_no_other_and_is_deleted_with_all(place: Place, content: str) -> None:
    place.until_running()
    bad = place.folder / f".hyperherd/tasks/{place.token('bad')}/task.json"
    bad.write_text(content)
    done = place.herd("status", "--json")
    assert [one["name"] for one in json.loads(done.stdout)["tasks"]] == ["waits"]
    assert f"task {bad.parent.name} is left out" in done.stderr and str(bad) in done.stderr
    assert "delete the files of 2 tasks" in place.herd("clean", "-a", "--yes").stderr


def test_one_of_version_1_which_has_no_record_is_found_too(place: Place) -> None:
    place.until_running()
    folder = place.folder / f".hyperherd/tasks/{place.token('waits')}"
    (folder / "task.json").unlink()
    for path in (folder / "attempts/0").iterdir():
        path.rename(folder / "attempts" / path.name)
    (folder / "attempts/0").rmdir()
    assert place.tasks()["task"][0] == "running"
    assert place.herd("stop", "task").stdout == f"task {folder.name} cancelled (it was running)\n"


def test_one_whose_launcher_is_not_here_stands_as_its_notes_say(place: Place) -> None:
    place.until_running()
    for name in ("bad", "waits"):
        path = place.folder / f".hyperherd/tasks/{place.token(name)}/task.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"launcher": "nobodys"}))
    why = "it was submitted with nobodys, which is not here"
    assert place.tasks() == {"bad": ("failed", why), "waits": ("running", why)}
    assert f"could not be cancelled: {why}" in place.herd("stop", "waits", code=1).stderr


def test_where_the_disk_is_full_after_it_was_submitted_it_does_not_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[bool] = []
    write = files._write_all

    def filling(descriptor: int, data: bytes, durable: bool) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor, data, durable)

    monkeypatch.setattr(files, "_write_all", filling)
    launcher = (DirectLauncher if place.env["PLACE"] == "local" else SlurmLauncher)()
    submit = launcher.submit

    def submitted(batch: Batch) -> str | None:
        job_id = submit(batch)
        until(lambda: Path("pid").exists() and Path("pid").read_text(), "its start")
        full.append(True)
        return job_id

    monkeypatch.setattr(launcher, "submit", submitted)
    with pytest.raises(WorkspaceError, match="No space left"):
        Task("echo $$ >pid; until [[ -e go ]]; do sleep 0.05; done", name="full").submit(launcher)
    full.clear()
    pid = int(Path("pid").read_text())
    until(lambda: not os.path.exists(f"/proc/{pid}"), "its end")
