"""A host of the tests' own, and supervisors that are gone after each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .machine import Sweep


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of our own; trials see nothing of what the tests themselves were started with."""
    monkeypatch.setenv("HYPERHERD_SLOTS_DIR", str(tmp_path / "slots"))
    for name in list(os.environ):
        if name.startswith(("SLURM_", "CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_")):
            monkeypatch.delenv(name)
    return tmp_path / "slots"


@pytest.fixture
def make_sweep(slots: Path, tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    made: list[Sweep] = []

    def make(name: str = "sweep") -> Sweep:
        made.append(Sweep(tmp_path / name))
        return made[-1]

    yield make
    for sweep in made:
        sweep.end()


@pytest.fixture
def sweep(make_sweep: Callable[..., Sweep]) -> Sweep:
    return make_sweep()
