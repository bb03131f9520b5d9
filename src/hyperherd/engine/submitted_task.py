"""A task that was handed to a launcher: its register is settled, its state is told, its end is waited for.

Its own note of success is enough. The launcher is asked about what has left none, and, where it may start a job again
or end it from outside, also about what has failed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path

from hyperherd import fsio, units
from hyperherd.attempts import filenames, listing, variables
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.engine import submitting, watch
from hyperherd.engine.watch import CLOCK, Clock
from hyperherd.errors import HerdError, LauncherError, SchedulerSilentError, SubmissionUnknownError
from hyperherd.fsio import processes
from hyperherd.jobs import Batch, Ended, Job, Phase, State
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import LIVE, Status, status_of
from hyperherd.workspace import layout, results, task_folders
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.results import Point, Value
from hyperherd.workspace.submissions import Submission

INDEX = 0
"""A task is a batch of one element."""

_GLANCE_S = 0.1
"""Between two glances at the notes of tasks that are waited for."""


@dataclass(frozen=True)
class Verdict:
    """``reason`` is why it failed, or why it waits; the exit code is None where it has none."""

    status: Status
    reason: str
    exit_code: int | None


class SubmittedTask:
    """One submission of a task. ``launcher`` is the one that was chosen; ``stuck`` is why it will not start, as far
    as that was seen when it was asked last; ``failed``: a note says so, which does not prove that it has ended.
    """

    def __init__(self, name: str, launcher: Launcher, job: Job, workspace: Workspace | None = None) -> None:
        self.name = name
        self._workspace = workspace
        self.launcher = launcher
        self.job = job
        self.stopped = False
        self.stuck = ""
        self.failed = False
        self._verdict: Verdict | None = None
        self._last_said = State(Phase.UNKNOWN)

    def __repr__(self) -> str:
        return f"SubmittedTask({self.name!r}, id={self.id!r}, launcher={self.launcher.name!r})"

    @property
    def id(self) -> str:
        """Slurm's job id; on this machine the submission's own token."""
        return self.job.job_id or self.job.token

    @property
    def token(self) -> str:
        """Its own name, by which `Task.load` finds it again in its folder."""
        return self.job.token

    @property
    def stdout(self) -> Path:
        """What it wrote, below a line that herd begins each attempt with; there once it has begun."""
        return self.job.files.logs / f"{INDEX}.out"

    @property
    def stderr(self) -> Path:
        """As `stdout`."""
        return self.job.files.logs / f"{INDEX}.err"

    def results(self) -> dict[str, Value]:
        """The final metrics that it has logged so far with `hyperherd.log_result`."""
        return results.finals(self.job.files.script.parent / layout.RESULTS, INDEX)

    def streams(self) -> dict[str, list[Point]]:
        """Those that it has logged with ``step=``, each in the order of its steps."""
        return results.streams(self.job.files.script.parent / layout.RESULTS, INDEX)

    def state(self) -> Status:
        """``submitted``, ``queued``, ``running``, ``completed``, ``failed``, ``cancelled`` or ``lost`` (it is gone, and
        nobody knows how it ended); compares equal to that text.

        Asks the launcher unless the end is known. Raises `SchedulerSilentError`.
        """
        return self.verdict().status

    def verdict(self) -> Verdict:
        """The state with its reason and the exit code. Raises `SchedulerSilentError`."""
        return self.ended() or self.hear(self.launcher.poll([self.job])[self.job.token][INDEX])

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end and return the exit code; None where it ended without one (see `state`).

        One that a signal ended has 128 more than the signal's number. Slurm is asked once in 30 s
        (``HYPERHERD_POLL_S``) and soon after a failure, and waited for where it does not answer. Raises TimeoutError
        after ``timeout_s``, and `LauncherError` for one that will never start (an ``afterok`` of one that has failed,
        a partition's limit).
        """
        until_ended([self], timeout_s)
        verdict = self.ended()
        if verdict is None:
            raise LauncherError(
                f"{self.name} ({self.id}) does not start: {self.stuck}",
                hint="mend what it waits for and wait again, or end it with its cancel()",
            )
        return verdict.exit_code

    def cancel(self) -> None:
        """End it, whether it waits or runs; on this machine return when its processes are gone.

        One that has ended stays as it is. Raises `LauncherError` in the launcher's words where it could not be.
        """
        if self.ended() is not None or (self.failed and self.verdict().status not in LIVE):
            return
        if self._workspace and (other := task_folders.original(self._workspace, self.job.token)):
            raise LauncherError(f"{self.name} ({self.id}) belongs to {other}", hint="cancel it from there")
        refused = self.launcher.cancel(self.job, [INDEX])
        if refused:
            raise LauncherError(f"{self.name} ({self.id}) could not be cancelled: {refused[INDEX]}")
        self.stopped = True
        if self._workspace:
            task_folders.note_stopped(self._workspace, self.job.token)

    def last_known(self) -> Verdict:
        """How it stands as far as that is known without asking anybody."""
        return self.ended() or self.hear(self._last_said)

    def ended(self) -> Verdict | None:
        """How it ended, where that is known without asking anybody."""
        if self._verdict is None:
            _, outcome, _ = _noted(self.job)
            self.failed = outcome is not None
            if outcome is not None and self._is_proven(outcome):
                self.hear(State(Phase.ABSENT))
        return self._verdict

    def hear(self, state: State) -> Verdict:
        """What the launcher said and the notes say, together; an end is remembered."""
        if self._verdict is not None:
            return self._verdict
        self._last_said = state
        self.stuck = state.reason if state.stuck else ""
        attempt, outcome, timed_out = _noted(self.job)
        if outcome is not None and outcome.terminated and state.phase is Phase.ABSENT:
            state = State.of_end(Ended.TIME_LIMIT if timed_out else Ended.CANCELLED)
        status, reason = status_of(state, outcome, started=attempt > 0, stopped=self.stopped)
        if status is Status.READY:
            status, reason = Status.LOST, "it was never started"
        if status in LIVE:  # what an attempt before this one has left is not its own
            return Verdict(status, reason, None)
        if state.phase is Phase.UNKNOWN and not self._is_proven(outcome):
            return Verdict(status, reason, outcome.exit_code if outcome else None)
        self._verdict = Verdict(status, reason, outcome.exit_code if outcome else _exit_code(status, state))
        return self._verdict

    def _is_proven(self, outcome: Outcome | None) -> bool:
        """Whether a note is the end. A scheduler may queue a job again, or have ended it: a note of failure does not
        tell, as bash may forget that it was told to end where its program ends in the same instant.
        """
        if outcome is None:
            return False
        return outcome.succeeded or self.stopped or not self.launcher.traits.starts_again


