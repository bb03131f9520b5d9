"""A user's folder on this machine, on the fake Slurm and on the real one; nothing that is started outlives a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from exactly_once.sweeps import end_all, environment
from fakeslurm.fixture import FakeSlurm, fake_slurm  # noqa: F401 (a fixture)
from real_slurm import Slurm

from .home import Home, make

PLACES = ["here", "fake", pytest.param("real", marks=pytest.mark.slurm)]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str], str], Home]]:
    """Makes the folder."""
    made: list[Home] = []

    def one(env: Mapping[str, str], place: str) -> Home:
        made.append(make(tmp_path, environment(env, tmp_path), place))
        return made[-1]

    yield one
    for home in made:
        if home.place == "slurm":
            _cancel_all(home, str(tmp_path))
    end_all(tmp_path)


def _cancel_all(home: Home, folder: str) -> None:
    argv = ["squeue", "--noheader", "--format=%A %Z"]
    listed = subprocess.run(argv, env=home.env, capture_output=True, text=True, timeout=60).stdout
    rows = [line.partition(" ") for line in listed.splitlines()]
    if jobs := sorted({job for job, _, where in rows if where.startswith(folder)}):
        subprocess.run(["scancel", *jobs], env=home.env, timeout=60, capture_output=True)


@pytest.fixture
def here(at: Callable[..., Home]) -> Home:
    """On this machine, where no Slurm is to be seen."""
    return at({name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}, "local")


@pytest.fixture
def fake(at: Callable[..., Home], fake_slurm: FakeSlurm) -> Home:  # noqa: F811
    """On a fake Slurm of its own."""
    return at(fake_slurm.env, "slurm")


@pytest.fixture
def real(at: Callable[..., Home], slurm: Slurm) -> Home:
    """On the real Slurm."""
    return at(slurm.env, "slurm")


@pytest.fixture(params=PLACES)
def home(request: pytest.FixtureRequest) -> Home:
    """On each of the three."""
    fixture: Home = request.getfixturevalue(request.param)
    return fixture


@pytest.fixture(params=PLACES[1:])
def cluster(request: pytest.FixtureRequest) -> Home:
    """On either Slurm."""
    fixture: Home = request.getfixturevalue(request.param)
    return fixture
