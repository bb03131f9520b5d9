"""Waiting: for the trials of a run to end, and for what a run shall come after."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from hyperherd import units
from hyperherd.attempts import variables
from hyperherd.attempts.filenames import Unit
from hyperherd.engine import facts
from hyperherd.engine.facts import Fact, Known
from hyperherd.errors import HerdError, UsageError
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import attempt_folders, manifest, submissions
from hyperherd.workspace.folder import Workspace, find

LOOKING = 10.0
"""Pauses are at least so many times as long as a look, which takes a second where there are 100,000 trials."""

_AWAIT_S = 1.0
"""Between two looks at what another run waits for, at least."""

NOTES_S = 1.0
"""Between two listings of the notes that trials leave at their ends; they lie on disk, and nobody is asked."""


def pause_s(*launchers: str) -> float:
    """Between two looks at trials of these launchers; the environment may say otherwise. Raises `UsageError`."""
    text = os.environ.get(variables.POLL_S)
    if not text:
        return max(shipped.traits(launcher).pause_s for launcher in launchers)
    seconds = units.positive(text)
    if seconds is None:
        what = f"{variables.POLL_S}={text}: a number of seconds above 0 expected"
        raise UsageError(what, hint=f"unset {variables.POLL_S}")
    return seconds


def until_ended(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    indices: Iterable[int],
    each: Callable[[Known], None],
    pause_s: float,
) -> Known:
    """Look until none of these trials changes by waiting, calling ``each`` with every look; return the last one.

    A launcher that does not answer for a while is waited for.
    """
    wanted = tuple(indices)
    rhythm = Rhythm(workspace, pause_s)
    while True:
        known = facts.read(workspace, launchers, silent_is_fatal=False)
        each(known)
        if not rhythm.looked(known, wanted):
            return known
        while not rhythm.due():
            time.sleep(min(NOTES_S, pause_s))


class Rhythm:
    """When to look again at trials that are waited for.

    A look asks their launcher, and so comes once in ``pause_s``. Their notes of their ends are listed each second: once
    all of them have ended by that, a look is due at once. Where the launcher still shows one (its job is ending, or is
    queued again), the next looks follow after 1 s, 2 s, 4 s, ... until the pause is as long as before.
    """

    def __init__(self, workspace: Workspace, pause_s: float) -> None:
        self._workspace = workspace
        self._pause_s = pause_s
        self._begun = self._look_at = self._list_at = time.monotonic()
        self._soon_s = NOTES_S
        self._least: Mapping[Unit, int] = {}
        self._seen: Sequence[int] | None = None

    def looked(self, known: Known, wanted: Sequence[int]) -> bool:
        """Plan the next look after this one, which began when the last was due; whether any of them still moves."""
        moving = [known.facts[index] for index in wanted if index in known.facts and known.facts[index].moves]
        runs = [run for fact in moving for run in fact.runs if run.moves]
        self._least = {run.unit: run.attempt or known.newest_attempt.get(run.unit, 0) + 1 for run in runs}
        took_s = time.monotonic() - self._begun
        noted = self._all_noted()
        self._soon_s = 2 * self._soon_s if noted == self._seen else NOTES_S
        self._seen = noted
        pause_s = self._pause_s if noted is None else min(self._soon_s, self._pause_s)
        self._look_at = time.monotonic() + max(pause_s, LOOKING * took_s)
        return bool(moving)

    def due(self) -> bool:
        """Whether to look now."""
        self._begun = time.monotonic()
        if self._begun >= self._look_at:
            return True
        if self._begun < self._list_at:
            return False
        noted = self._all_noted()
        return noted is not None and noted != self._seen

    def _all_noted(self) -> Sequence[int] | None:
        """The number of each one's newest attempt, if all of these have noted their ends."""
        begun = time.monotonic()
        listed = attempt_folders.read(self._workspace, self._least.keys())
        newest = [listed.newest.get(unit, 0) for unit in self._least]
        ended = all(
            attempt >= least and (unit, attempt) in listed.outcomes
            for (unit, least), attempt in zip(self._least.items(), newest, strict=True)
        )
        now = time.monotonic()
        self._list_at = now + max(NOTES_S, LOOKING * (now - begun))
        return newest if ended else None


