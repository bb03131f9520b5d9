"""The sweep of the README runs as it is printed there; Hydra takes what the guide says that it takes."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import herding
import pytest

from .machine import WORDS

ROOT = Path(__file__).parents[2]
ACTIVATE = "/absolute/path/to/.venv/bin/activate"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
    )


def herd(folder: Path, *words: str) -> str:
    env = {**os.environ, "PWD": str(folder), "OMP_NUM_THREADS": "1"}
    return herding.herd(*words, before=herding.ANEW, folder=folder, env=env, limit_s=300).stdout


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The README's files; what it activates is this Python."""
    ((spec,), (launch, *_), (trainer,)) = (
        blocks("README.md", language) for language in ("yaml", "bash", "python")
    )
    activate = tmp_path / "activate"
    activate.write_text(f'python() {{ {sys.executable} -W ignore "$@"; }}\n')
    assert ACTIVATE in launch
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "hyperherd.yaml").write_text(spec)
    (folder / "launch.sh").write_text(launch.replace(ACTIVATE, str(activate)))
    (folder / "train.py").write_text(trainer)
    return folder


def test_the_readmes_sweep_describes_as_many_trials_as_it_says(sweep: Path) -> None:
    trials = json.loads(herd(sweep, "ls", "--json"))["trials"]
    assert f"the {len(trials)} trials it describes" in (ROOT / "README.md").read_text()
    assert any(
        f"experiment_name={trial['experiment_name']} " in blocks("README.md", "bash")[0] for trial in trials
    )


def test_the_readmes_sweep_runs_as_printed(sweep: Path) -> None:
    pytest.importorskip("sklearn")
    herd(sweep, "run", "--on", "local", "-i", "2,20")
    metrics = [trial["metrics"] for trial in json.loads(herd(sweep, "res", "--json"))["trials"]]
    assert metrics[2]["accuracy"] > 0.3  # sgd in small steps
    assert metrics[20]["accuracy"] > 0.8


def test_hydra_takes_the_words_of_a_trial_with_the_guides_configuration(tmp_path: Path) -> None:
    hydra = pytest.importorskip("hydra")
    (config,) = (b for b in blocks("docs/launch-scripts.md", "yaml") if "experiment_name" in b)
    (tmp_path / "config.yaml").write_text(config)
    words = list(WORDS[1][:3])
    with hydra.initialize_config_dir(str(tmp_path), version_base=None):
        made = hydra.compose("config", words)
    assert made == {"experiment_name": "lr-0.01_opt-adam", "lr": 0.01, "opt": "adam"}
    (tmp_path / "config.yaml").write_text("lr: 0.1\nopt: sgd\n")
    with hydra.initialize_config_dir(str(tmp_path), version_base=None):
        with pytest.raises(Exception, match="experiment_name"):
            hydra.compose("config", words)
        assert hydra.compose("config", words[1:]) == {"lr": 0.01, "opt": "adam"}
