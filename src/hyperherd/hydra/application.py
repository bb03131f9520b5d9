"""The Hydra application of this process: how it was started, and the script that starts its jobs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig, OmegaConf

from hyperherd import fsio
from hyperherd.bash.quoting import quote
from hyperherd.errors import HerdError
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.workspace import folder

_OF_THE_MULTIRUN = ("hydra.launcher.", "hydra.sweeper.", "hydra.mode", "hydra.run.dir", "hydra.sweep.")
"""Overrides that a job has no use for. The groups ``hydra/launcher`` and ``hydra/sweeper`` are kept: what the
application's own files say of ``hydra.launcher`` fits no other.
"""


COUNTS = ("nodes", "ntasks", "ntasks_per_node", "ntasks_per_socket", "ntasks_per_core", "ntasks_per_gpu")
"""Options of sbatch that say how many processes a job is. ``ntasks`` alone decides where it is given."""

_JOB_ID = """${HYPERHERD_JOB_ID:+"hydra.job.id='$HYPERHERD_JOB_ID'"}"""
"""Slurm's id, which nobody knows before the job is there; quoted, for to Hydra 7_1 is a number."""

_SRUN = """\
: "${SLURM_JOB_ID:?its processes are started by srun, in a job of Slurm}"
exec srun ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} """
"""srun takes the counts from the job, but (since 22.05, man srun) not the CPUs of each process."""


def starts_several(options: Mapping[str, sbatch.Value]) -> bool:
    """Whether these options of sbatch ask for a job of several processes, as Submitit starts them.

    >>> [starts_several(one) for one in ({"nodes": 2}, {"nodes": "1-4"}, {"ntasks": 1, "nodes": 1}, {"gpus": 4})]
    [True, True, False, False]
    """
    names = ["ntasks"] if options.get("ntasks") is not None else COUNTS
    counts = [number for name in names for number in re.findall(r"\d+", str(options.get(name) or ""))]
    return any(int(number) > 1 for number in counts)


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

    def write_script(self, options: Mapping[str, sbatch.Value]) -> None:
        """``options`` are sbatch's. A script that says the same is left as it is: its jobs may be waiting."""
        start = _SRUN if starts_several(options) else "exec "
        text = "\n".join(
            [
                "#!/bin/bash",
                *sbatch.lines({"job_name": self.name, **options}),
                "# Written by hydra/launcher=hyperherd.",
                f"cd {quote(str(self.folder))} || exit",
                f"{start}{' '.join(map(quote, self.command))} {{overrides}} {_JOB_ID}",
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
