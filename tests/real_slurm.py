"""How tests reach tools/minislurm and a cluster that it has started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MINISLURM = Path(__file__).parents[1] / "tools" / "minislurm"


@dataclass(frozen=True)
class Slurm:
    """A running cluster; ``env`` is a whole environment for programs that shall use it."""

    folder: Path
    env: Mapping[str, str]

    def run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, capture_output=True, text=True, env=self.env, cwd=cwd, check=False, timeout=120
        )


def minislurm(*argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(MINISLURM), *argv]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=300)


def connect(folder: Path) -> Slurm:
    """The running cluster of this folder, reached as a user would: by what `minislurm env` prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    script = 'eval "$("$0" "$1" env --dir "$2")" && printf "%s\\0%s" "$SLURM_CONF" "$PATH"'
    argv = ["bash", "-c", script, sys.executable, str(MINISLURM), str(folder)]
    answer = subprocess.run(argv, capture_output=True, text=True, env=clean, check=True)
    configuration, path = answer.stdout.split("\0")
    return Slurm(folder, clean | {"SLURM_CONF": configuration, "PATH": path})
