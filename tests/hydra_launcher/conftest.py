"""An application on this machine, on the fake Slurm and on the real one; nothing that it starts outlives a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from exactly_once.sweeps import end_all, environment
from fakeslurm.fixture import FakeSlurm
from real_slurm import Slurm

from .applications import Application, copied


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Application]:
    """On this machine."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    yield Application(copied(tmp_path), environment(env, tmp_path), "local")
    end_all(tmp_path)


@pytest.fixture
def on_the_fake(tmp_path: Path, fake_slurm: FakeSlurm) -> Iterator[Application]:
    """On a fake Slurm of its own."""
    yield Application(copied(tmp_path), environment(fake_slurm.env, tmp_path), "slurm")
    end_all(tmp_path)


@pytest.fixture
def on_the_real(tmp_path: Path, slurm: Slurm) -> Iterator[Application]:
    """On the real Slurm."""
    app = Application(copied(tmp_path), environment(slurm.env, tmp_path), "slurm")
    yield app
    jobs = [file.read_text().strip() for file in app.root.rglob("*.state")]
    subprocess.run(["scancel", *filter(str.isdigit, jobs)], env=app.env, timeout=60, capture_output=True)
    end_all(tmp_path)
