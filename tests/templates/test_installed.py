"""Installed from a checkout or from a wheel, templates and configurations are found."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import TEMPLATES
from .project import Project

if sys.version_info >= (3, 11):
    import tomllib

BUILD = "import hatchling.build, sys; print(getattr(hatchling.build, sys.argv[1])(sys.argv[2]))"


def built(project: Project, tmp_path: Path, how: str) -> Path:
    """The unpacked wheel of a project to which a template was added."""
    project.toy("(out / 'ran').touch()", name="added")
    made = subprocess.run(
        [sys.executable, "-c", BUILD, how, tmp_path],
        cwd=project.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    installed = tmp_path / "installed"
    zipfile.ZipFile(tmp_path / made.stdout.split()[-1]).extractall(installed)
    return installed


def runs_with(project: Project, path: str) -> None:
    project.env = {**project.env, "PYTHONPATH": path}
    project.run("added.launch", "compute=bon_echo/a40_1x", "experiment_name=one")
    assert (project.run_folder("one") / "outputs/ran").exists()
    project.run("mlp.single.launch", "--cfg", "job")


def test_from_a_wheel(project: Project, tmp_path: Path) -> None:
    installed = built(project, tmp_path, "build_wheel")
    names = {path.name for path in installed.iterdir()}
    assert {"configs", "mlp", "llm", "vlm", "rl", "training", "hydra_plugins", "added"} <= names
    runs_with(project, str(installed))


def test_from_a_checkout(project: Project, tmp_path: Path) -> None:
    """HyperHerd is that of the checkout, where there is one."""
    installed = built(project, tmp_path, "build_editable")
    (paths,) = (path.read_text().split() for path in installed.glob("*.pth"))
    beside = project.folder.parent / "src"
    assert {Path(os.path.normpath(path)) for path in paths} == {
        project.folder / "src",
        project.folder,
        beside,
    }
    runs_with(project, os.pathsep.join(paths))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_what_uv_installs_is_what_pip_installs_and_nobody_elses_hyperherd() -> None:
    document = tomllib.loads((TEMPLATES / "pyproject.toml").read_text())  # type: ignore[name-defined]
    assert document["dependency-groups"] == document["project"]["optional-dependencies"]
    assert {"mlp", "llm", "vlm", "rl"} == {*document["dependency-groups"]}
    assert document["tool"]["uv"]["default-groups"] == "all"
    taken = [document["project"]["dependencies"], *document["dependency-groups"].values()]
    assert not [name for names in taken for name in names if name.startswith("hyperherd")]
