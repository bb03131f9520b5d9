"""Sweeps whose trainer resumes, or does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from exactly_once.conftest import here, make, real  # noqa: F401 (fixtures)
from exactly_once.sweeps import Sweep
from fakeslurm.fixture import FakeSlurm, fake_slurm  # noqa: F401 (a fixture)

TRAINER = Path(__file__).with_name("trainer.py")


@pytest.fixture
def fake(make: Callable[..., Sweep], fake_slurm: FakeSlurm) -> Sweep:  # noqa: F811
    """On a fake Slurm where what is queued again waits, as on a real one."""
    fake_slurm.knobs(requeue_delay_s=121)
    return make(fake_slurm.env, "slurm")


@dataclass(frozen=True)
class Told:
    """What a drill has said: in words, and as JSON (empty where it was not asked for)."""

    stdout: str
    stderr: str
    found: dict[str, Any]

    @property
    def faults(self) -> str:
        return "\n".join(self.found["faults"])


def walk(sweep: Sweep, forgets: str = "nothing", *, more: str = "requeue: {signal: USR2@100}\n") -> None:
    """A sweep over a random walk of 15 steps, as `trainer.py` takes it."""
    static = f"static_overrides: [steps=15, \"forgets='{forgets}'\"]\n"
    sweep.describe([0.5, 1.5], more=static + more)
    launch = sweep.root / "launch.sh"
    launch.write_text(f'#!/bin/bash\nexec "{sys.executable}" "{TRAINER}" "$1"\n')
    launch.chmod(0o755)


def drill(sweep: Sweep, *options: str, code: int = 0) -> Told:
    """With its results as JSON."""
    done = sweep.herd("drill", "--on", sweep.place, "--ignore", "time/*", "--json", *options, code=code)
    return Told(done.stdout, done.stderr, json.loads(done.stdout) if done.stdout else {})
