"""One trial in a state of its own, below ``.hyperherd/drill``: submitted, watched, sent a signal.

A drill makes two such runs of a trial, ``herd test --on slurm`` one.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd.attempts import listing, registers
from hyperherd.attempts.filenames import AttemptFolder, Outcome, Unit
from hyperherd.engine import wait_for_trials, watch
from hyperherd.engine.describe import Description
from hyperherd.engine.facts import Fact
from hyperherd.engine.launch import Made, Prepared
from hyperherd.engine.pieces import Run, RunRequest
from hyperherd.engine.placing import Wish
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import HerdError, SubmissionRefusedError
from hyperherd.jobs import Phase
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace import attempt_folders, layout, manifest, results, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.manifest import Manifest

GLANCE_S = 0.1
"""Between two looks at what the trial has written; the scheduler is asked much more seldom."""


@dataclass(frozen=True)
class Side:
    """The trial as it is called in this run, and the state in which it is the only one."""

    sweep: Sweep
    run: Run
    trial: Trial
    attempts: AttemptFolder
    tell: Callable[[str], None]

    @property
    def workspace(self) -> Workspace:
        return self.sweep.workspace

    def points(self) -> dict[str, list[results.Point]]:
        return results.logged(self.workspace.results, self.trial.index)

    @property
    def unit(self) -> Unit:
        return Unit(self.trial.index)

    def claimed_at(self, attempt: int) -> float | None:
        return written_at(self.attempts.claim(self.unit, attempt))

    def ended_at(self, attempt: int) -> float | None:
        outcome = self.outcome(attempt)
        return written_at(self.attempts.note(self.unit, attempt, outcome)) if outcome else None

    def outcome(self, attempt: int) -> Outcome | None:
        return listing.read([self.attempts], [self.unit]).outcomes.get((self.unit, attempt))

    def fact(self) -> Fact:
        """Raises `HerdError` where somebody has deleted its files."""
        try:
            known = self.sweep.known()
        except HerdError as error:  # some of them were there yet
            if self.workspace.manifest.exists():
                raise
            raise self._gone() from error
        if self.trial.index not in known.facts:
            raise self._gone()
        return known.facts[self.trial.index]

    def _gone(self) -> HerdError:
        hint = f"if its trial goes on: squeue --name {self.run.description.job_name}, or ps"
        return HerdError(f"somebody has deleted {self.workspace.state}", hint=hint)

    def start(self, announce: Callable[[Prepared], None] = lambda _: None) -> Going:
        """Submitted. Raises `SubmissionRefusedError`, `HerdError`."""
        _, made = self.sweep.carry_out(self.run, announce)
        if not made:
            raise HerdError(
                f"trial {self.trial.index} was not submitted again",
                hint="herd drill --keep, and look at its state",
            )
        if made[0].refused:
            raise SubmissionRefusedError(f"the drill was not submitted: {made[0].refused}")
        record = made[0].record
        self.tell(
            f"  submitted as job {record.slurm_job_id}"
            if record.slurm_job_id
            else f"  started on {record.where}"
        )
        return Going(self, made[0])


@dataclass(frozen=True)
class Going:
    """A side that was submitted."""

    side: Side
    made: Made

    @property
    def launcher(self) -> Launcher:
        return self.made.piece.place.launcher

    @property
    def element(self) -> int:
        (number,) = self.made.record.numbers
        return number

    def signal(self, name: str) -> str:
        job = submissions.job(self.side.workspace, self.made.record)
        return self.launcher.tell(job, self.element, name)

    def hasten(self) -> str:
        job = submissions.job(self.side.workspace, self.made.record)
        return self.launcher.hasten(job, self.element)

    def until(self, true: Callable[[], bool]) -> bool:
        """Wait until it is true, or (False) until the trial's status changes by waiting no more."""
        watched = _Until(self, true)
        watch.until_over(watched, wait_for_trials.pause_s(self.launcher.name), glance_s=GLANCE_S)
        return watched.is_true

    def until_ended(self) -> None:
        """Wait until its status changes by waiting no more."""
        self.until(lambda: False)


