"""What a job of a sweep does on its node, and how the runs of a sweep are waited for; on Slurm and on this machine."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher

log = logging.getLogger(__name__)

SHARED = ("compute", "user", "requeue", "launcher", "max_num_timeout", "tasks_per_node", "wait", "hydra")
"""What a sweep is submitted with; its runs cannot differ in it."""


class TrainingLauncher(BaseSubmititLauncher):
    """Submits itself: a job calls it with its run's overrides, and Submitit asks its `checkpoint` what a requeue runs."""

    then: Any = None
    """What the trainer's own ``checkpoint()`` has returned, once the job is queued again."""

    def __call__(
        self,
        sweep_overrides: list[str],
        job_dir_key: str,
        job_num: int,
        job_id: str,
        singleton_state: dict[type, Singleton],
    ) -> JobReturn:
        """One run. Raises what the run has raised, so that its job has failed as well."""
        from submitit import JobEnvironment
        from training import interruption

        signal.signal(signal.SIGUSR1, signal.getsignal(signal.SIGUSR2))
        paths = JobEnvironment().paths
        for pickle in (paths.submitted_pickle, paths.result_pickle):
            # Left by a kill in the middle of a save, it would keep Submitit from ever saving again.
            pickle.with_suffix(f"{pickle.suffix}.save_tmp").unlink(missing_ok=True)
        interruption.resume_with(self.then)
        returned = super().__call__(sweep_overrides, job_dir_key, job_num, job_id, singleton_state)
        if returned.status is JobStatus.FAILED:
            raise returned._return_value
        return returned

    def checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Called when a signal has come: what Submitit is to run after the requeue."""
        from submitit.helpers import DelayedSubmission
        from training import interruption

        if not self.params["requeue"]:
            raise InterruptedError("told to leave, and not queued again: requeue=off. The same command with the same "
                                   "experiment_name goes on from the newest checkpoint.")  # fmt: skip
        self.then = interruption.after_requeue()
        return DelayedSubmission(self, *args, **kwargs)

    def arguments(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[tuple[Any, ...]]:
        """What each job is called with. Ends the program where the runs differ in what all jobs share."""
        differ = {word.partition("=")[0] for overrides in zip(*job_overrides) if len(set(overrides)) > 1 for word in overrides}
        shared = sorted(key for key in differ if key.lstrip("+~").partition(".")[0].partition("/")[0] in SHARED)
        if shared:
            sys.exit(f"{', '.join(shared)}: a sweep's runs share it; start one sweep for each value")
        assert self.config is not None
        log.info("Submitit '%s' sweep output dir : %s", self._EXECUTOR, self.config.hydra.sweep.dir)
        for number, overrides in enumerate(job_overrides, first):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
        state = Singleton.get_state()
        return [
            (list(overrides), "hydra.sweep.dir", number, f"job_id_for_{number}", state)
            for number, overrides in enumerate(job_overrides, first)
        ]


def collect(jobs: Sequence[Any], first: int) -> list[JobReturn]:
    """What the runs have returned; waits for all. Ends the program with 1 where some have failed, naming them."""
    from submitit.core.utils import UncompletedJobError

    returned, failed = [], 0
    for number, job in enumerate(jobs, first):
        try:
            returned.append(job.results()[0])
        except UncompletedJobError as error:
            failed += 1
            why = [line for line in str(error).splitlines() if line.strip(" -")]
            last = next((line for line in reversed(why) if not line.startswith(("You can check", "  - "))), "")
            log.error("#%d failed (job %s): %s\n    %s", number, job.job_id, last.strip(), job.task(0).paths.stderr)
    if failed:
        sys.exit(f"{failed} of {len(jobs)} runs failed")
    return returned
