"""Submissions of which nobody recorded an id: their submitter was killed, or is still at it, here or on another host.

The register decides (docs/architecture.md, "Exactly once"). Looking is only the polite first step: what is found is
adopted, and what is not found is given up by writing ``void``, after which it can never run anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec

from hyperherd import fsio
from hyperherd.attempts.registers import VOID
from hyperherd.fsio.processes import Identity, alive
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.workspace import submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

LATE_S = 3600.0
"""How long after a submission was given up its job may still turn up in the queue and is cancelled, to be tidy."""

FOREIGN_PATIENCE_S = 180.0
"""How long an intent of another host is left to its owner, of whom nothing can be known from here."""


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
    return decide(workspace, launchers, record)


def decide(workspace: Workspace, launchers: Mapping[str, Launcher], record: Submission) -> Submission:
    """The intent as it is settled now: adopted where its job exists, else given up."""
    launcher = launchers[record.launcher]
    decision = submissions.settled(workspace, record.token)
    if not decision:
        found = launcher.find([submissions.job(workspace, record)]).get(record.token)
        decision = submissions.settle(workspace, record.token, found or VOID)
    return as_decided(record, decision)


def as_decided(intent: Submission, decision: str) -> Submission:
    """The record of an intent once it is decided what it is: a job id, or `VOID`."""
    has_id = shipped.traits(intent.launcher).gives_ids
    return submissions.as_decided(intent, decision, has_id=has_id)


def submitting(record: Submission) -> bool:
    """Whether the submitter may still be at work; once it cannot be, the next ``herd run`` decides the intent."""
    try:
        known = alive(Identity.parse(record.owner)) if record.owner else False
    except ValueError:
        known = None
    if known is None:
        return time.time() - record.submitted_at < FOREIGN_PATIENCE_S
    return known
