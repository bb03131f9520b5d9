"""A login node and its compute nodes, which find different programs: what lies in ``login/`` is on PATH here alone.

A file of the site's (``BASH_ENV``, as environment modules have it) sets the PATH of nodes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
import pytest
from launchers.conftest import herds
from launchers.herd import Herd

TRAINER = 'import only_here\nopen("trained", "w").close()\n'
LAUNCH = 'set -euo pipefail\ncd "$(dirname "${BASH_SOURCE[0]}")"\n'


def venv(folder: Path, **packages: str) -> Path:
    """A virtual environment with these packages (name -> version); its interpreter."""
    python = folder / "bin/python"
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    python.parent.mkdir(parents=True)
    base = Path(os.path.realpath(sys.executable))
    python.symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    for name, version in packages.items():
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text("raise SystemExit('it was imported')\n")
        told = site / f"{name}-{version}.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return python


@dataclass(frozen=True)
class Site:
    """A workspace on a cluster of a site's; ``herd`` runs commands in it."""

    herd: Herd
    folder: Path

    def write(self, launch: str, trainer: str = TRAINER, yaml: str = "") -> None:
        """The sweep's files; the launch script ends in ``launch``."""
        self.herd.describe([1, 2], yaml)
        (self.herd.root / "launch.sh").write_text(f"#!/bin/bash\n{LAUNCH}{launch}\n")
        (self.herd.root / "launch.sh").chmod(0o755)
        (self.herd.root / "train.py").write_text(trainer)

    def python(self, where: str, **packages: str) -> Path:
        """An environment that is on PATH on the ``login`` node or on each ``node``; its interpreter."""
        return venv(self.folder / where, **packages)

    def doctor(self, *options: str, code: int = 0) -> Any:
        """Its document; nothing was trained, and nothing is left of it."""
        before = self.files()
        document = json.loads(self.herd("doctor", *options, "--json", code=code).stdout)
        assert self.files() == before
        return document

    def files(self) -> list[str]:
        return sorted(str(path) for path in self.herd.root.rglob("*"))

    def tool(self, *words: str, code: int) -> subprocess.CompletedProcess[str]:
        """A command of herd's, typed in the workspace's folder."""
        env = {**self.herd.env, "PWD": str(self.herd.root)}
        return herding.herd(*words, env=env, folder=self.herd.root, code=code)

    def start(self, *options: str) -> subprocess.Popen[str]:
        argv = [*herding.HERD, "doctor", str(self.herd.root), *options]
        return subprocess.Popen(argv, env=self.herd.env, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """``fake`` or ``real``."""
    word: str = request.param
    return word


@pytest.fixture
def site(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site on a fake and on a real Slurm."""
    with herds(tmp_path, place, lambda: request.getfixturevalue("slurm")) as make:
        herd = make("my 'sweep' 50%")
        (tmp_path / "site.sh").write_text(
            f'if [[ ${{SLURM_JOB_ID-}} ]]; then PATH="{tmp_path}/node/bin:${{PATH#"{tmp_path}/login/bin:"}}"; fi\n'
        )
        path = f"{tmp_path}/login/bin:{herd.env['PATH']}"
        env = {**herd.env, "BASH_ENV": str(tmp_path / "site.sh"), "PATH": path}
        yield Site(Herd(herd.root, env, herd.on, herd.name), tmp_path)


@pytest.fixture
def cluster(site: Site, place: str) -> Callable[..., None]:
    """Turns the knobs of the fake Slurm."""
    from fakeslurm import knobs

    def turn(**told: object) -> None:
        assert place == "fake"
        knobs.write(site.herd.env["FAKESLURM_DIR"], told)

    return turn
