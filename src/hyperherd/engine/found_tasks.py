"""The tasks that Python has submitted in a folder, found again: how they stand, stopped, cleared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd.attempts import registers
from hyperherd.engine import submitted_task, submitting
from hyperherd.engine.submitted_task import SubmittedTask, Verdict
from hyperherd.errors import HerdError, LauncherError, SchedulerSilentError, WorkspaceError, nearest
from hyperherd.jobs import Batch, Job, Phase, State
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.traits import Traits
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import submissions, task_folders
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

INTERRUPTED = "its submission was interrupted: herd stop gives it up, Task.load settles it"


@dataclass(frozen=True)
class Found:
    """A task and how it stands. ``task`` is None where its launcher is not here; ``job`` is its scheduler's id, and
    ``elsewhere`` the folder that it belongs to where this one is but its copy.
    """

    record: Submission
    verdict: Verdict
    task: SubmittedTask | None
    elsewhere: Path | None = None

    @property
    def token(self) -> str:
        return self.record.token

    @property
    def name(self) -> str:
        """Of one of version 1 nothing tells it."""
        return self.record.name or "task"

    @property
    def where(self) -> str:
        return self.record.where

    @property
    def job(self) -> str | None:
        return self.record.slurm_job_id

    @property
    def lives(self) -> bool:
        """Whether it may run, or begin, as far as anybody knows."""
        return self.verdict.status in LIVE or (self.task is not None and self.task.ended() is None)


def load(
    workspace: Workspace, token: str, launcher: Launcher | None, here: Mapping[str, Launcher]
) -> SubmittedTask:
    """A task that was submitted before, by this program or another. An intent whose submitter is gone is settled.

    Raises `HerdError` where there is none of this token, `LauncherError` where its launcher is not here,
    `SchedulerSilentError`.
    """
    record = task_folders.read(workspace, token)
    if record is None:
        near = (
            nearest(token, task_folders.tokens(workspace)) or "herd status FOLDER lists the tasks of a folder"
        )
        raise HerdError(f"there is no task {token} in {workspace.root}", hint=near)
    chosen = launcher or here.get(record.launcher)
    if chosen is None:
        raise LauncherError(
            f"task {token} was submitted with {record.launcher}, {shipped.why_absent(record.launcher)}",
            hint="load it where it was submitted, or name a launcher",
        )
    record = _as_decided(workspace, record)
    if record.state == "intent" and not submitting.submitting(record):
        found = submitting.decide(chosen, job_of(workspace, record))
        record = submitting.record_of(record, found)
        task_folders.write(workspace, record)
    if record.state == "void":
        raise HerdError(f"task {token} was never submitted", hint="submit it again")
    return of_record(workspace, record, chosen)


def of_record(workspace: Workspace, record: Submission, launcher: Launcher) -> SubmittedTask:
    """The task of a record, on its launcher."""
    task = SubmittedTask(record.name or "task", launcher, job_of(workspace, record), workspace)
    task.stopped = bool(record.stopped)
    return task


def job_of(workspace: Workspace, record: Submission) -> Job:
    return submissions.job(workspace, record, files=task_folders.files(workspace, record.token))


def look(
    workspace: Workspace, here: Mapping[str, Launcher], *, silent_is_fatal: bool = False
) -> tuple[Sequence[Found], Sequence[str]]:
    """All tasks of a folder, oldest first, each launcher asked once; and what could not be said of some, for people.

    Raises `SchedulerSilentError` where a scheduler that does not answer is fatal.
    """
    records, warnings = _records(workspace)
    tasks = {
        record.token: of_record(workspace, record, here[record.launcher])
        for record in records
        if record.launcher in here
    }
    unsettled = [task for task in tasks.values() if task.ended() is None]
    silent = submitted_task.ask_all(unsettled)
    if silent and silent_is_fatal:
        raise SchedulerSilentError(silent[0], hint="nothing was changed; try again later")
    found = []
    for record in records:
        task = tasks.get(record.token)
        verdict = task.last_known() if task else _not_here(workspace, record)
        if record.state == "intent" and not submitting.submitting(record):
            verdict = replace(verdict, reason=INTERRUPTED)
        found.append(Found(record, verdict, task, task_folders.original(workspace, record.token)))
    return found, [*warnings, *silent]


def _records(workspace: Workspace) -> tuple[list[Submission], list[str]]:
    """Of all tasks that were submitted, or are about to be; and of those that cannot be read why."""
    records, unreadable = [], []
    for token in task_folders.tokens(workspace):
        try:
            record = task_folders.read(workspace, token)
            if record and (record := _as_decided(workspace, record)).state != "void":
                of_record(workspace, record, _NOBODY).ended()  # whether its notes can be read
                records.append(record)
        except WorkspaceError as error:
            unreadable.append(f"task {token} is left out: {error}")
    return records, unreadable


def _as_decided(workspace: Workspace, record: Submission) -> Submission:
    """An intent as its register has decided it, if it has: its submitter may have been killed before it wrote so."""
    decision = registers.settled(task_folders.files(workspace, record.token).register)
    return submitting.as_decided(record, decision) if record.state == "intent" and decision else record


class _Nobody(Launcher):
    """In the place of a launcher that is not here: it knows nothing."""

    name = "nobody"
    traits = Traits("nobody", starts_again=True)

    def script(self, batch: Batch) -> str:
        raise NotImplementedError

    def submit(self, batch: Batch) -> str | None:
        raise NotImplementedError

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        return {job.token: dict.fromkeys(job.offers, State(Phase.UNKNOWN)) for job in jobs}

    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        return dict.fromkeys(elements, "its launcher is not here")


_NOBODY = _Nobody()


def _not_here(workspace: Workspace, record: Submission) -> Verdict:
    """What its own notes say, with why nobody can be asked."""
    told = of_record(workspace, record, _NOBODY).last_known()
    if told.status is Status.COMPLETED:
        return told
    return replace(
        told, reason=f"it was submitted with {record.launcher}, {shipped.why_absent(record.launcher)}"
    )


def named(found: Sequence[Found], words: Iterable[str]) -> list[Found]:
    """Those that the words name, by token, job id or name. Raises `HerdError` for a word that names none."""
    chosen: dict[str, Found] = {}
    for word in words:
        mine = [one for one in found if word in (one.token, one.job, one.name)]
        if not mine:
            raise HerdError(
                f"no task {word}", hint="its token, its job's id or its name: herd status lists them"
            )
        chosen.update({one.token: one for one in mine})
    return list(chosen.values())


def stop(workspace: Workspace, found: Iterable[Found]) -> dict[str, str]:
    """Cancel these, those that have ended left out; what was refused: token -> words."""
    refused: dict[str, str] = {}
    for one in found:
        if words := _stopped(workspace, one) if one.lives else "":
            refused[one.token] = words
    return refused


def _stopped(workspace: Workspace, one: Found) -> str:
    """Why it was not; nothing where it was."""
    if one.task is None:
        return one.verdict.reason
    if one.elsewhere:
        return f"it belongs to {one.elsewhere}; stop it from there"
    try:
        if one.record.state == "intent":
            if submitting.submitting(one.record):
                return "it is being submitted right now; try again in a moment"
            words = submitting.give_up(one.task.launcher, one.task.job)
            task_folders.write(workspace, submitting.record_of(one.record, None))
            return next(iter(words.values()), "")
        one.task.cancel()
    except (LauncherError, SchedulerSilentError, WorkspaceError) as error:
        return str(error)
    return ""


def stop_all(workspace: Workspace, here: Mapping[str, Launcher], ending_s: float) -> None:
    """Cancel all that live and are ours, and wait for their ends, so long at most.

    Raises `HerdError` where one goes on, `SchedulerSilentError`.
    """
    found, _ = look(workspace, here, silent_is_fatal=True)
    living = [one for one in found if one.lives and not one.elsewhere]
    if refused := stop(workspace, living):
        token, words = next(iter(refused.items()))
        raise HerdError(f"task {token} could not be cancelled: {words}", hint="Nothing was deleted.")
    ending = [one.task for one in living if one.task and one.record.state != "intent"]
    try:
        submitted_task.until_ended(ending, ending_s)
    except TimeoutError as late:
        raise HerdError(str(late), hint="Nothing was deleted; look at herd status, and try again.") from late
