"""heracles in a folder with a script, as a module and as the one file; stand-ins for sbatch and singularity."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import herding
import pytest

ROOT = Path(__file__).parents[2]

SBATCH = """#!/bin/bash
# Stand-in for sbatch: runs nothing; keeps a copy of what it was given, and refuses what says REFUSE.
set -eu
file=${!#}
if grep -q REFUSE "$file"; then echo "sbatch: error: refused" >&2; exit 4; fi
n=$(ls "$STAND_IN_JOBS" | wc -l)
cp -p "$file" "$STAND_IN_JOBS/$((n + 1)).sh"
echo "$*" >"$STAND_IN_JOBS.words"
echo "Submitted batch job $((n + 1))"
"""


@dataclass(frozen=True)
class Home:
    """``folder`` holds ``sbatch.sh``; ``jobs`` what sbatch was given; ``argv`` starts heracles."""

    folder: Path
    jobs: Path
    argv: Sequence[str]
    env: Mapping[str, str]

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return herding.ran([*self.argv, *words], folder=self.folder, env=self.env, code=code, limit_s=60)

    def script(self, text: str, name: str = "sbatch.sh", mode: int = 0o755) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        path.chmod(mode)
        return path

    def files(self) -> dict[str, str]:
        return {
            path.name: path.read_text() for path in sorted(self.folder.iterdir()) if "_hydra" in path.name
        }

    def arguments(self, path: Path) -> list[str]:
        """What main.py is given inside of the container when the script runs, quoted as bash does."""
        self.seen.unlink(missing_ok=True)
        subprocess.run(["bash", str(path)], env=self.env, check=True, timeout=60)
        return self.seen.read_text().split()[1:]

    @property
    def seen(self) -> Path:
        return self.jobs.parent / "seen"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """heracles.pyz, as `make heracles` builds it."""
    target = tmp_path_factory.mktemp("pyz") / "heracles.pyz"
    runpy.run_path(str(ROOT / "tools/heracles.py"))["make"](target)
    return target


def make(tmp_path: Path, argv: Sequence[str]) -> Home:
    home = Home(tmp_path / "work", tmp_path / "jobs", argv, {})
    for folder in (home.folder, home.jobs, tmp_path / "bin"):
        folder.mkdir()
    (tmp_path / "bin/sbatch").write_text(SBATCH)
    (tmp_path / "bin/sbatch").chmod(0o755)
    shutil.copy(ROOT / "tests/stand_ins/singularity", tmp_path / "bin")
    env = {
        **os.environ,
        "PATH": os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "STAND_IN_JOBS": str(home.jobs),
        "STAND_IN_SEEN": str(home.seen),
    }
    return Home(home.folder, home.jobs, argv, env)


@pytest.fixture(params=["module", "archive"])
def home(request: pytest.FixtureRequest, tmp_path: Path, archive: Path) -> Home:
    module = [sys.executable, "-m", "hyperherd.heracles"]
    return make(tmp_path, module if request.param == "module" else [sys.executable, "-I", "-S", str(archive)])
