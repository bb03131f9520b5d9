"""The launcher: each job of a multirun is ``python -m app <overrides>``, a trial of one sweep."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.errors import HydraException
from hydra.plugins import launcher as plugin
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from hyperherd.hydra.jobs import Application, Job, Sweep

log = logging.getLogger(__name__)


USUAL = (
    *(
        "partition",
        "account",
        "qos",
        "time",
        "mem",
        "cpus_per_task",
        "gres",
        "gpus",
        "gpus_per_node",
        "nodes",
    ),
    *("ntasks_per_node", "constraint", "exclude", "nodelist", "reservation", "signal"),
)
"""Options of sbatch that need no ``+`` on the command line."""


@dataclass
class HyperHerdConf:
    """``slurm`` are sbatch's long options by name with ``_``; ``on`` is local, slurm or auto; ``compute`` a preset;
    ``max_concurrent`` the most jobs at once. ``requeue``: jobs are queued again by themselves, after a time limit or an
    exit of 75, say. ``wait``: return when all jobs have ended.
    """

    _target_: str = "hydra_plugins.hyperherd_launcher.HyperHerdLauncher"
    on: str = "auto"
    compute: str = ""
    slurm: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(USUAL))
    max_concurrent: int | None = None
    requeue: bool = False
    wait: bool = False


ConfigStore.instance().store(
    group="hydra/launcher", name="hyperherd", node=HyperHerdConf, provider="hyperherd"
)


class Launcher(plugin.Launcher):
    """Hands a sweep over and returns, with ``wait`` when its jobs have ended."""

    def __init__(
        self,
        on: str = "auto",
        compute: str = "",
        slurm: dict[str, Any] | None = None,
        max_concurrent: int | None = None,
        requeue: bool = False,
        wait: bool = False,
    ) -> None:
        super().__init__()
        self._on = on
        self._compute = compute
        self._slurm = dict(slurm or {})
        self._max_concurrent = max_concurrent
        self._requeue = requeue
        self._wait = wait
        self._config = DictConfig({})
        self._application: Application | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hyperherd.hydra import composing, jobs

        self._config = config
        self._loader = hydra_context.config_loader
        hydra_context.config_loader = composing.FewJobs(self._loader)  # type: ignore[assignment]  # no subclass
        self._application = jobs.application(config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Nothing is returned of jobs that nobody waits for. Raises `HydraException`."""
        from hyperherd.errors import HerdError
        from hyperherd.hydra import jobs

        assert self._application is not None, "Hydra calls setup() first"
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        asked = jobs.Asked(self._on, self._compute, _plain(self._slurm), self._max_concurrent, self._requeue)
        try:
            listed = [
                jobs.job(self._loader, self._config, list(overrides), initial_job_idx + place)
                for place, overrides in enumerate(job_overrides)
            ]
            sweep = jobs.submit(self._application, listed, asked, say=log.info)
            for job in listed:
                log.info(f"\t#{job.number} : {' '.join(filter_overrides(job.overrides))}")
            log.info(f"See how they do: herd status {sweep.script}")
            return self._collect(sweep, listed) if self._wait else []
        except HerdError as error:
            raise HydraException(str(error)) from error

    def _collect(self, sweep: Sweep, listed: Sequence[Job]) -> list[JobReturn]:
        from hyperherd.hydra import jobs

        returned = []
        for job, ended in zip(listed, jobs.wait(sweep, listed), strict=True):
            one = JobReturn(
                overrides=job.overrides,
                working_dir=str(job.folder),
                task_name=self._config.hydra.job.name,
                status=JobStatus.COMPLETED if ended.completed else JobStatus.FAILED,
            )
            saved = job.folder / (self._config.hydra.output_subdir or ".hydra")
            one.cfg = _load(saved / "config.yaml")
            one.hydra_cfg = _load(saved / "hydra.yaml")
            one.return_value = ended.value if ended.completed else HydraException(ended.reason)
            returned.append(one)
        return returned


def _plain(slurm: dict[str, Any]) -> dict[str, Any]:
    """Without what is null; numbers that are no whole ones as text, which sbatch judges."""
    values = {name: value for name, value in slurm.items() if value is not None}
    return {name: str(value) if isinstance(value, float) else value for name, value in values.items()}


def _load(path: Path) -> DictConfig | None:
    loaded = OmegaConf.load(path) if path.exists() else None
    return loaded if isinstance(loaded, DictConfig) else None
