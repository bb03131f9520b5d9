"""What docs/multirun.md and docs/from-hydra.md say to type works, in this order, with stand-ins for the containers."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from .home import Home

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests/stand_ins"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """What is typed in it, without ``herd``."""
    typed = [shlex.split(line[2:]) for line in block.splitlines() if line.startswith("$ ")]
    assert typed
    assert all(words[0] == "herd" for words in typed)
    return [words[1:] for words in typed]


def type_all(home: Home, typed: list[list[str]]) -> list[str]:
    """Type them, each when what was submitted before has ended; what they print."""
    runs = {"multirun": ["--on", home.place, "--wait"], "run": ["--on", home.place, "--wait"]}
    return [home.herd(*words, *runs.get(words[0], ())).stdout for words in typed]


def test_the_commands_of_the_page_on_scripts_work(home: Home) -> None:
    shutil.copy(STAND_INS / "singularity", home.folder.parent / "bin")
    seen = home.folder.parent / "ran"
    home = replace(home, env={**home.env, "STAND_IN_SEEN": str(seen)})
    (script,) = blocks("multirun.md", "bash")
    (typed,) = blocks("multirun.md", "console")
    home.script(script, "sbatch.sh")
    type_all(home, commands(typed))
    assert sorted(seen.read_text().split()) == sorted(
        word
        for number in (8, 16, 32, 64)
        for name in ("HalfCheetah", "Reacher")
        for word in ("/YOUR_PROJECT/main.py", f"env.num_envs={number}", f"env.name={name}")
    )


@pytest.fixture
def containers(home: Home) -> Home:
    """A pretended apptainer, in whose containers `python` has Hydra."""
    tools = home.folder.parent / "bin"
    shutil.copy(STAND_INS / "apptainer", tools)
    (tools / "python").write_text(f'#!/bin/bash\nexec {shlex.quote(sys.executable)} -W ignore "$@"\n')
    (tools / "python").chmod(0o755)
    return home


def test_the_hydra_app_in_its_container_runs_as_the_page_says(containers: Home) -> None:
    home = containers
    (program,), (config,), (script,) = (blocks("from-hydra.md", kind) for kind in ("python", "yaml", "bash"))
    first, then = blocks("from-hydra.md", "console")
    home.script(program, "main.py")
    home.script(config, "config.yaml")
    home.script(script, "sbatch.sh")
    assert home.herd(*commands(first)[0]).stdout.splitlines() == [
        f"lr={lr} seed={seed}" for lr in ("0.1", "0.01") for seed in (0, 1)
    ]
    *_, tail = type_all(home, commands(then))
    assert "lr=0.1 env=a note=two words" in tail
    name = "lr-0.1_env-a_note-two-words"
    given = (home.folder / "outputs" / name / ".hydra/overrides.yaml").read_text()
    assert given == '- lr=0.1\n- env=a\n- note="two words"\n'
    assert len(list((home.folder / "outputs").iterdir())) == 4
    assert "note: two words" in home.herd("test", "sbatch.sh", "--cfg-job").stdout
