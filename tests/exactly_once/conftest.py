"""Sweeps on this machine, on the fake Slurm and on the real one; nothing that they start outlives a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm, fake_slurm  # noqa: F401 (a fixture)

from .sweeps import Sweep, end_all, environment

PLACES = ["local", "fake", pytest.param("real", marks=pytest.mark.slurm)]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str], str], Sweep]]:
    """Makes a sweep of two values, whose trials end at once."""
    made: list[Sweep] = []

    def one(env: Mapping[str, str], place: str, folder: str = "sweep") -> Sweep:
        root = tmp_path / folder
        root.mkdir()
        name = f"{tmp_path.name}-{os.getpid()}-{folder}"
        made.append(Sweep(root, environment(env, tmp_path), place, name))
        made[-1].describe([1, 2])
        made[-1].script()
        return made[-1]

    yield one
    for sweep in made:
        if sweep.place == "slurm":
            argv = ["scancel", f"--name=hyperherd_{sweep.name}"]
            subprocess.run(argv, env=sweep.env, timeout=60, capture_output=True)
    end_all(tmp_path)


@pytest.fixture
def here(make: Callable[..., Sweep]) -> Sweep:
    """On this machine, where no Slurm is to be seen."""
    return make({name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}, "local")


@pytest.fixture
def fake(make: Callable[..., Sweep], fake_slurm: FakeSlurm) -> Sweep:  # noqa: F811
    """On a fake Slurm of its own."""
    return make(fake_slurm.env, "slurm")


@pytest.fixture
def real(make: Callable[..., Sweep], slurm: object) -> Sweep:
    """On the real Slurm."""
    return make(slurm.env, "slurm")  # type: ignore[attr-defined]  # tests/conftest.py has its type


@pytest.fixture(params=PLACES)
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """On each of the three."""
    fixture: Sweep = request.getfixturevalue({"local": "here"}.get(request.param, request.param))
    return fixture


@pytest.fixture(params=PLACES[1:])
def cluster(request: pytest.FixtureRequest) -> Sweep:
    """On either Slurm."""
    fixture: Sweep = request.getfixturevalue(request.param)
    return fixture
