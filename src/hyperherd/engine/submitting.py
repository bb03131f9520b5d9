"""One submission: handed to its launcher, its register settled; recovered, where nobody recorded what became of it.

The register decides (docs/architecture.md, "Exactly once"). Looking is only the polite first step: what is found is
adopted, and what is not found is given up by writing ``void``, after which it can never run anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from hyperherd import fsio
from hyperherd.attempts import registers
from hyperherd.attempts.registers import VOID
from hyperherd.errors import (
    SchedulerSilentError,
    SubmissionRefusedError,
    SubmissionUnknownError,
    WorkspaceError,
)
from hyperherd.fsio.processes import Identity, alive
from hyperherd.jobs import Batch, Job
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.workspace import submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

LATE_S = 3600.0
"""How long after a submission was given up its job may still turn up in the queue and is cancelled, to be tidy."""

FOREIGN_PATIENCE_S = 180.0
"""How long an intent of another host is left to its owner, of whom nothing can be known from here."""


def hand_over(launcher: Launcher, batch: Batch, job: Job) -> Job:
    """Submit a batch whose script is written and whose intent, ``job``, is recorded; what became of it, with its id.

    Raises `SubmissionRefusedError` and `SubmissionUnknownError`, after which it never runs anything, and
    `SchedulerSilentError`, after which nobody knows yet.
    """
    try:
        job_id = launcher.submit(batch)
    except SubmissionRefusedError:
        registers.settle(job.files.register, VOID)
        raise
    except SubmissionUnknownError:
        found = decide(launcher, job)
        if found is None:
            raise
        return found
    if job_id is None:
        return job
    settled = _as(launcher, job, registers.settle(job.files.register, job_id))
    if (
        settled is None or settled.job_id != job_id
    ):  # or its script was submitted by hand, and that job began first
        launcher.cancel(replace(job, job_id=job_id), list(job.offers))
    if settled is None:
        raise SubmissionRefusedError("another herd command took this submission for dead and gave it up")
    return settled


def decide(launcher: Launcher, job: Job) -> Job | None:
    """An intent as it is settled now: adopted where its job exists, else given up (None). Raises
    `SchedulerSilentError`.
    """
    decision = registers.settled(job.files.register)
    if not decision:
        found = launcher.find([job]).get(job.token)
        decision = registers.settle(job.files.register, found or VOID)
    return _as(launcher, job, decision)


def give_up(launcher: Launcher, job: Job) -> Mapping[int, str]:
    """See that it does not run, or not any more, whether it has been submitted or not. Return the launcher's words
    where it goes on.
    """
    try:
        settled = _as(launcher, job, registers.settle(job.files.register, job.job_id or VOID))
    except WorkspaceError:  # a full disk: it can be cancelled all the same
        settled = _found(launcher, job)
    return launcher.cancel(settled, list(job.offers)) if settled else {}


def _found(launcher: Launcher, job: Job) -> Job | None:
    if not launcher.traits.gives_ids or job.job_id:
        return job
    try:
        job_id = launcher.find([job]).get(job.token)
    except SchedulerSilentError:
        return None
    return replace(job, job_id=job_id) if job_id else None


def _as(launcher: Launcher, job: Job, decision: str) -> Job | None:
    if decision == VOID:
        return None
    return replace(job, job_id=decision) if launcher.traits.gives_ids else job


def recover(workspace: Workspace, launchers: Mapping[str, Launcher], lock: fsio.Lock) -> None:
    """Decide every intent whose submitter is gone. The caller holds the lock."""
    records = submissions.read(workspace)
    decided = [_decided(workspace, launchers, record) for record in records]
    if decided != records:
        lock.check()
        submissions.write(workspace, decided)
    _cancel_what_came_late(workspace, launchers, decided)


def _cancel_what_came_late(
    workspace: Workspace, launchers: Mapping[str, Launcher], records: Sequence[Submission]
) -> None:
    """Jobs of submissions that were given up run nothing; but they wait, and count against the user's limits."""
    now = time.time()
    of_launcher: dict[str, list[Submission]] = {}
    for record in records:
        if record.state == "void" and now - record.submitted_at < LATE_S and record.launcher in launchers:
            of_launcher.setdefault(record.launcher, []).append(record)
    for name, void in of_launcher.items():
        if shipped.traits(name).gives_ids:
            _cancel_those_found(workspace, launchers[name], void)


def _cancel_those_found(workspace: Workspace, launcher: Launcher, void: Sequence[Submission]) -> None:
    found = launcher.find([submissions.job(workspace, record) for record in void])
    for record in void:
        if record.token in found and submissions.original(workspace, record) is None:
            late = msgspec.structs.replace(record, slurm_job_id=found[record.token])
            launcher.cancel(submissions.job(workspace, late), late.numbers)


def _decided(workspace: Workspace, launchers: Mapping[str, Launcher], record: Submission) -> Submission:
    if record.state != "intent" or record.launcher not in launchers:
        return record
    if not submissions.settled(workspace, record.token) and submitting(record):
        return record
    job = decide(launchers[record.launcher], submissions.job(workspace, record))
    return record_of(record, job)


def record_of(intent: Submission, job: Job | None) -> Submission:
    """The record of an intent that has become this job, or nothing."""
    if job is None:
        return msgspec.structs.replace(intent, state="void")
    return msgspec.structs.replace(intent, state="submitted", slurm_job_id=job.job_id)


def as_decided(intent: Submission, decision: str) -> Submission:
    """The record of an intent once it is decided what it is: a job id, or `VOID`."""
    if decision == VOID:
        return msgspec.structs.replace(intent, state="void")
    job_id = decision if shipped.traits(intent.launcher).gives_ids else None
    return msgspec.structs.replace(intent, state="submitted", slurm_job_id=job_id)


def submitting(record: Submission) -> bool:
    """Whether the submitter may still be at work; once it cannot be, the next ``herd run`` decides the intent."""
    try:
        known = alive(Identity.parse(record.owner)) if record.owner else False
    except ValueError:
        known = None
    if known is None:
        return time.time() - record.submitted_at < FOREIGN_PATIENCE_S
    return known
