"""A pretended machine for launch scripts: stand-ins for the programs they call, and a workspace to run in."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "examples/launch"
STAND_INS = HERE.parent / "stand_ins"

SPEC = """\
name: documents
launcher: launch.sh
grid: all
parameters:
  lr: {type: discrete, values: [0.1, 0.01]}
  opt: [adam]
conditions:
  - {name: warm start, when: {lr: 0.1}, set: {warmup: 5}}
static_overrides:
  - data.root=/data
"""

NAMES = ("lr-0.1_opt-adam", "lr-0.01_opt-adam")
WORDS = (
    ("experiment_name=lr-0.1_opt-adam", "lr=0.1", "opt=adam", "data.root=/data", "warmup=5"),
    ("experiment_name=lr-0.01_opt-adam", "lr=0.01", "opt=adam", "data.root=/data"),
)
"""The trials of SPEC by index: their names, and the words of their ``$1``."""

MANIFEST: list[dict[str, Any]] = [
    {
        "index": 0,
        "hash": "0" * 12,
        "params": {"lr": 0.1, "opt": "adam"},
        "extras": {"warmup": 5},
        "experiment_name": NAMES[0],
        "status": "submitted",
    },
    {
        "index": 1,
        "hash": "1" * 12,
        "params": {"lr": 0.01, "opt": "adam"},
        "extras": {},
        "experiment_name": NAMES[1],
        "status": "ready",
    },
]
"""``manifest.json`` of SPEC in the documented form."""

_SITE_PATHS = ("/opt/conda", "/home/me/project")
"""Absolute paths in the scripts; each is moved into the pretended machine."""


@dataclass(frozen=True)
class Script:
    """A launch script of the documents, and what should reach the trainer through it.

    ``tools``    the stand-ins on PATH
    ``through``  what the command passes on its way, as the stand-ins note it; the workspace is ``{workspace}``
    ``form``     how the overrides arrive: ``words``, ``flags``, ``one`` argument, words of a ``look-up``
    """

    name: str
    tools: tuple[str, ...]
    through: tuple[str, ...]
    form: str = "words"
    trainer: str = "train.py"

    def argv(self, index: int) -> list[str]:
        """The trainer's arguments for one trial of SPEC."""
        words = list(WORDS[index])
        if self.form == "one":
            return [" ".join(words)]
        if self.form == "flags":
            return [part for word in words[1:] for part in ("--" + word.split("=")[0], word.split("=")[1])]
        if self.form == "look-up":
            return [word for word in words if word != "data.root=/data"] + ["data.root=/scratch/imagenet"]
        return words


_APPTAINER = "apptainer --nv --bind"
SCRIPTS = (
    Script(
        "apptainer",
        ("apptainer",),
        (
            f"{_APPTAINER} /scratch:/scratch,/home/ada:/home/ada /shared/containers/trainer.sif",
            "python of system",
        ),
    ),
    Script(
        "pyxis",
        ("srun",),
        (
            "srun --container-image=registry.example.org/trainer:1.4 "
            "--container-mounts={workspace}:{workspace},/scratch:/scratch --container-workdir={workspace}",
            "python of system",
        ),
    ),
    Script(
        "apptainer-module", ("module",), ("apptainer --nv /shared/containers/trainer.sif", "python of system")
    ),
    Script("conda", (), ("python of myenv",)),
    Script("conda-anywhere", ("conda",), ("python of myenv",)),
    Script("uv", ("uv",), ("uv", "python of .venv")),
    Script("modules", ("module",), ("python of .venv",)),
    Script("venv", (), ("python of .venv",)),
    Script("absolute-python", (), ("python of .venv",)),
    Script("parse-overrides", (), ("python of system",), "one", "train_with_hyperherd.py"),
    Script("flags", (), ("python of system",), "flags"),
    Script("words", (), ("python of system",)),
    Script(
        "look-up-with-jq",
        ("apptainer",),
        (f"{_APPTAINER} /scratch:/scratch /shared/containers/trainer.sif", "python of system"),
        "look-up",
    ),
)


class Machine:
    """A machine below ``root``, with a workspace for one script; ``environ`` is that of a shell on it."""

    def __init__(self, root: Path, script: Script, *, shell: Mapping[str, str] = os.environ) -> None:
        self.root = root
        self.script = script
        self.workspace = root / "workspace"
        self._install()
        self._make_workspace()
        folders = [self._tool_folder(tool) for tool in script.tools if tool != "module"]
        path = [*map(str, folders), str(root / "system/bin"), shell["PATH"]]
        self.environ = {
            **shell,
            "PATH": os.pathsep.join(path),
            "STAND_IN_PYTHON": sys.executable,
            "USER": "ada",
        }
        if "module" in script.tools:
            self.environ["BASH_ENV"] = str(root / "modules/module.sh")

    def seen(self, index: int) -> dict[str, Any]:
        """What the trainer wrote down for one trial of SPEC."""
        record: dict[str, Any] = json.loads((self.workspace / "seen" / f"{NAMES[index]}.json").read_text())
        return record

    @property
    def through(self) -> list[str]:
        """What the command passes on its way here."""
        return [one.replace("{workspace}", str(self.workspace)) for one in self.script.through]

    def _tool_folder(self, tool: str) -> Path:
        return self.root / ("opt/conda/bin" if tool == "conda" else f"tools/{tool}")

    def _install(self) -> None:
        for program, places in {
            "apptainer": ("tools/apptainer/", "modules/apptainer/bin/"),
            "srun": ("tools/srun/",),
            "uv": ("tools/uv/",),
            "conda": ("opt/conda/bin/",),
            "conda.sh": ("opt/conda/etc/profile.d/",),
            "module.sh": ("modules/", "modules/python/", "modules/cuda/"),
            "activate": ("home/me/project/.venv/bin/",),
            "python": (
                "system/bin/",
                "opt/conda/envs/myenv/bin/",
                "home/me/project/.venv/bin/",
                "workspace/.venv/bin/",
            ),
        }.items():
            for place in places:
                folder = self.root / place
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(STAND_INS / program, folder / program)

    def _make_workspace(self) -> None:
        text = (SHIPPED / f"{self.script.name}.sh").read_text()
        for path in _SITE_PATHS:
            text = text.replace(path, str(self.root) + path)
        (self.workspace / "launch.sh").write_text(text)
        (self.workspace / "hyperherd.yaml").write_text(SPEC)
        (self.workspace / "pyproject.toml").write_text("")
        shutil.copy(HERE / self.script.trainer, self.workspace / "train.py")
