"""The page about the launcher is true: its files, its commands, what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from eventually import DEADLINE_S
from fakeslurm.fixture import FakeSlurm
from launchers.pages import Said, blocks

from .applications import Application

PAGE = "hydra-launcher.md"
HOME = "/home/me/project"


def typed(command: str, app: Application, folder: Path) -> str:
    """What a command prints, with the page's times and folder."""
    program, *words = shlex.split(command)
    argv = [sys.executable, *(["-m", "hyperherd"] if program == "herd" else []), *words]
    done = subprocess.run(
        argv, cwd=folder, env=app.env, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    return re.sub(r"\[\d{4}-[^]]*\]", "[TIME]", done.stdout).replace(str(folder), HOME)


def test_the_page_is_true(on_the_fake: Application, fake_slurm: FakeSlurm) -> None:
    folder = on_the_fake.root.parent / "project"
    said: list[Said] = []
    for block in blocks(PAGE):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
        for told in re.split(r"^\$ ", block.text, flags=re.M)[1:] if block.language == "console" else ():
            command, expected = told.split("\n", 1)
            fake_slurm.wait_idle(DEADLINE_S)
            printed = typed(command, on_the_fake, folder)
            said.append(Said(command, re.sub(r"\[\d{4}-[^]]*\]", "[TIME]", expected), printed))
    assert len(said) == 3
    for one in said:
        assert one.true, f"{one.command}\n{one.printed}"


def test_the_pages_configuration_for_every_sweep_is_one(here: Application) -> None:
    (every,) = [block.text for block in blocks(PAGE) if block.language == "yaml" and not block.file]
    (here.root / "conf/every.yaml").write_text(every + f"  run:\n    dir: {os.devnull}\n")
    shown = here.run("app.py", "--config-name=every", "--cfg=hydra", "--package=hydra.launcher").stdout
    assert "HyperHerdLauncher" in shown and "partition: gpu" in shown and "gpus: 1" in shown
