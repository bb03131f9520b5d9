"""``launcher=submitit``: a sweep is one Slurm array, several where it is longer than the cluster's arrays may be."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.training_launchers.jobs import INTERRUPTED, TrainingLauncher, collect, counted, python

log = logging.getLogger(__name__)

SBATCH = {"mem_gb": "mem", "timeout_min": "time", "tasks_per_node": "ntasks_per_node", "name": "job_name"}
"""Settings whose names at sbatch are others."""


class TrainingSlurmLauncher(TrainingLauncher):
    _EXECUTOR = "slurm"

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        import submitit

        arguments = self.arguments(job_overrides, initial_job_idx)
        requeued = self.params["max_num_timeout"] if self.params["requeue"] else 0
        try:
            executor = submitit.SlurmExecutor(
                self.params["submitit_folder"], max_num_timeout=requeued, python=python()
            )
            executor.update_parameters(**timed(parameters(self.params)))
        except (ValueError, RuntimeError) as error:
            sys.exit(f"hydra.launcher: {error}")
        run = self.run(initial_job_idx)
        jobs: list[Any] = []
        size = longest_array()
        for start in range(0, len(arguments), size):
            try:
                jobs += executor.map_array(run, *zip(*arguments[start : start + size], strict=True))
            except submitit.core.utils.FailedJobError as error:
                known = " ".join(array_ids(jobs))
                told = f"\n  submitted before: {known}; cancel with: scancel {known}" if known else ""
                sys.exit(f"sbatch refused: {error}{told}")
        ids = " ".join(array_ids(jobs))
        log.info("Slurm has %s: %s", counted(len(jobs), "job"), ids)
        if not self.params["wait"]:
            return []
        try:
            return collect(jobs, initial_job_idx, is_queued)
        except KeyboardInterrupt:
            log.warning("The jobs go on. To cancel them: scancel %s", ids)
            sys.exit(INTERRUPTED)


def parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Submitit's parameters for the settings of ``hydra.launcher``: null is left out, and each option appears once.

    Raises ValueError for a time limit that cannot be read.
    """
    own = {"_target_", "submitit_folder", "max_num_timeout", "requeue", "wait"}
    additional = ("preset_parameters", "additional_parameters")
    named = {SBATCH.get(key, key): value for key, value in settings.items() if key not in (*own, *additional)}
    if named["gres"] or not named["gpus_per_node"]:
        named["gpus_per_node"] = None
    if named["mem"] is not None:
        named["mem"] = f"{int(named['mem'] * 1024)}M"
    extra: dict[str, Any] = {}
    for source in additional:
        given = settings[source] or {}
        extra |= {key.replace("-", "_"): value for key, value in given.items() if value is not None}
    if "time" in extra:
        named["time"] = minutes(str(extra.pop("time")))  # Submitit reckons with it
    named = {key: value for key, value in named.items() if value is not None and key not in extra}
    extra["requeue" if settings["requeue"] else "no_requeue"] = True
    return {**named, "additional_parameters": extra}


def timed(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same. Raises ValueError where there is no time limit: Submitit, and no one else, has to know it."""
    if "time" not in parameters:
        raise ValueError("timeout_min is null: Submitit has to know the limit; say compute.timeout_min=60")
    return parameters


def minutes(time: str) -> int:
    """A time limit as sbatch takes it, in minutes rounded up: ``90``, ``1:30:00``, ``30:00``, ``1-12``, ``1-12:30``."""
    form = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", time.strip())
    if form is None:
        raise ValueError(f"time={time} is no time limit: write 90 (minutes) or 1-12:30:00")
    days, *rest = (int(part) if part else None for part in form.groups())
    given = [part for part in rest if part is not None]
    if days is not None:
        hours, mins, seconds = (*given, 0, 0)[:3]
    elif len(given) == 3:
        hours, mins, seconds = given
    else:
        hours, (mins, seconds) = 0, (*given, 0)[:2]
    return (days or 0) * 1440 + hours * 60 + mins + (seconds > 0)


def longest_array() -> int:
    """How many elements an array may have here: Slurm's MaxArraySize bounds the index."""
    shown = subprocess.run(
        ["scontrol", "show", "config"], capture_output=True, text=True, check=False, timeout=60
    )
    limits = [
        int(limit) for limit in re.findall(r"(?:MaxArraySize\s*=\s*|max_array_tasks=)(\d+)", shown.stdout)
    ]
    return max(1, min(limits, default=1001))


def is_queued(job: Any) -> bool:
    """Whether Slurm has the job: what sacct calls NODE_FAIL may wait to run again. No answer is no end."""
    argv = ["squeue", "--noheader", "--format=%T", f"--jobs={job.job_id}"]
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return True
    return bool(answer.stdout.strip()) if answer.returncode == 0 else "Invalid job id" not in answer.stderr


def array_ids(jobs: Sequence[Any]) -> list[str]:
    """The ids of their arrays, each once."""
    return list(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))
