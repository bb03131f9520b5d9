"""The launcher: each job of a multirun is ``python -m app <overrides>``, a trial of one sweep."""

from __future__ import annotations

import logging
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.errors import CompactHydraException
from hydra.plugins import launcher as plugin
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from hyperherd.hydra.application import Application
    from hyperherd.hydra.jobs import Asked, Ended, Job, Submitted

log = logging.getLogger(__name__)


USUAL = (
    *("partition", "account", "qos", "time", "mem", "cpus_per_task", "gres", "gpus", "gpus_per_node"),
    *("nodes", "ntasks_per_node", "constraint", "exclude", "nodelist", "reservation", "signal"),
)
"""Options of sbatch that need no ``+`` on the command line."""


HYDRAS_OWN = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""The sweeper that makes no use of what jobs return."""

SHOWN = 10
"""Failed jobs are named one by one, so many at most."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


OPTIONS: dict[str, Any] = {
    "place": "auto",
    "compute": "",
    # Of a type, so that an interpolation in its place may give a dict.
    "slurm": DictConfig(dict.fromkeys(USUAL), ref_type=dict[str, Any], key_type=str, element_type=Any),
    "max_concurrent": None,
    "requeue": None,
    "wait": None,
}
"""What `jobs.Asked` is made of. No dataclass for Hydra: what it pickles of a configuration would name that, so that
``--experimental-rerun`` could not read it without herd.
"""

ConfigStore.instance().store(
    group="hydra/launcher",
    name="hyperherd",
    node={"_target_": "hydra_plugins.hyperherd_launcher.HyperHerdLauncher", **OPTIONS},
    provider="hyperherd",
)


class Launcher(plugin.Launcher):
    """Hands a sweep over and returns, with ``wait`` when its jobs have ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = {**OPTIONS, **options}  # one may be taken away: ~hydra.launcher.slurm
        self._config = DictConfig({})
        self._application: Application | None = None
        self._asked: Asked | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Raises `CompactHydraException`."""
        from hyperherd.errors import HerdError

        try:
            from hyperherd.hydra import application, composing, jobs
        except ModuleNotFoundError as error:
            raise CompactHydraException(
                f"herd needs {error.name}, which this environment does not have: {sys.prefix}\n{_installing()}"
            ) from error
        self._config = config
        self._loader = hydra_context.config_loader
        try:
            self._asked = jobs.Asked.of(self._options)
            self._application = application.of(config)
        except HerdError as error:
            raise CompactHydraException(_as_hydra_has_it(str(error))) from error
        sweeper = str(config.hydra.sweeper.get("_target_"))
        if sweeper == HYDRAS_OWN:
            hydra_context.config_loader = composing.FewJobs(self._loader)  # type: ignore[assignment]  # no subclass
        elif self._asked.wait is None:
            raise CompactHydraException(
                f"{sweeper} may want what the jobs return, and nobody waits for them.\n"
                "Write hydra.launcher.wait=true, or hydra.launcher.wait=false if it does not"
            )

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Nothing is returned of jobs that nobody waits for. Raises `CompactHydraException`."""
        from hyperherd.errors import HerdError
        from hyperherd.hydra import folders, jobs

        app, asked = self._application, self._asked
        assert app is not None and asked is not None, "Hydra calls setup() first"
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        if not job_overrides:
            log.info("Launching 0 jobs")
            return []
        found = folders.Folders(self._loader, self._config, app.folder)
        try:
            listed = [
                jobs.Job(number, list(overrides), found.of(overrides, number))
                for number, overrides in enumerate(job_overrides, initial_job_idx)
            ]
            sweep = jobs.submit(app, listed, asked, say=lambda line: log.info(_as_hydra_has_it(line)))
            for job in listed:
                log.info(f"\t#{job.number} : {' '.join(filter_overrides(job.overrides))}")
            log.info(f"See how they do: herd status {sweep.script}")
            return self._collect(sweep, listed) if asked.wait else []
        except HerdError as error:
            raise CompactHydraException(_as_hydra_has_it(str(error))) from error

    def _collect(self, sweep: Submitted, listed: Sequence[Job]) -> list[JobReturn]:
        from hyperherd.hydra import jobs

        try:
            ended = jobs.wait(sweep, listed)
        except KeyboardInterrupt:
            log.info(f"Left; the jobs go on. Stop them: herd stop {sweep.script} --all")
            raise SystemExit(INTERRUPTED) from None
        bad = [one for one in ended if not one.completed]
        log.info(f"{len(ended) - len(bad)} jobs completed, {len(bad)} not")
        for one in bad[:SHOWN]:
            log.error(one.reason)
        return [self._returned(job, one) for job, one in zip(listed, ended, strict=True)]

    def _returned(self, job: Job, ended: Ended) -> JobReturn:
        one = JobReturn(
            overrides=job.overrides,
            working_dir=str(job.output.folder),
            task_name=self._config.hydra.job.name,
            status=JobStatus.COMPLETED if ended.completed else JobStatus.FAILED,
        )
        if self._config.hydra.output_subdir is not None:
            saved = job.output.folder / self._config.hydra.output_subdir
            one.cfg = _load(saved / "config.yaml")
            one.hydra_cfg = _load(saved / "hydra.yaml")
        one.return_value = ended.value if ended.completed else self._failure(ended)
        return one

    def _failure(self, ended: Ended) -> BaseException:
        """What Hydra raises when it looks at what a failed job returned. Its own sweeper ends with that: with the exit
        code of the job then, where that is not the one of any error. Other sweepers may catch it.
        """
        if ended.exit_code in (None, 0, 1) or self._config.hydra.sweeper.get("_target_") != HYDRAS_OWN:
            return CompactHydraException(ended.reason)
        return SystemExit(ended.exit_code)


def _installing() -> str:
    """How this environment gets herd with what it needs: uv makes environments without pip."""
    from hyperherd import installation

    folder = shlex.quote(installation.source() or installation.DISTRIBUTION)
    python = shlex.quote(sys.executable)
    return f"Type: {python} -m pip install {folder}\nor: uv pip install --python {python} {folder}"


def _as_hydra_has_it(words: str) -> str:
    """Herd's words, where an option of its own is one of this launcher.

    >>> _as_hydra_has_it("slurm.mem: too much, or run it here: herd run --on local")
    'hydra.launcher.slurm.mem: too much, or run it here: hydra.launcher.place=local'
    """
    placed = re.sub(r"(herd run )?--on (\w+)", r"hydra.launcher.place=\2", words)
    return re.sub(r"(?m)^slurm\.(?=\w+: )", "hydra.launcher.slurm.", placed)


def _load(path: Path) -> DictConfig | None:
    loaded = OmegaConf.load(path) if path.exists() else None
    return loaded if isinstance(loaded, DictConfig) else None