@contextlib.contextmanager
def folder(sweep: Sweep, tell: Callable[[str], None], *, keep: bool = False) -> Iterator[Path]:
    """A new place for such states. At the end, also after Ctrl-C, what runs in them is stopped, and (unless ``keep``)
    they are deleted. Raises `HerdError` where it goes on.
    """
    made = sweep.workspace.state / layout.DRILL / registers.new_token()
    try:
        yield made
    except (KeyboardInterrupt, SystemExit):
        with contextlib.suppress(OSError):  # the terminal may be gone
            tell("stopping what was started ...")
        raise
    finally:
        for apart in sweep.workspace.drills:
            if apart.state.parent == made:
                _clean(replace(sweep, workspace=apart), keep=keep)
        if not keep:
            for empty in (made, made.parent, sweep.workspace.state):
                with contextlib.suppress(OSError):  # somebody else's things are in it
                    empty.rmdir()


def _clean(apart: Sweep, *, keep: bool) -> None:
    try:
        apart.clean(everything=not keep)
    except HerdError as error:
        jobs = [record.slurm_job_id for record in submissions.read(apart.workspace) if record.slurm_job_id]
        stop = f"scancel {' '.join(jobs)}; when it has ended: " if jobs else "when it has ended: "
        raise HerdError(
            f"what was started may go on: {error.what}",
            hint=f"{stop}rm -rf {shlex.quote(str(apart.workspace.state.parent))}",
        ) from error


def alone(  # a run in a place
    sweep: Sweep,
    description: Description,
    trial: Trial,
    wish: Wish,
    place: Path,
    tell: Callable[[str], None],
) -> Side:
    """A state in ``place`` in which the trial is the only one."""
    workspace = replace(sweep.workspace, apart=place)
    workspace.make_folders()
    description = replace(description, spec=replace(description.spec, notify=()))
    only = [one for one in description.trials if one.hash == trial.hash]
    proposal = replace(description.proposal, trials=only, proposed=only)
    begun = manifest.begin(workspace, Manifest(), registers.new_generation())
    with_it = replace(begun, trials=(trial,), next_index=trial.index + 1, name=description.spec.name)
    manifest.write(workspace, with_it, {trial.index: Status.READY})
    apart = replace(sweep, workspace=workspace)
    run = apart.asked(replace(description, proposal=proposal), RunRequest(wish, Choice(lost=True)))
    (attempts,) = attempt_folders.folders(workspace)
    return Side(apart, run, trial, attempts, tell)


class _Until:
    """Something that comes true, or a trial that moves no more (`watch.Watched`)."""

    def __init__(self, going: Going, true: Callable[[], bool]) -> None:
        self._going = going
        self._true = true
        self._moves = True
        self._hastened = False
        self.is_true = False

    def look(self) -> object:
        """How the trial stands, unless it is true already; what was queued again is hastened once."""
        side = self._going.side
        self.glance()
        if self.is_true:
            return None
        fact = side.fact()
        self._moves = fact.moves
        begins = fact.state.phase is Phase.QUEUED and fact.state.reason.startswith("BeginTime")
        if begins and not self._hastened:
            self._hastened = True
            side.tell(f"  queued again{_later(self._going.hasten())}")
        return fact.status, fact.attempt

    def glance(self) -> object:
        """What the trial has written."""
        self.is_true = self.is_true or self._true()
        return listing.read([self._going.side.attempts])

    def over(self) -> bool:
        return self.is_true or not self._moves


def written_at(file: Path) -> float | None:
    """When it was, by the clock of its disk; None where there is none."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None


def _later(refusal: str) -> str:
    return f"; it begins in about two minutes, for Slurm would not hasten it: {refusal}" if refusal else ""
