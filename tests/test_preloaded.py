"""The harness: herd without its start-up says what a fresh start says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import herding
import preloaded
import pytest

COMMANDS = {
    "a page of help": ["--help"],
    "an unknown command": ["statsu"],
    "a table": ["ls"],
    "no trials": ["status"],
    "a document": ["expand", "--json", "a=1,2"],
    "a fault of the YAML": ["-C", "broken", "run"],
    "a folder that is not there": ["status", "é nowhere"],
    "a question that nobody answers": ["clean", "-a"],
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    env = herding.environment(os.environ, tmp_path)
    for name, grid in (("whole", "all"), ("whole/broken", "al")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hyperherd.yaml").write_text(
            f"name: s\nlauncher: launch.sh\ngrid: {grid}\nparameters: {{a: [1, 2]}}\n"
        )
    return env


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_it_says_what_a_fresh_start_says(tmp_path: Path, env: dict[str, str], words: list[str]) -> None:
    folder = tmp_path / "whole"
    fresh = subprocess.run([*herding.HERD, *words], cwd=folder, env=env, capture_output=True, text=True)
    assert preloaded.fits(env)
    loaded = preloaded.run(words, env=env, folder=str(folder), limit_s=60, errors="strict")
    assert (loaded.stdout, loaded.stderr, loaded.returncode) == (fresh.stdout, fresh.stderr, fresh.returncode)


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONIOENCODING", "LC_ALL", "TZ"])
def test_where_python_would_start_otherwise_it_is_started(env: dict[str, str], name: str) -> None:
    assert not preloaded.fits({**env, name: "C"})


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(subprocess.TimeoutExpired) as late:
        preloaded.run(
            ["status", "--watch"], env=env, folder=str(tmp_path / "whole"), limit_s=1, errors="strict"
        )
    assert late.value.cmd[-2:] == ["status", "--watch"]
    assert not str(late.value.stderr)
