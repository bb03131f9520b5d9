"""What a job of a sweep does on its node, and how the runs of a sweep are waited for; on Slurm and on this machine."""

from __future__ import annotations

import logging
import pickle
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher

log = logging.getLogger(__name__)

SHARED = (
    "compute",
    "user",
    "requeue",
    "launcher",
    "max_num_timeout",
    "tasks_per_node",
    "allow_cpu",
    "wait",
    "hydra",
)
"""What a sweep is submitted with; its runs cannot differ in it."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class Run:
    """One run of a sweep, as Submitit has it: small, for what all runs share lies in a file of its own."""

    then: Any = None
    """What the trainer's own ``checkpoint()`` has returned, once the job is queued again."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared

    def __call__(self, overrides: list[str], number: int) -> JobReturn:
        """Raises what the run has raised, so that its job has failed as well."""
        from submitit import JobEnvironment
        from training import gpus, holding, interruption

        signal.signal(signal.SIGUSR1, signal.getsignal(signal.SIGUSR2))
        job = JobEnvironment()
        for pickled in (
            job.paths.result_pickle,
            *([job.paths.submitted_pickle] if job.global_rank == 0 else []),
        ):
            # Left by a kill in the middle of a save, it would keep Submitit from ever saving again.
            pickled.with_suffix(f"{pickled.suffix}.save_tmp").unlink(missing_ok=True)
        interruption.resume_with(self.then)
        launcher, singletons = pickle.loads(self.shared.read_bytes())
        self.requeue = launcher.params["requeue"]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, holding.HELD)  # see `python`
        if fault := gpus.missing(launcher.config, gpus.LOOK):
            raise RuntimeError(" ".join(fault.split()))
        returned = launcher(overrides, "hydra.sweep.dir", number, f"job_id_for_{number}", singletons)
        if returned.status is JobStatus.FAILED:
            raise returned._return_value
        return returned

    def checkpoint(self, *args: Any) -> Any:
        """Called when a signal has come: what Submitit is to run after the requeue."""
        from submitit.helpers import DelayedSubmission
        from training import holding, interruption

        if not self.requeue:
            raise InterruptedError(
                "told to leave, and not queued again: requeue=off. The same command with the same experiment_name "
                "goes on from the newest checkpoint."
            )
        self.then = interruption.after_requeue()
        for number in (signal.SIGTERM, *holding.HELD):  # as in `Interruption.leave`, before the training
            signal.signal(number, signal.SIG_IGN)
        return DelayedSubmission(self, *args)


def python() -> str:
    """How a job starts Python: with the signals held back that it cannot handle yet. `Run` lets them in."""
    from training import holding

    return shlex.join([sys.executable, "-S", holding.__file__])


class TrainingLauncher(BaseSubmititLauncher):
    """A Hydra launcher, which a job loads and calls with its run's overrides."""

    def run(self, first: int) -> Run:
        """What the jobs call; ``first`` is the number of the first of them."""
        import cloudpickle

        shared = Path(self.params["submitit_folder"]).parent / f"sweep-from-{first}.pkl"
        shared.parent.mkdir(parents=True, exist_ok=True)
        shared.write_bytes(cloudpickle.dumps((self, Singleton.get_state())))
        return Run(shared.absolute())

    def arguments(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[tuple[Any, ...]]:
        """What each job is called with. Ends the program where the runs differ in what all jobs share."""
        differ = {
            word.partition("=")[0]
            for overrides in zip(*job_overrides, strict=True)
            if len(set(overrides)) > 1
            for word in overrides
        }
        shared = sorted(
            key for key in differ if key.lstrip("+~").partition(".")[0].partition("/")[0] in SHARED
        )
        if shared:
            sys.exit(f"{', '.join(shared)}: a sweep's runs share it; start one sweep for each value")
        assert self.config is not None
        log.info("Submitit '%s' sweep output dir : %s", self._EXECUTOR, self.config.hydra.sweep.dir)
        for number, overrides in enumerate(job_overrides, first):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
        return [(list(overrides), number) for number, overrides in enumerate(job_overrides, first)]


def collect(
    jobs: Sequence[Any], first: int, lives: Callable[[Any], bool] = lambda job: False
) -> list[JobReturn]:
    """What the runs have returned; waits for all. Ends the program with 1 where some have failed, naming them.

    ``lives`` tells of a job that Submitit calls ended, though it left no result, whether it goes on.
    """
    from submitit.core.utils import UncompletedJobError

    returned, failed = [], 0
    for number, job in enumerate(jobs, first):
        try:
            returned.append(_result(job, lives))
        except UncompletedJobError as error:
            failed += 1
            why = [line for line in str(error).splitlines() if line.strip(" -")]
            last = next(
                (line for line in reversed(why) if not line.startswith(("You can check", "  - "))), ""
            )
            log.error(
                "#%d failed (job %s): %s\n    %s", number, job.job_id, last.strip(), job.task(0).paths.stderr
            )
    if failed:
        sys.exit(f"{failed} of {counted(len(jobs), 'run')} failed")
    log.info("%s completed", counted(len(jobs), "run"))
    return returned


def counted(number: int, what: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _result(job: Any, lives: Callable[[Any], bool]) -> JobReturn:
    """Raises Submitit's UncompletedJobError where there will be none."""
    from submitit.core.utils import FailedJobError, UncompletedJobError

    going_on = True
    while True:
        try:
            returned: JobReturn = job.results()[0]  # without a result, Submitit looks for it a while
            return returned
        except FailedJobError:
            raise
        except UncompletedJobError:
            if not going_on:
                raise
        going_on = lives(job)  # once more, for what has ended between the two
