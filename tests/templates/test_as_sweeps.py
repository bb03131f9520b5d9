"""Each template's folder is a sweep of herd as it stands: its trials run, log their metrics, and resume."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import herding
import pytest
from omegaconf import OmegaConf

from .conftest import TEMPLATES
from .project import DEADLINE_S, Project

FOLDERS = sorted(
    path.parent.relative_to(TEMPLATES / "src").as_posix() for path in TEMPLATES.glob("src/*/*/launch.py")
)
TINY = "[data=tiny, trainer.num_epochs={epochs}]"


@pytest.fixture
def herd(project: Project) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Type ``herd`` in a template's folder, where the environment of these tests is the project's ``.venv``."""
    (project.folder / ".venv").symlink_to(sys.prefix)
    (project.folder.parent / "src").symlink_to(TEMPLATES.parent / "src")
    env = {**project.env, "PYTHONPATH": f"{project.env['PYTHONPATH']}:{TEMPLATES.parent / 'src'}"}

    def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        ended = herding.herd(*words, folder=folder, env=env, code=None, limit_s=DEADLINE_S)
        logs = [path.read_text() for path in (folder / ".hyperherd/logs").glob("*.*")]
        assert ended.returncode == 0, "\n".join([ended.stdout, ended.stderr, *logs])
        return ended

    return typed


def tiny(project: Project, folder: str, epochs: int) -> Path:
    """The template's folder, its sweep a short one that needs no network."""
    sweep = project.folder / "src" / folder
    document = sweep / "hyperherd.yaml"
    text = document.read_text()
    assert "static_overrides: []" in text
    document.write_text(
        text.replace("static_overrides: []", f"static_overrides: {TINY.format(epochs=epochs)}")
    )
    return sweep


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_templates_folder_is_a_sweep_over_keys_of_its_own(
    project: Project, herd: Callable[..., subprocess.CompletedProcess[str]], folder: str
) -> None:
    sweep = project.folder / "src" / folder
    trials = json.loads(herd(sweep, "ls", "--json").stdout)["trials"]
    assert len(trials) >= 4
    config = OmegaConf.load(sweep / "config.yaml")
    assert all(OmegaConf.select(config, name) is not None for trial in trials for name in trial["params"])
    assert f"-m {folder.replace('/', '.')}.launch " in (sweep / "launch.sh").read_text()


@pytest.mark.parametrize(
    "folder",
    [
        folder if folder in ("mlp/single", "mlp/ddp") else pytest.param(folder, marks=pytest.mark.thorough)
        for folder in FOLDERS
    ],
)
def test_a_templates_folder_is_a_sweep_whose_trials_train_and_log_their_metrics(
    project: Project, herd: Callable[..., subprocess.CompletedProcess[str]], folder: str
) -> None:
    sweep = tiny(project, folder, epochs=1)
    herd(sweep, "run", "-i", "1", "--on", "local", "--slurm", "gres=")
    trial = json.loads(herd(sweep, "res", "--json").stdout)["trials"][1]
    output = sweep / "outputs" / trial["experiment_name"]
    assert {path.name for path in output.iterdir()} == {"launch.log", "outputs", "hydra_configs"}
    (logged,) = json.loads((output / "outputs/metrics.json").read_text())
    assert trial["metrics"] == {name: value for name, value in logged.items() if name != "epoch"}


@pytest.mark.parametrize(
    ("folder", "epochs"),
    [
        ("mlp/single", 60),
        pytest.param("mlp/ddp", 60, marks=pytest.mark.thorough),
        pytest.param("rl/ppo", 9, marks=pytest.mark.thorough),
    ],
)
def test_the_drill_finds_that_a_template_resumes(
    project: Project, herd: Callable[..., subprocess.CompletedProcess[str]], folder: str, epochs: int
) -> None:
    told = herd(tiny(project, folder, epochs), "drill", "--on", "local", "--slurm", "gres=").stdout
    assert "no step was lost" in told
    assert "The same numbers (" in told
