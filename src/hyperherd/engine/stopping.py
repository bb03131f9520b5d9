"""``herd stop`` and ``herd clean``: what was asked to run is asked to end."""

from __future__ import annotations

import contextlib
import glob
import itertools
import secrets
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperherd import fsio, units
from hyperherd.attempts import registers
from hyperherd.attempts.registers import VOID
from hyperherd.engine import facts, off_record, shared_looks, submitting, watch
from hyperherd.engine.facts import Fact, Known
from hyperherd.engine.watch import CLOCK, Clock
from hyperherd.errors import HerdError, SchedulerSilentError, WorkspaceError
from hyperherd.jobs import copies
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher, Stray
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.workspace import generations, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

ENDING_S = 90.0
"""How long cancelled jobs are given to end before their files are deleted; Slurm's KillWait is 30 s."""


@dataclass(frozen=True)
class Stopped:
    """The trials that were cancelled, as they were before, and what was refused: trial index -> words. ``strays``: jobs
    that were not on record, each with the words of a refusal, or "". ``not_noted``: why that could not be written down.
    ``noted``: what is written down, by submission.
    """

    cancelled: Sequence[Fact]
    refused: Mapping[int, str]
    strays: Mapping[Stray, str] = field(default_factory=dict)
    not_noted: str = ""
    noted: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all was cancelled, and noted."""
        return not (self.refused or self.not_noted or any(self.strays.values()))


def stop(workspace: Workspace, launchers: Mapping[str, Launcher], wanted: Iterable[int] | None) -> Stopped:
    """Cancel these trials, or all (None), with living jobs of this folder that are not on record. Those that are not
    live are left out.

    Raises `SchedulerSilentError`. A refused cancel leaves the trial as it was. Damaged files, and a full disk, keep
    nothing from being cancelled.
    """
    known = facts.read(workspace, launchers, silent_is_fatal=True, lenient=True)
    strays = _cancel_strays(workspace, launchers, known) if wanted is None else {}
    chosen = known.facts.values() if wanted is None else [known.facts[index] for index in wanted]
    live = [fact for fact in chosen if fact.status in LIVE and fact.submission is not None]
    by_token: dict[str, list[int]] = {}
    for run in itertools.chain.from_iterable(fact.runs for fact in live):
        if run.status in LIVE and run.submission is not None:
            by_token.setdefault(run.submission.token, []).append(run.element)
    if not live:
        return Stopped([], {}, strays)
    refused: dict[int, str] = {}
    stopped: dict[str, list[int]] = {}
    for submission in known.submissions:
        if asked := by_token.get(submission.token):
            words = _cancel(workspace, launchers, submission, asked)
            offers = submission.offers
            stopped[submission.token] = [offers[n].unit.number for n in asked if n not in words]
            refused.update((offers[n].unit.trial, why) for n, why in words.items())
    shared_looks.forget()
    cancelled = [fact for fact in live if fact.trial.index not in refused]
    done = Stopped(cancelled, refused, strays, noted=stopped)
    return _noted(workspace, done) if any(stopped.values()) else done


def _noted(workspace: Workspace, stopped: Stopped) -> Stopped:
    """Put it on record, or say why that could not be."""
    try:
        with fsio.Lock(workspace.lock) as lock:
            submissions.note_stopped(workspace, stopped.noted, lock)
            cancelled = {fact.trial.index: Status.CANCELLED for fact in stopped.cancelled}
            manifest.note_statuses(workspace, cancelled)
    except WorkspaceError as error:
        return replace(stopped, not_noted=str(error))
    return replace(stopped, not_noted="")


def _cancel_strays(workspace: Workspace, launchers: Mapping[str, Launcher], known: Known) -> dict[Stray, str]:
    done: dict[Stray, str] = {}
    for name in launchers:
        with contextlib.suppress(
            SchedulerSilentError
        ):  # one that has trials on record was asked, and has answered
            found = off_record.living(
                workspace, {name: launchers[name]}, known.submissions, known.manifest.generation
            ).get(name, [])
            refused = launchers[name].cancel_strays(found) if found else {}
            done |= {stray: refused.get(stray, "") for stray in found}
    return done


def _cancel(
    workspace: Workspace, launchers: Mapping[str, Launcher], submission: Submission, elements: Sequence[int]
) -> dict[int, str]:
    """What was refused: element -> words. What has not been submitted yet is given up whole, or not at all."""
    launcher = launchers.get(submission.launcher)
    if launcher is None:
        words = f"it was submitted with {submission.launcher}, {shipped.why_absent(submission.launcher)}"
        return dict.fromkeys(elements, words)
    if elsewhere := submissions.original(workspace, submission):
        return dict.fromkeys(elements, f"it belongs to {elsewhere}; stop it from there")
    generation = registers.generation_of(submission.token)
    if generation and generations.place(workspace, generation) is generations.Place.COPY:
        return dict.fromkeys(
            elements, "this folder may be a copy: say so with herd repair --copied, or --moved"
        )
    if submission.state == "intent":
        whole = set(elements) >= set(submission.numbers)
        if whole and submissions.settle(workspace, submission.token, VOID) == VOID:
            return {}
        if not submitting.submitting(submission):
            return dict.fromkeys(
                elements, "its submission was interrupted: herd stop --all gives up all of it"
            )
        return dict.fromkeys(elements, "it is being submitted right now; try again in a moment")
    if submission.where not in ("", launcher.where()):
        return dict.fromkeys(elements, f"it runs on {submission.where}; stop it from there")
    return launcher.cancel(submissions.job(workspace, submission, elements), elements)


def clean(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    *,
    logs: bool,
    everything: bool,
    clock: Clock = CLOCK,
) -> Stopped:
    """Cancel all; with ``logs`` delete the logs, with ``everything`` the whole state, drills too, once nothing runs any
    more.

    Raises `HerdError` where something could not be cancelled or does not end, and `DamagedFileError`: nothing is
    deleted then.
    """
    facts.read(workspace, {}, silent_is_fatal=False)  # a damaged record is mended first
    if everything:
        _clean_beside(workspace, launchers, clock)
    stopped = stop(workspace, launchers, None)
    if stopped.refused:
        index, words = next(iter(stopped.refused.items()))
        raise HerdError(f"trial {index} could not be cancelled: {words}", hint="Nothing was deleted.")
    if logs or everything:
        if stopped.cancelled:
            _wait_for_the_end(workspace, launchers, clock)
        _delete(workspace.state if everything else workspace.logs)
        if everything and workspace.script:
            with contextlib.suppress(OSError):  # what a user has put there stays
                workspace.root.rmdir()
    if everything:
        stopped = replace(stopped, not_noted="")
    elif logs:
        workspace.make_folders()
        if stopped.not_noted:  # there is room now
            stopped = _noted(workspace, stopped)
    if not _live(facts.read(workspace, {}, silent_is_fatal=False)):
        _delete_copies(workspace)
    return stopped


def _clean_beside(workspace: Workspace, launchers: Mapping[str, Launcher], clock: Clock) -> None:
    """What lives in the folder beside the sweep's trials: drills, and tasks of Python's."""
    from hyperherd.engine import found_tasks  # for those who clean all

    for drill in workspace.drills:
        try:
            clean(drill, launchers, logs=False, everything=True, clock=clock)
        except HerdError:
            if drill.state.exists():  # else its own herd has cleared up meanwhile
                raise
    found_tasks.stop_all(workspace, launchers, ENDING_S)


def _delete_copies(workspace: Workspace) -> None:
    """What attempts that were killed have left beside a user's script: the files that they ran."""
    if workspace.script:
        copy, extension = copies(workspace.script)
        pattern = f"{glob.escape(copy.name)}[0-9]*.[0-9]*-[0-9]*-*{glob.escape(extension)}"
        for left in copy.parent.glob(pattern):
            left.unlink(missing_ok=True)


