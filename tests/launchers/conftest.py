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


on_slurm = pytest.mark.parametrize("place", SLURMS, indirect=True)
on_the_real_slurm = pytest.mark.parametrize("place", SLURMS[1:], indirect=True)
here = pytest.mark.parametrize("place", ["local"], indirect=True)
