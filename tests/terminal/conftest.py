"""A folder with sweeps on this machine; nothing that they start outlives a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from exactly_once.sweeps import end_all, environment
from herding import HERD, ran

from .screen import Screen, terminal


@dataclass(frozen=True)
class Home:
    """``folder`` is where commands are typed, ``env`` what they are run with."""

    folder: Path
    env: Mapping[str, str]

    def sweep(self, values: str, launch: str, name: str = "sweep") -> Path:
        """A workspace with one parameter, ``x``."""
        root = self.folder / name
        root.mkdir()
        (root / "hyperherd.yaml").write_text(
            f"name: {name}\nlauncher: launch.sh\ngrid: all\nparameters:\n  x: {values}\n"
        )
        (root / "launch.sh").write_text(f"#!/bin/bash\n{launch}")
        (root / "launch.sh").chmod(0o755)
        return root

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """``herd`` with pipes instead of a terminal."""
        return ran([*HERD, *words], folder=self.folder, env=self.env, code=None, limit_s=180)

    def on_terminal(
        self, *words: str | Path, columns: int = 80, rows: int = 24, **env: str
    ) -> AbstractContextManager[Screen]:
        """``herd`` on a terminal."""
        told = {**self.env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
        return terminal(*HERD, *words, columns=columns, rows=rows, cwd=self.folder, env=told)

    def seen(self, *words: str | Path, columns: int = 80, rows: int = 24, **env: str) -> Screen:
        """The terminal once ``herd`` has ended."""
        with self.on_terminal(*words, columns=columns, rows=rows, **env) as screen:
            screen.ends()
            return screen


def _plain() -> dict[str, str]:
    """This process's environment without what people set to choose colours."""
    return {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A folder of its own."""
    yield Home(tmp_path, environment(_plain(), tmp_path))
    end_all(tmp_path)


@dataclass(frozen=True)
class Ended:
    """A home with one sweep that nobody changes."""

    home: Home
    root: Path


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Four trials that have ended: two completed, two failed, with logs and names that are hard to show."""
    folder = tmp_path_factory.mktemp("ended")
    home = Home(folder, environment(_plain(), folder))
    root = home.sweep(
        "{type: discrete, values: [1, 2, 3, 4], labels: [a, b, 日本語テキスト, "
        "a_name_that_is_longer_than_any_screen_is_wide_and_ends_in_its_own_way_0123456789_xyz]}",
        'printf "epoch 7 of 30\\rloss \\033[31m0.25\\033[0m 損失 \\033[2J\\007\\033]0;title\\007 and more words '
        'than there is room for on a narrow screen\\n"\n'
        'printf "oh \\033[1A no: 損失 and more words than there is room for on a narrow screen\\n" >&2\n'
        "case $HYPERHERD_TRIAL_ID in 2) exit 2;; 3) exit 75;; esac\n",
    )
    assert home.run("run", root, "--on", "local").returncode == 3
    yield Ended(home, root)
    end_all(folder)
