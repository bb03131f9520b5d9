"""The Hydra application of this process: how it was started, and the script that starts its jobs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig, OmegaConf

from hyperherd import fsio
from hyperherd.bash.quoting import quote
from hyperherd.errors import HerdError
from hyperherd.jobs import Request
from hyperherd.launchers import shipped
from hyperherd.workspace import folder

_OF_THE_MULTIRUN = ("hydra.launcher.", "hydra.sweeper.", "hydra.mode", "hydra.run.dir", "hydra.sweep.")
"""Overrides that a job has no use for. The groups ``hydra/launcher`` and ``hydra/sweeper`` are kept: what the
application's own files say of ``hydra.launcher`` fits no other.
"""

_JOB_ID = """${HYPERHERD_JOB_ID:+"hydra.job.id='$HYPERHERD_JOB_ID'"}"""
"""Slurm's id, which nobody knows before the job is there; quoted, for to Hydra 7_1 is a number."""


@dataclass(frozen=True)
class Application:
    """How it was started: ``command`` without overrides, in ``folder``; ``hydra`` are the user's overrides of Hydra
    itself. ``script`` is the one that will start its jobs, whose output goes to folders in ``sweep``.
    """

    name: str
    command: tuple[str, ...]
    hydra: tuple[str, ...]
    folder: Path
    sweep: Path

    @property
    def script(self) -> Path:
        return self.sweep / f"{self.name.replace(os.sep, '-')}.sh"

    def write_script(self, asked: Request) -> None:
        """What each job asks for stands in it. One that says the same is left as it is: its jobs may be waiting."""
        native = shipped.native()
        text = "\n".join(
            [
                "#!/bin/bash",
                *native.lines(asked, self.name),
                "# Written by hydra/launcher=hyperherd.",
                f"cd {quote(str(self.folder))} || exit",
                f"{native.start(asked)}{' '.join(map(quote, self.command))} {{overrides}} {_JOB_ID}",
                "",
            ]
        ).encode("utf-8", "surrogateescape")
        if not self.script.is_file() or self.script.read_bytes() != text:
            self.sweep.mkdir(parents=True, exist_ok=True)
            fsio.replace(self.script, text, 0o755)


def of(config: DictConfig) -> Application:
    """The application whose multirun this is. Raises `HerdError` where no other process could start it."""
    here = folder.absolute(Path("."))
    given = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    assert isinstance(given, list)
    return Application(
        name=str(config.hydra.job.name),
        command=(sys.executable, *_program(), *_flags()),
        hydra=tuple(word for word in given if not word.lstrip("+~").startswith(_OF_THE_MULTIRUN)),
        folder=here,
        sweep=here / str(config.hydra.sweep.dir),
    )


def _program() -> tuple[str, ...]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name:
        return ("-m", spec.name.removesuffix(".__main__"))
    path = folder.absolute(Path(sys.argv[0]))
    if not path.exists():
        raise HerdError(
            f"jobs cannot be started with '{sys.argv[0]}', as this was",
            hint="write the application to a file: python app.py --multirun ..., or python -m app --multirun ...",
        )
    return (str(path),)


def _flags() -> list[str]:
    """The flags of Hydra's that say which configuration it is."""
    given, _ = get_args_parser().parse_known_args(sys.argv[1:])
    named = {
        "--config-path": given.config_path,
        "--config-name": given.config_name,
        "--config-dir": given.config_dir,
    }
    return [word for flag, value in named.items() if value for word in (flag, value)]
