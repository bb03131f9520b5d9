"""A disk without room, or without inodes: said before anything is submitted, and nothing is half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import Workspace, environment


def on(folder: Path, fake_slurm: FakeSlurm, tmp_path: Path, values: str) -> Workspace:
    made = Workspace(folder / "sweep", environment(fake_slurm.env, tmp_path))
    made.write(values, launch='echo "$1" >>"$LOG"\n')
    return Workspace(made.root, {**made.env, "LOG": str(tmp_path / "log")})


def fill(folder: Path, leave: int = 0) -> Path:
    """Write until nothing more fits, then give back so many bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
        if leave:
            file.truncate(max(0, os.fstat(file.fileno()).st_size - leave))
    return filler


def whole(workspace: Workspace) -> None:
    """Every JSON file of herd's is one, and no temporary file is left."""
    state = workspace.root / ".hyperherd"
    for path in state.glob("*.json"):
        json.loads(path.read_text())
    assert not list(state.rglob("*.tmp"))


def test_a_disk_too_small_for_the_sweep_is_said_before_anything_is_submitted(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    workspace = on(disk("size=256k"), fake_slurm, tmp_path, '"range(0,200)"')
    for words in (("run",), ("run", "-n"), ("run", "--json"), ("run", "--on", "local")):
        done = workspace.herd(*words, code=1)
        assert "200 trials: at least 4,800 KiB needed" in done.err
        assert "Nothing was submitted" in done.err
    assert fake_slurm.jobs() == []
    assert set(workspace.files()) == {"hyperherd.yaml", "launch.sh"}


def test_too_few_inodes_are_said_before_anything_is_submitted(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    workspace = on(disk("size=64m,nr_inodes=40"), fake_slurm, tmp_path, '"range(0,20)"')
    for words in (("run",), ("run", "-n"), ("run", "--on", "local")):
        done = workspace.herd(*words, code=1)
        assert "20 trials: about 1" in done.err
        assert "files" in done.err
    assert fake_slurm.jobs() == []
    assert set(workspace.files()) == {"hyperherd.yaml", "launch.sh"}


@pytest.mark.parametrize("options", ["size=1m", "size=64m,nr_inodes=30"])
def test_a_disk_that_is_full_from_the_start_is_said_and_nothing_is_half_written(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path, options: str
) -> None:
    folder = disk(options)
    workspace = on(folder, fake_slurm, tmp_path, "[1, 2]")
    if "inodes" in options:
        for number in range(100):
            try:
                (folder / f"f{number}").touch()
            except OSError:
                break
    else:
        fill(folder)
    before = workspace.files()
    for words in (("run",), ("run", "--json"), ("run", "--on", "local")):
        done = workspace.herd(*words, code=1)
        assert done.out == ""
        assert "free" in done.err or "No space left" in done.err or "fit" in done.err
    assert fake_slurm.jobs() == []
    assert workspace.files() == before
    workspace.herd("ls")


@pytest.mark.parametrize("leave", range(0, 61_440, 4096))
def test_a_disk_that_fills_up_between_two_commands_leaves_the_old_files_whole(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path, leave: int
) -> None:
    """Wherever in its run herd meets the end of the disk: what it knew it knows, and with room again all run once."""
    folder = disk("size=2m")
    workspace = on(folder, fake_slurm, tmp_path, "[1, 2]")
    workspace.herd("run")
    workspace.until_ended()
    workspace.write('"range(1,4)"', launch='echo "$1" >>"$LOG"\n')
    filler = fill(folder, leave)
    manifest = workspace.root / ".hyperherd/manifest.json"
    before = json.loads(manifest.read_text())
    done = workspace.herd("run", code=None)
    assert done.code in (0, 1, 3)
    if done.code == 1:
        assert "No space left" in done.err or "free" in done.err
    whole(workspace)
    after = json.loads(manifest.read_text())
    assert [record["hash"] for record in after[:2]] == [record["hash"] for record in before]
    filler.unlink()
    fake_slurm.wait_idle()
    workspace.herd("run", code=None)
    assert set(workspace.until_ended().values()) == {"completed"}
    ran = (tmp_path / "log").read_text().splitlines()
    assert sorted(line.split()[1] for line in ran) == ["x=1", "x=2", "x=3"]


def test_looking_works_on_a_full_disk(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    folder = disk("size=2m")
    workspace = on(folder, fake_slurm, tmp_path, "[1, 2]")
    workspace.herd("run")
    fake_slurm.wait_idle()
    fill(folder)
    for words in (("status",), ("ls",), ("res",), ("show", "0"), ("tail", "0"), ("stats",), ("snapshot",)):
        workspace.herd(*words)
    whole(workspace)


def test_stop_on_a_full_disk_cancels_says_what_it_could_not_write_and_leaves_the_files_whole(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    folder = disk("size=2m")
    workspace = on(folder, fake_slurm, tmp_path, "[1, 2]")
    fake_slurm.knobs(held=True)
    workspace.herd("run")
    fill(folder)
    done = workspace.herd("stop", "--all", "--yes", code=1)
    assert "No space left" in done.err
    whole(workspace)
    assert set(workspace.statuses().values()) == {"cancelled"}


@pytest.mark.parametrize("what", ["--logs", "--all"])
def test_cleaning_makes_room_on_a_full_disk_and_then_notes_what_it_has_cancelled(
    disk: Callable[[str], Path], fake_slurm: FakeSlurm, tmp_path: Path, what: str
) -> None:
    folder = disk("size=2m")
    workspace = on(folder, fake_slurm, tmp_path, "[1, 2]")
    fake_slurm.knobs(held=True)
    workspace.herd("run")
    (workspace.root / ".hyperherd/logs/0.out").write_text("x" * 500_000)
    fill(folder)
    workspace.herd("clean", what, "--yes")
    if what == "--logs":
        whole(workspace)
        records = json.loads((workspace.root / ".hyperherd/job_ids.json").read_text())
        assert [record["stopped"] for record in records] == [[0, 1]]
        assert set(workspace.statuses().values()) == {"cancelled"}
    else:
        assert not (workspace.root / ".hyperherd").exists()
