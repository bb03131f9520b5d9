"""``launcher=submitit``: a sweep is one Slurm array, several where it is longer than the cluster's arrays may be."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.training_launchers.jobs import INTERRUPTED, TrainingLauncher, collect, counted, python
from omegaconf import DictConfig

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
            executor.update_parameters(**timed(parameters(self.params, typed_words(self.config))))
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


def parameters(settings: Mapping[str, Any], words: Iterable[str] = ()) -> dict[str, Any]:
    """Submitit's parameters for the settings of ``hydra.launcher``: null is left out, and each option appears once.

    ``words`` are those of the command line: what they say of the preset or the launcher stands above ``user.yaml``.
    Raises ValueError for a time limit that cannot be read.
    """
    own = {"_target_", "submitit_folder", "max_num_timeout", "requeue", "wait"}
    additional = ("preset_parameters", "additional_parameters")
    named = {SBATCH.get(key, key): value for key, value in settings.items() if key not in (*own, *additional)}
    if named["gres"] or not named["gpus_per_node"]:
        named["gpus_per_node"] = None
    if named["mem"] is not None:
        named["mem"] = f"{int(named['mem'] * 1024)}M"
    preset, user = (
        {key.replace("-", "_"): value for key, value in (settings[source] or {}).items()}
        for source in additional
    )
    said = typed_options(words)
    user = {key: value for key, value in user.items() if key not in said}
    extra = {key: value for source in (preset, user) for key, value in source.items() if value is not None}
    if "time" in extra:
        named["time"] = minutes(str(extra.pop("time")))  # Submitit reckons with it
    named = {key: value for key, value in named.items() if value is not None and key not in extra}
    extra["requeue" if settings["requeue"] else "no_requeue"] = True
    return {**named, "additional_parameters": extra}


def typed_words(config: DictConfig) -> list[str]:
    """The words of the command line."""
    return [*config.hydra.overrides.task, *config.hydra.overrides.hydra]


def typed_options(words: Iterable[str]) -> set[str]:
    """The options of sbatch that the command line sets, but for those that it sets as the user's."""
    said, users = set(), set()
    for word in words:
        key = word.partition("=")[0].lstrip("+~")
        place, _, name = key.replace("-", "_").rpartition(".")
        if place == "user.slurm.additional_parameters":
            users.add(name)
        elif key.startswith(("compute.", "hydra.launcher.")):
            said |= {SBATCH.get(name, name), *(("gres",) if name.startswith("gpu") else ())}
    return said - users


def timed(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same. Raises ValueError for no time limit, which Submitit has to know, or one too short to be told of."""
    if "time" not in parameters:
        raise ValueError("timeout_min is null: Submitit has to know the limit; say compute.timeout_min=60")
    limit, delay_s = parameters["time"], parameters["signal_delay_s"]
    if limit * 60 <= delay_s and "signal" not in parameters["additional_parameters"]:
        raise ValueError(
            f"timeout_min={limit}: a run is told to save {delay_s} s before its time limit; "
            f"say compute.timeout_min={delay_s // 60 + 1} or more, or hydra.launcher.signal_delay_s={limit * 30}"
        )
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
