"""A workspace on this machine, on the fake Slurm, on the real one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import Workspace, environment


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    """On this machine, where no Slurm is to be seen."""
    made = on_this_machine(tmp_path)
    made.write()
    return made


@pytest.fixture
def fake(tmp_path: Path, fake_slurm: FakeSlurm) -> Workspace:
    """On a fake Slurm of its own."""
    made = Workspace(tmp_path / "sweep", environment(fake_slurm.env, tmp_path))
    made.write()
    return made


@pytest.fixture
def real(tmp_path: Path, slurm: object) -> Iterator[Workspace]:
    """On the real Slurm; its jobs are cancelled at the end."""
    env = slurm.env  # type: ignore[attr-defined]  # tests/conftest.py has its type
    name = f"days-{os.getpid()}-{tmp_path.name}"
    made = Workspace(tmp_path / "sweep", environment(env, tmp_path) | {"DAYS_NAME": name})
    made.write(name=name)
    yield made
    subprocess.run(["scancel", f"--name=hyperherd_{name}"], env=env, timeout=60, capture_output=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slurm)])
def cluster(request: pytest.FixtureRequest) -> Workspace:
    """On either Slurm."""
    made: Workspace = request.getfixturevalue(request.param)
    return made


def on_this_machine(folder: Path) -> Workspace:
    """A workspace (still without files) in an environment that leads to no Slurm."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH_"))}
    path = _without_slurm(plain["PATH"], folder)
    return Workspace(folder / "sweep", environment({**plain, "PATH": path}, folder))


def _without_slurm(path: str, folder: Path) -> str:
    """A PATH of the same programs, but for Slurm's, which lie beside the others in /usr/bin."""
    kept = folder / "programs"
    kept.mkdir()
    for name in (
        "bash",
        "sh",
        "git",
        "sleep",
        "cat",
        "date",
        "mkdir",
        "mkfifo",
        "rm",
        "rmdir",
        "ln",
        "touch",
        "setpriv",
    ):
        for place in path.split(os.pathsep):
            if (Path(place) / name).exists() and not (kept / name).exists():
                (kept / name).symlink_to(Path(place) / name)
    return str(kept)
