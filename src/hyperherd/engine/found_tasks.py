"""The tasks that Python has submitted in a folder, found again: how they stand, stopped, cleared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hyperherd.attempts import registers
from hyperherd.engine import submitted_task, submitting
from hyperherd.engine.submitted_task import SubmittedTask, Verdict
from hyperherd.errors import HerdError, LauncherError, SchedulerSilentError, nearest
from hyperherd.jobs import Job
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import submissions, task_folders
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission


@dataclass(frozen=True)
class Found:
    """A task and how it stands. ``task`` is None where its launcher is not here; ``job`` is its scheduler's id."""

    token: str
    name: str
    where: str
    job: str | None
    verdict: Verdict
    task: SubmittedTask | None

    @property
    def lives(self) -> bool:
        return self.verdict.status in LIVE


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
    task = SubmittedTask(record.name, launcher, job_of(workspace, record), workspace)
    task.stopped = bool(record.stopped)
    return task


def job_of(workspace: Workspace, record: Submission) -> Job:
    return submissions.job(workspace, record, files=task_folders.files(workspace, record.token))


def look(workspace: Workspace, here: Mapping[str, Launcher]) -> tuple[Sequence[Found], Sequence[str]]:
    """All tasks of a folder, oldest first, each launcher asked once; and what could not be said of some, for people."""
    read = (task_folders.read(workspace, token) for token in task_folders.tokens(workspace))
    records = [one for record in read if record and (one := _as_decided(workspace, record)).state != "void"]
    tasks = {
        record.token: of_record(workspace, record, here[record.launcher])
        for record in records
        if record.launcher in here
    }
    warnings = submitted_task.ask_all([task for task in tasks.values() if task.ended() is None])
    found = []
    for record in records:
        task = tasks.get(record.token)
        verdict = task.last_known() if task else _not_here(record)
        found.append(Found(record.token, record.name, record.where, record.slurm_job_id, verdict, task))
    return found, warnings


def _as_decided(workspace: Workspace, record: Submission) -> Submission:
    """An intent as its register has decided it, if it has: its submitter may have been killed before it wrote so."""
    decision = registers.settled(task_folders.files(workspace, record.token).register)
    return submitting.as_decided(record, decision) if record.state == "intent" and decision else record


def _not_here(record: Submission) -> Verdict:
    return Verdict(Status.SUBMITTED, f"{record.launcher} is {shipped.why_absent(record.launcher)}", None)


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


def stop(found: Iterable[Found]) -> dict[str, str]:
    """Cancel these, those that have ended left out; what was refused: token -> words."""
    refused: dict[str, str] = {}
    for one in found:
        if not one.lives:
            continue
        if one.task is None:
            refused[one.token] = one.verdict.reason
            continue
        try:
            one.task.cancel()
        except (LauncherError, SchedulerSilentError) as error:
            refused[one.token] = str(error)
    return refused


def stop_all(workspace: Workspace, here: Mapping[str, Launcher], ending_s: float) -> None:
    """Cancel all that live, and wait for their ends, so long at most. Raises `HerdError` where one goes on."""
    found, _ = look(workspace, here)
    living = [one for one in found if one.lives]
    if refused := stop(living):
        token, words = next(iter(refused.items()))
        raise HerdError(f"task {token} could not be cancelled: {words}", hint="Nothing was deleted.")
    try:
        submitted_task.until_ended([one.task for one in living if one.task], ending_s)
    except TimeoutError as late:
        raise HerdError(str(late), hint="Nothing was deleted; look at herd status, and try again.") from late
