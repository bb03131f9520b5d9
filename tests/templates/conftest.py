"""A copy of the templates for each test, run as users run them: ``python -m mlp.single.launch ...``.

These tests run in an environment of their own, which has PyTorch: `make test-templates`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_slurm import Slurm

TEMPLATES = Path(__file__).parents[2] / "templates"
sys.path[:0] = [str(TEMPLATES / "src"), str(TEMPLATES)]

from .project import TRAINING, OnSlurm, Project  # noqa: E402 (needs the path)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of ``templates/`` and an empty work_root; what it has started is ended at the end."""
    project = Project.copied(TEMPLATES, tmp_path)
    yield project
    project.end()


@pytest.fixture
def on_slurm(slurm: Slurm, tmp_path: Path) -> Iterator[OnSlurm]:
    """The same, on the real Slurm."""
    project = OnSlurm.copied_to(slurm, TEMPLATES, tmp_path)
    yield project
    project.end()


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A training that is not interrupted; its run is `straight`."""
    project = Project.copied(TEMPLATES, tmp_path_factory.mktemp("straight"))
    project.run("mlp.single.launch", *TRAINING, "experiment_name=straight")
    return project
