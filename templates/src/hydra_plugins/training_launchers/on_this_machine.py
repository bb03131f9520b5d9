"""``launcher=local``: a sweep's runs as processes of this machine, a bounded number at once; logs as on Slurm."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hydra.core.utils import JobReturn
from hydra_plugins.training_launchers.jobs import INTERRUPTED, Run, TrainingLauncher, collect, python

log = logging.getLogger(__name__)

NO_LIMIT_MIN = 60 * 24 * 365
LOOK_EVERY_S = 0.1
GRACE_S = 30.0


class TrainingLocalLauncher(TrainingLauncher):
    _EXECUTOR = "local"

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        import submitit
        from training import gpus

        if fault := gpus.missing(self.config, "Have Slurm run it: leave launcher=local out"):
            sys.exit(fault)
        arguments = self.arguments(job_overrides, initial_job_idx)
        requeued = self.params["max_num_timeout"] if self.params["requeue"] else 0
        executor = submitit.LocalExecutor(
            self.params["submitit_folder"], max_num_timeout=requeued, python=python()
        )
        jobs: list[Any] = []
        told = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
        before = {number: signal.signal(number, _interrupted) for number in told}  # nohup stays as it is
        try:
            self._submit(executor, self.run(initial_job_idx), arguments, jobs)
            return collect(jobs, initial_job_idx)
        except (KeyboardInterrupt, _Told) as end:
            _end(jobs)
            name = Path(self.params["submitit_folder"]).parent.parent.name
            log.warning("The runs have ended. To go on: the same command with experiment_name=%s", name)
            sys.exit(INTERRUPTED if isinstance(end, KeyboardInterrupt) else 128 + end.number)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            unused = executor.folder  # Submitit makes a folder that is literally called %j
            if unused.is_dir() and not any(unused.iterdir()):
                unused.rmdir()

    def _submit(self, executor: Any, run: Run, arguments: Sequence[tuple[Any, ...]], jobs: list[Any]) -> None:
        """Append each run to ``jobs`` as it starts; no more at once than there are slots."""
        limit_min = self.params["timeout_min"] or NO_LIMIT_MIN
        settings: dict[str, Any] = {
            "timeout_min": limit_min,
            "tasks_per_node": self.params["tasks_per_node"] or 1,
            # A run is told at the latest when half of a short limit is over.
            "signal_delay_s": min(self.params["signal_delay_s"], limit_min * 30),
            "stderr_to_stdout": self.params["stderr_to_stdout"],
        }
        slots = self._slots()
        free, running = list(range(len(slots))), {}
        for given in arguments:
            while not free:
                free = [slot for slot, job in running.items() if job.done()]
                time.sleep(0 if free else LOOK_EVERY_S)
            slot = free.pop(0)
            executor.update_parameters(**settings, gpus_per_node=len(slots[slot]), visible_gpus=slots[slot])
            running[slot] = executor.submit(run, *given)
            jobs.append(running[slot])

    def _slots(self) -> list[tuple[int, ...]]:
        """As many as run at once; of each the GPUs that its runs see."""
        gpus = _gpus()
        wanted = self.params["gpus_per_node"] or 0
        if 0 < len(gpus) < wanted and not self.config.allow_cpu:
            sys.exit(
                f"compute.gpus_per_node={wanted}: this machine has {len(gpus)}; say compute.gpus_per_node={len(gpus)}"
            )
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        per_run = min(wanted, len(gpus))
        at_once = self.params["at_once"]
        if at_once is None:
            cores_of_run = (self.params["cpus_per_task"] or 1) * (self.params["tasks_per_node"] or 1)
            at_once = max(1, cores // cores_of_run)
            at_once = min(at_once, len(gpus) // per_run) if per_run else at_once
        if at_once < 1:
            sys.exit(f"hydra.launcher.at_once: {at_once} runs at once would never start; say 1 or more")
        if per_run and at_once * per_run > len(gpus):
            sys.exit(
                f"hydra.launcher.at_once: {at_once} runs of {per_run} GPUs; this machine has {len(gpus)} GPUs"
            )
        return [tuple(gpus[slot * per_run : (slot + 1) * per_run]) for slot in range(at_once)]


class _Told(BaseException):
    """A signal has told this command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    raise _Told(number)


def _end(jobs: Sequence[Any]) -> None:
    """End what runs, as Ctrl-C would: a terminal tells the runs that it interrupts, `kill` does not."""
    for job in jobs:
        if not job.done():
            job.cancel()
    deadline = time.monotonic() + GRACE_S
    while not all(job.done() for job in jobs) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)


def _gpus() -> list[int]:
    """The GPUs that this program may use, by index."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [int(one) for one in visible.split(",") if one.strip().isdigit()]
    import torch

    return list(range(torch.cuda.device_count()))