def submit(name: str, launcher: Launcher, batch: Batch, workspace: Workspace | None = None) -> SubmittedTask:
    """Hand over a batch of one element whose files are written; a task of ``workspace`` is recorded there before.

    Whatever is raised, Ctrl-C included, it does not run.
    """
    intent = job(launcher, batch)
    record = _intent(name, launcher, intent, workspace) if workspace else None
    try:
        _record(workspace, record)
        done = submitting.hand_over(launcher, batch, intent)
        _record(workspace, record and submitting.record_of(record, done))
        return SubmittedTask(name, launcher, done, workspace)
    except SchedulerSilentError as silent:
        submitting.give_up(launcher, intent)
        raise SubmissionUnknownError(str(silent)) from silent
    except BaseException:
        with contextlib.suppress(HerdError):  # what went wrong first is what is told
            submitting.give_up(launcher, intent)
        raise


def _record(workspace: Workspace | None, record: Submission | None) -> None:
    if workspace and record:
        task_folders.write(workspace, record)


def _intent(name: str, launcher: Launcher, intent: Job, workspace: Workspace) -> Submission:
    return Submission(
        token=intent.token,
        launcher=launcher.name,
        where=intent.where,
        name=name,
        indices=(INDEX,),
        attempts=(1,),
        submitted_at=intent.submitted_at,
        owner=str(processes.me()),
        state="intent",
        root=str(workspace.root),
    )


