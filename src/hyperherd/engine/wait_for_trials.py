"""Waiting: for the trials of a run to end, and for what a run shall come after."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from hyperherd import units
from hyperherd.attempts import variables
from hyperherd.attempts.filenames import Unit
from hyperherd.engine import facts, watch
from hyperherd.engine.facts import Fact, Known
from hyperherd.engine.shared_looks import ASK, Looks
from hyperherd.errors import HerdError, UsageError
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import attempt_folders, manifest, submissions
from hyperherd.workspace.folder import Workspace, find

_AWAIT_S = 1.0
"""Between two looks at what another run waits for, at least."""


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


class Trials:
    """Trials that are waited for (`watch.Watched`): until none of them changes by waiting. ``each`` is called with
    every look. A launcher that does not answer for a while is waited for.
    """

    def __init__(
        self,
        workspace: Workspace,
        launchers: Mapping[str, Launcher],
        indices: Iterable[int],
        each: Callable[[Known], None] = lambda _: None,
        looks: Looks = ASK,
    ) -> None:
        self._workspace = workspace
        self._launchers = launchers
        self._wanted = tuple(indices)
        self._each = each
        self._looks = looks
        self._least: Mapping[Unit, int] = {}
        self._unseen = False
        self.known: Known | None = None

    def look(self) -> object:
        """How they stand."""
        known = facts.read(self._workspace, self._launchers, silent_is_fatal=False, looks=self._looks)
        self.known = known
        self._each(known)
        wanted = [known.facts[index] for index in self._wanted if index in known.facts]
        runs = [run for fact in wanted if fact.moves for run in fact.runs if run.moves]
        self._unseen = bool(runs) and all(run.out_of_sight for run in runs)
        self._least = {run.unit: run.attempt or known.newest_attempt.get(run.unit, 0) + 1 for run in runs}
        return [(fact.status, fact.attempt) for fact in wanted]

    def glance(self) -> object:
        """The number of each one's newest attempt, if all of these have noted their ends."""
        listed = attempt_folders.read(self._workspace, self._least.keys())
        newest = [listed.newest.get(unit, 0) for unit in self._least]
        ended = all(
            attempt >= least and (unit, attempt) in listed.outcomes
            for (unit, least), attempt in zip(self._least.items(), newest, strict=True)
        )
        return newest if ended else None

    def over(self) -> bool:
        """Whether none of them moves any more, or all that might are out of sight from here."""
        return not self._least or self._unseen


def until_ended(trials: Trials, pause_s: float) -> Known:
    """Look until none of these trials changes by waiting; return what was known at the last look."""
    watch.until_over(trials, pause_s)
    assert trials.known is not None, "it looks at once"
    return trials.known


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
    known = until_ended(Trials(workspace, launchers, every, looks=Looks.shared(pause_s)), pause_s)
    return all(f.status is Status.COMPLETED for f in known.facts.values() if not f.trial.orphan)
