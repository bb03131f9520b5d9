"""A Hydra application in a folder of its own, started as users do; its jobs tell what they saw."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
from eventually import until

FILES = Path(__file__).parent / "app"
NAME = "my app's $x"
"""Of its folder: whatever a path holds arrives."""

HERD = "hydra/launcher=hyperherd"
OUTPUT = "out put"
"""The folder of the sweep, in the application's."""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Application:
    """``place`` is ``local`` or ``slurm``; ``env`` is what it and all that it starts are run with."""

    root: Path
    env: Mapping[str, str]
    place: str

    @property
    def output(self) -> Path:
        return self.root / OUTPUT

    def words(self, *words: str, wait: str = "true") -> list[str]:
        """The arguments of a multirun with herd."""
        own = [HERD, f"hydra.launcher.place={self.place}", f"hydra.launcher.wait={wait}"]
        return ["--multirun", *words, *own, f"hydra.sweep.dir='{OUTPUT}'"]

    def run(self, *argv: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, to its end."""
        return herding.ran([sys.executable, *argv], folder=cwd or self.root, env=self.env, code=code)

    def sweep(self, *words: str, wait: str = "true", code: int = 0) -> subprocess.CompletedProcess[str]:
        """``python app.py --multirun`` with these overrides, handed to herd."""
        return self.run("app.py", *self.words(*words, wait=wait), code=code)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The same in the background, in a session of its own; what it says is in the file ``said``."""
        with (self.root / "said").open("w") as said:
            return subprocess.Popen(
                [sys.executable, "app.py", *self.words(*words)],
                cwd=self.root,
                env=self.env,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    def herd(self, command: str, *words: str, code: int = 0, cwd: Path | None = None) -> str:
        """A command on the sweep; what it says on stdout."""
        script = str(self.output / "app.sh")
        return herding.herd(command, script, *words, folder=cwd or self.root, env=self.env, code=code).stdout

    def statuses(self) -> list[str]:
        """Of all jobs, in the order of their trials."""
        return [trial["status"] for trial in json.loads(self.herd("status", "--json"))["trials"]]

    def until(self, *words: str) -> None:
        """Until every job has one of these statuses."""
        until(lambda: set(self.statuses()) <= set(words), f"all to be {' or '.join(words)}")

    def facts(self) -> list[Facts]:
        """What each job saw, by their numbers; one that ran twice is there twice."""
        path = self.root / "facts"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(map(json.loads, lines), key=lambda facts: int(facts["number"]))

    def forget(self) -> None:
        """What jobs have said so far, and their output."""
        (self.root / "facts").unlink()
        shutil.rmtree(self.output)


def copied(folder: Path) -> Path:
    """The application's files in a folder below this one."""
    root = folder / NAME
    shutil.copytree(FILES, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root