def job(launcher: Launcher, batch: Batch) -> Job:
    """What is recorded of a batch before it is submitted."""
    return Job(
        token=batch.token,
        name=batch.name,
        job_id=None,
        where=launcher.where(),
        submitted_at=time.time(),
        files=batch.files,
        offers={element.number: element.offer for element in batch.elements},
    )


class _Tasks:
    """Tasks that are waited for (`watch.Watched`). Their notes of success end the wait; those that have failed are
    asked about at once, and soon again while their launcher still shows them (their jobs are ending, or queued again).
    """

    def __init__(self, tasks: Collection[SubmittedTask]) -> None:
        self._left = list(tasks)

    def look(self) -> object:
        """Ask about all that are left."""
        ask_all([task for task in self._left if task.ended() is None])
        return [(task.job.token, task.last_known()) for task in self._left]

    def glance(self) -> object:
        """Those that have failed, by their notes."""
        self._left = [task for task in self._left if task.ended() is None]
        return [task.job.token for task in self._left if task.failed] or None

    def over(self) -> bool:
        """Whether each has ended, or will never start."""
        return all(task.stuck for task in self._left)

    @property
    def left(self) -> Sequence[SubmittedTask]:
        return self._left


def until_ended(
    tasks: Collection[SubmittedTask], timeout_s: float | None = None, clock: Clock = CLOCK
) -> None:
    """Wait until all have ended, or will never start; all of one place are asked about at once. Raises TimeoutError."""
    places = [(_Tasks(of_place), min(map(_ask_s, of_place))) for of_place in _by_place(tasks).values()]
    if not watch.until_all_over(places, glance_s=_GLANCE_S, timeout_s=timeout_s, clock=clock):
        left = [task for watched, _ in places for task in watched.left]
        raise TimeoutError(f"not ended within {timeout_s:g} s: {', '.join(map(repr, left[:5]))}")


def ask_all(tasks: Collection[SubmittedTask]) -> list[str]:
    """Ask about them, each place once; the words of those that did not answer."""
    return [words for of_place in _by_place(tasks).values() if (words := _ask(of_place))]


def _ask(tasks: Sequence[SubmittedTask]) -> str:
    """The words of a launcher that does not answer."""
    try:
        states = tasks[0].launcher.poll([task.job for task in tasks])
    except SchedulerSilentError as silent:
        return str(silent)
    for task in tasks:
        task.hear(states[task.job.token][INDEX])
    return ""


def _ask_s(task: SubmittedTask) -> float:
    said = units.positive(os.environ.get(variables.POLL_S, ""))
    return said or task.launcher.interval_s or task.launcher.traits.pause_s


def _exit_code(status: Status, state: State) -> int | None:
    """The scheduler's, where it is one: sacct says 0 of jobs that were cancelled or had no time left."""
    if status is Status.COMPLETED:
        return 0
    return state.exit_code or None if status is Status.FAILED else None


def _by_place(tasks: Collection[SubmittedTask]) -> dict[tuple[str, str], list[SubmittedTask]]:
    found: dict[tuple[str, str], list[SubmittedTask]] = {}
    for task in tasks:
        found.setdefault((task.launcher.name, task.job.where), []).append(task)
    return found


def _noted(job: Job) -> tuple[int, Outcome | None, bool]:
    """The number of the newest attempt, 0 before one has begun, how it ended, and whether it had met its time limit.

    Raises `WorkspaceError`.
    """
    unit, folder = Unit(INDEX), job.files.attempts
    if not folder.path.is_dir():
        raise fsio.unreadable(str(folder.path), FileNotFoundError(ENOENT, os.strerror(ENOENT)))
    listed = listing.read([folder], [unit])
    newest = listed.newest.get(unit, 0)
    attempt = (unit, newest)
    return newest, listed.outcomes.get(attempt), filenames.TIMEOUT in listed.marks.get(attempt, ())