def after(word: str, launcher: Launcher, launchers: Mapping[str, Launcher]) -> tuple[str, ...]:
    """``--after`` as the launcher understands it: job ids for Slurm, a command that waits for this machine; nothing
    for a workspace whose trials have all completed.

    Raises `UsageError`, `HerdError` for a workspace that will not succeed by waiting, and `SchedulerSilentError`.
    """
    if word.replace("_", "").isdigit() and not Path(word).is_dir():
        if launcher.traits.waits_for_jobs:
            return (word,)
        raise UsageError(
            f"--after {word}: {launcher.traits.title} knows no jobs", hint="name a workspace, or run on Slurm"
        )
    workspace = find(Path(word))
    known = facts.read(workspace, launchers, silent_is_fatal=True)
    wanted = [fact for fact in known.facts.values() if not fact.trial.orphan]
    _refuse_what_will_not_succeed(workspace, wanted)
    live = [fact for fact in wanted if fact.status in LIVE]
    if not launcher.traits.waits_for_jobs or not live:
        return (sys.executable, "-m", "hyperherd", "await", str(workspace.root)) if live else ()
    return _jobs(workspace, live, known, launcher)


def _refuse_what_will_not_succeed(workspace: Workspace, facts: Sequence[Fact]) -> None:
    again = f"run it: herd run {shlex.quote(str(workspace.root))}; or leave --after out"
    if not facts:
        raise HerdError(f"nothing was run in {workspace.root}", hint=again)
    bad = [fact for fact in facts if fact.status not in LIVE and fact.status is not Status.COMPLETED]
    if bad:
        raise HerdError(
            f"{units.counted(len(bad), 'trial')} of {workspace.root} will not succeed by waiting; "
            f"trial {bad[0].trial.index} is {bad[0].status}",
            hint=again,
        )


def _jobs(workspace: Workspace, live: Sequence[Fact], known: Known, launcher: Launcher) -> tuple[str, ...]:
    """What it has to wait for: a job by its id; of one in which others have failed, the elements that live."""
    words: list[str] = []
    runs = [run for fact in live for run in fact.runs if run.status in LIVE]
    elements = {(run.submission.token, run.unit) for run in runs if run.submission}
    for record in known.submissions:
        mine = [n for n, (unit, _) in record.offers.items() if (record.token, unit) in elements]
        if not mine:
            continue
        not_its = record.launcher != launcher.name or record.where not in ("", launcher.where())
        if not_its or record.slurm_job_id is None:
            where = "is being submitted" if record.state == "intent" else f"is on {record.where}"
            raise HerdError(
                f"trial {record.trials[0]} of {workspace.root} {where}, and {launcher.traits.title} cannot wait for it",
                hint="wait until it has ended: herd status " + shlex.quote(str(workspace.root)),
            )
        whole = all(_good(known, record.token, unit) for unit in record.units)
        words += [record.slurm_job_id] if whole else [f"{record.slurm_job_id}_{number}" for number in mine]
    return tuple(words)


def _good(known: Known, token: str, unit: Unit) -> bool:
    """Whether the element has not ended badly: it is the newest of its unit, and lives or has completed."""
    fact = known.facts.get(unit.trial)
    run = next((run for run in fact.runs if run.unit == unit), None) if fact else None
    if run is None or run.submission is None or run.submission.token != token:
        return False
    return run.status in LIVE or run.status is Status.COMPLETED


def until_succeeded(workspace: Workspace, launchers: Mapping[str, Launcher]) -> bool:
    """Wait until no trial of the workspace is live; whether all that are not orphans have completed."""
    used = [record.launcher for record in submissions.read(workspace)]
    pause_s = max([_AWAIT_S, *(shipped.traits(launcher).pause_s for launcher in used)])
    every = [trial.index for trial in manifest.read(workspace).trials]
    known = until_ended(workspace, launchers, every, lambda _: None, pause_s)
    return all(f.status is Status.COMPLETED for f in known.facts.values() if not f.trial.orphan)
