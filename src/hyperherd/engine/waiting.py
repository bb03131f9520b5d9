"""Waiting: for the trials of a run to end, and for what a run shall come after."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hyperherd.engine import reconcile
from hyperherd.engine.reconcile import Known
from hyperherd.errors import HerdError, UsageError
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import attempts, submissions
from hyperherd.workspace.folder import Workspace, find

PAUSE_S = {"local": 0.25, "slurm": 30.0}
"""Between two looks. Sites ask for no more than one squeue in 30 to 60 seconds."""

LOOKING = 10.0
"""Pauses are at least so many times as long as a look, which takes a second where there are 100,000 trials."""


def until_ended(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    indices: Iterable[int],
    each: Callable[[Known], None],
    pause_s: float,
) -> Known:
    """Look until none of these trials is live, calling ``each`` with every look; return the last one.

    A launcher that does not answer for a while is waited for.
    """
    wanted = tuple(indices)
    while True:
        begun = time.monotonic()
        known = reconcile.read(workspace, launchers, silent_is_fatal=False)
        each(known)
        if not any(known.facts[index].status in LIVE for index in wanted if index in known.facts):
            return known
        time.sleep(max(pause_s, LOOKING * (time.monotonic() - begun)))


def ended_here(workspace: Workspace, indices: Iterable[int], known: Known) -> int:
    """How many of these trials' newest attempts have noted an end; a listing, asking nobody."""
    notes = attempts.read(workspace).notes
    first = {index: known.newest_attempt.get(index, 0) + 1 for index in indices}
    return sum(1 for (index, attempt) in notes if index in first and attempt >= first[index])


def after(word: str, launcher: str) -> tuple[str, ...]:
    """``--after`` as the launcher understands it: job ids for Slurm, a command that waits for this machine.

    Raises `UsageError`, and `HerdError` for a workspace that has nothing to wait for.
    """
    if word.replace("_", "").isdigit() and not Path(word).is_dir():
        if launcher == "slurm":
            return (word,)
        raise UsageError(
            f"--after {word}: this machine knows no jobs", hint="name a workspace, or run on Slurm"
        )
    workspace = find(Path(word))
    if launcher == "local":
        return (sys.executable, "-m", "hyperherd", "await", str(workspace.root))
    ids = [record.slurm_job_id for record in submissions.read(workspace) if record.state == "submitted"]
    jobs = tuple(job for job in ids if job)
    if not jobs:
        raise HerdError(
            f"nothing was submitted to Slurm from {workspace.root}", hint="run it first, or leave --after out"
        )
    return jobs


def until_succeeded(workspace: Workspace, launchers: Mapping[str, Launcher]) -> bool:
    """Wait until no trial of the workspace is live; whether all that are not orphans have completed."""
    pause_s = PAUSE_S["slurm"] if _on_slurm(workspace) else 1.0
    every = [trial.index for trial in reconcile.read(workspace, {}, silent_is_fatal=False).manifest.trials]
    known = until_ended(workspace, launchers, every, lambda _: None, pause_s)
    return all(f.status is Status.COMPLETED for f in known.facts.values() if not f.trial.orphan)


def _on_slurm(workspace: Workspace) -> bool:
    return any(record.launcher == "slurm" for record in submissions.read(workspace))