def _delete(folder: Path) -> None:
    """All of it or nothing: it gets another name first, so that nobody meets half of it. Raises `WorkspaceError`."""
    doomed = folder.with_name(f"{folder.name}.deleted-{secrets.token_hex(4)}")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkspaceError(
            f"cannot be deleted: {error.strerror}",
            where=str(folder),
            hint="Nothing was deleted; you need the right to write in the folder above it.",
        ) from error
    try:
        shutil.rmtree(doomed)
    except OSError as error:
        raise WorkspaceError(
            f"deleted in part: {error.strerror}",
            where=str(error.filename),
            hint=f"herd no longer uses what is left; delete it yourself: rm -rf {shlex.quote(str(doomed))}",
        ) from error


class _Ending:
    """All trials of a workspace, until none lives (`watch.Watched`). Raises `SchedulerSilentError`."""

    def __init__(self, workspace: Workspace, launchers: Mapping[str, Launcher]) -> None:
        self._workspace = workspace
        self._launchers = launchers
        self.live: list[int] = []

    def look(self) -> object:
        self.live = _live(facts.read(self._workspace, self._launchers, silent_is_fatal=True))
        return None

    def glance(self) -> object:
        return None

    def over(self) -> bool:
        return not self.live


def _wait_for_the_end(workspace: Workspace, launchers: Mapping[str, Launcher], clock: Clock) -> None:
    ending = _Ending(workspace, launchers)
    if not watch.until_over(ending, 1.0, timeout_s=ENDING_S, clock=clock):
        raise HerdError(
            f"{units.counted(len(ending.live), 'cancelled trial')} still running, the first is {ending.live[0]}",
            hint="Nothing was deleted; look at herd status, and try again.",
        )


def _live(known: Known) -> list[int]:
    return [index for index, fact in known.facts.items() if fact.status in LIVE]
