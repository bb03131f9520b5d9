"""Slurm's word for a trial, as ``herd stats`` promises it on every launcher."""

from __future__ import annotations

from hyperherd.engine.snapshot import TrialView
from hyperherd.jobs import Usage
from hyperherd.sweep.trial import Status

_WORDS = {
    Status.SUBMITTED: "PENDING",
    Status.QUEUED: "PENDING",
    Status.RUNNING: "RUNNING",
    Status.COMPLETED: "COMPLETED",
    Status.FAILED: "FAILED",
    Status.CANCELLED: "CANCELLED",
}


def state(view: TrialView, used: Usage) -> str:
    """The scheduler's own word where it has one. It has none on this machine, nor for a trial of which sacct has no row
    of its own (one that was cancelled while it waited); nothing for a trial that was never submitted.
    """
    return used.word or (_WORDS.get(view.status, "") if view.submitted else "")
