"""One workspace on each of the three: this machine, a fake Slurm, a real Slurm. Nothing outlives a test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from exactly_once.sweeps import end_all, environment
from fakeslurm.fixture import FakeSlurm

from hyperherd.launchers import DirectLauncher, SlurmLauncher

from .herd import Herd, clean

SLURMS = ["fake", pytest.param("real", marks=pytest.mark.slurm)]
PLACES = ["local", *SLURMS]


@contextmanager
def herds(tmp_path: Path, place: str, real: Callable[[], object]) -> Iterator[Callable[..., Herd]]:
    """Makes workspaces on a place; whatever they started is gone afterwards."""
    fake = FakeSlurm(tmp_path / "cluster") if place == "fake" else None
    made: list[Herd] = []

    def make(folder: str = "sweep", root: Path = tmp_path) -> Herd:
        env = fake.env if fake else real().env if place == "real" else clean(os.environ)  # type: ignore[attr-defined]
        (root / folder).mkdir(parents=True)
        name = f"{tmp_path.name}-{os.getpid()}-{len(made)}"
        on = "local" if place == "local" else "slurm"
        made.append(Herd(root / folder, environment(env, tmp_path), on, name))
        return made[-1]

    try:
        yield make
    finally:
        for herd in made if place == "real" else ():
            argv = ["scancel", f"--name=hyperherd_{herd.name}"]
            subprocess.run(argv, env=herd.env, timeout=60, capture_output=True)
        if fake:
            fake.close()
            shutil.rmtree(fake.folder)
        end_all(tmp_path)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Where it runs."""
    word: str = request.param
    return word


@pytest.fixture
def make(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Herd]]:
    """Makes workspaces."""
    with herds(tmp_path, place, lambda: request.getfixturevalue("slurm")) as made:
        yield made


@pytest.fixture
def herd(make: Callable[..., Herd]) -> Herd:
    """A workspace without files."""
    return make()


@pytest.fixture
def surroundings(
    place: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeSlurm | None]:
    """This very process stands in an empty folder with an odd name, and in the environment of a place's users."""
    fake = FakeSlurm(tmp_path / "cluster") if place == "fake" else None
    env = fake.env if fake else request.getfixturevalue("slurm").env if place == "real" else clean(os.environ)
    for name in set(os.environ) - set(env):
        monkeypatch.delenv(name)
    for name, value in environment(env, tmp_path).items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "my 'tasks' $x"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PWD", raising=False)
    try:
        yield fake
    finally:
        if fake:
            fake.close()
            shutil.rmtree(fake.folder)
        elif place == "real":
            jobs = [file.read_text().strip() for file in folder.rglob("*.state")]
            subprocess.run(
                ["scancel", *(job for job in jobs if job.isdigit())], timeout=60, capture_output=True
            )
        end_all(tmp_path)


@pytest.fixture
def launcher(place: str, surroundings: FakeSlurm | None) -> DirectLauncher | SlurmLauncher:
    """The launcher of the place, as a user makes it."""
    return DirectLauncher(grace_s=0.5) if place == "local" else SlurmLauncher()


on_slurm = pytest.mark.parametrize("place", SLURMS, indirect=True)
on_the_real_slurm = pytest.mark.parametrize("place", SLURMS[1:], indirect=True)
on_the_fake_slurm = pytest.mark.parametrize("place", SLURMS[:1], indirect=True)
here = pytest.mark.parametrize("place", ["local"], indirect=True)
