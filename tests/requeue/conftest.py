"""Sweeps that go on by themselves: on this machine, on the fake Slurm, on a real one of these tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from exactly_once.conftest import here, make  # noqa: F401 (fixtures)
from exactly_once.sweeps import Sweep
from fakeslurm.fixture import FakeSlurm, fake_slurm  # noqa: F401 (a fixture)
from real_slurm import Slurm, connect, minislurm


@pytest.fixture
def fake(make: Callable[..., Sweep], fake_slurm: FakeSlurm) -> Sweep:  # noqa: F811
    """On a fake Slurm on which minutes are short, and what is queued again begins at once."""
    fake_slurm.knobs(minute_s=2, kill_wait_s=0.5, requeue_delay_s=0)
    return make(fake_slurm.env, "slurm")


@pytest.fixture(params=["here", "fake"])
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """On either."""
    found: Sweep = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def own_slurm(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A real cluster on which nodes may fail, without accounting. A socket's path has to be short."""
    folder = Path("/tmp", f"herd-requeue-{os.getpid()}")
    answer = minislurm(
        *("up", "--dir", str(folder), "--cluster", "again", "--no-accounting", "--kill-wait", "3"),
        *("--ends-with", str(os.getpid())),
    )
    assert answer.returncode == 0, answer.stderr
    try:
        yield connect(folder)
    finally:
        answer = minislurm("down", "--dir", str(folder))
    assert answer.returncode == 0, answer.stderr


@pytest.fixture
def real(make: Callable[..., Sweep], own_slurm: Slurm) -> Sweep:  # noqa: F811
    """On the real Slurm."""
    return make(own_slurm.env, "slurm")
