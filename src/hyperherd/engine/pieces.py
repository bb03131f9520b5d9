"""What a run submits: its trials in pieces, each of which one launcher takes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperherd.attempts import registers
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.engine import wait_for_trials
from hyperherd.engine.batches import Maker
from hyperherd.engine.describe import Description
from hyperherd.engine.facts import Known
from hyperherd.engine.placing import Place, Wish
from hyperherd.errors import HerdError
from hyperherd.jobs import Batch, Element, Requeue
from hyperherd.launchers import splitting
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.splitting import Limits
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace import attempt_folders
from hyperherd.workspace.folder import Workspace

SHOWN = 20
"""Trials in an error that names them."""


@dataclass(frozen=True)
class RunRequest:
    """What the user asked of a run. ``at_once`` overrides the YAML's; ``after`` is a job id or a workspace.

    ``requeue``: whether trials are queued again by themselves; None: as the YAML says.
    """

    wish: Wish = field(default_factory=Wish)
    choice: Choice = field(default_factory=Choice)
    at_once: int | None = None
    after: str | None = None
    requeue: bool | None = None


@dataclass(frozen=True)
class Run:
    """One run of a sweep: where, what is described, who runs it, and what was asked.

    ``generation`` is the life of the state folder that it is submitted in.
    """

    workspace: Workspace
    description: Description
    launchers: Mapping[str, Launcher]
    request: RunRequest
    generation: str = ""

    @property
    def launch_script(self) -> Path:
        return self.workspace.root / self.description.spec.launcher

    @property
    def requeue(self) -> Requeue | None:
        """When its trials are queued again by themselves."""
        if self.request.requeue is None:
            return self.description.spec.requeue
        return (self.description.spec.requeue or Requeue()) if self.request.requeue else None

    @property
    def at_once(self) -> int | None:
        """At most so many of its trials at the same time; None is no limit."""
        return self.request.at_once or self.description.spec.max_concurrent


@dataclass(frozen=True)
class Piece:
    """Trials that are submitted together, and where they go; or the tasks of one trial.

    ``limits`` are what the launcher takes; ``starts_at``: when it expects to start the first of them, in seconds since
    the epoch, None where it does not say.
    """

    batch: Batch
    place: Place
    starts_at: float | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def trials(self) -> Sequence[int]:
        """Their indices."""
        return list(dict.fromkeys(element.unit.trial for element in self.batch.elements))

    @property
    def is_of_tasks(self) -> bool:
        """Whether its elements are the tasks of one trial."""
        return self.batch.elements[0].unit.task is not None

    def script(self) -> str:
        """The bash that runs them."""
        return self.place.launcher.script(self.batch)


def wholes(run: Run, groups: Iterable[tuple[Place, Sequence[Trial]]], known: Known) -> list[Piece]:
    """What goes to each place, not yet split: a batch, and one for each trial whose script is an array itself, or is a
    job alone.
    """
    return [whole for place, trials in groups for whole in _wholes(run, place, trials, known)]


def _wholes(run: Run, place: Place, trials: Sequence[Trial], known: Known) -> Iterator[Piece]:
    whole = [(trial, unit) for trial in trials for unit in trial.units if unit.task is None]
    script = run.description.script
    for together in [[one] for one in whole] if script and script.is_alone else filter(None, [whole]):
        yield Piece(_batch(run, place, together, known), place)
    for trial in (trial for trial in trials if trial.units[0].task is not None):
        yield Piece(_batch(run, place, _left(trial, known), known), place)


def _left(trial: Trial, known: Known) -> list[tuple[Trial, Unit]]:
    """The tasks that have not succeeded; all, where all have."""
    fact = known.facts.get(trial.index)
    done = {task.unit for task in fact.tasks if task.status is Status.COMPLETED} if fact else set()
    left = [unit for unit in trial.units if unit not in done]
    return [(trial, unit) for unit in left or trial.units]


def _batch(run: Run, place: Place, units: Sequence[tuple[Trial, Unit]], known: Known) -> Batch:
    maker = Maker(run.workspace, run.description, str(run.workspace.results))
    files = replace(
        run.workspace.files(registers.new_token(run.generation)),
        before=_of_version_1(run.workspace, known, {unit for _, unit in units}),
    )
    return replace(
        maker.batch(files, units, known.newest_attempt),
        request=replace(place.request, requeue=run.request.requeue),
        at_once=run.at_once,
        after=wait_for_trials.after(run.request.after, place.launcher, run.launchers)
        if run.request.after
        else (),
        requeue=run.requeue,
    )


def _of_version_1(workspace: Workspace, known: Known, units: Set[Unit]) -> AttemptFolder | None:
    """The attempts of version 1, where a submission of it may still start one of these."""
    for record in known.submissions:
        old = not registers.generation_of(record.token) and not record.legacy and record.state != "void"
        if old and not units.isdisjoint(record.units):
            return attempt_folders.of_version_1(workspace)
    return None


def cut(run: Run, wholes: Sequence[Piece]) -> list[Piece]:
    """The submissions: each whole in pieces that its launcher takes. Raises `HerdError`, `SchedulerSilentError`."""
    limited = [replace(one, limits=one.place.launcher.limits(one.batch)) for one in wholes]
    parts = [(one, part) for one in limited for part in splitting.pieces(one.batch.elements, one.limits)]
    _check_at_once(run.at_once, [whole for whole, _ in parts])
    shares = _shares(run.at_once, len(parts))
    return [_piece(run, *part, share) for part, share in zip(parts, shares, strict=True)]


def _check_at_once(at_once: int | None, parts: Sequence[Piece]) -> None:
    """Where no job can wait for another, each submission needs a place of its own."""
    unable = [part.place.launcher.traits for part in parts if not part.place.launcher.traits.waits_for_jobs]
    if at_once and at_once < len(parts) and unable:
        alone = any(part.is_of_tasks for part in parts)
        few = ",".join(map(str, min((part.trials for part in parts), key=len)[:SHOWN]))
        why = (
            "each task array is one"
            if alone
            else "what asks for other machines, time or memory is one of its own"
        )
        raise HerdError(
            f"at most {at_once} at once cannot be held over {len(parts)} submissions on {unable[0].title}: {why}",
            hint=f"write -j {len(parts)} or more, or run them one after the other: herd run -i {few}, then the rest",
        )


def _shares(at_once: int | None, pieces: int) -> list[int | None]:
    """Each piece's part of the places at once (``%N`` holds per array); where they do not go round, one each, and
    `launch` lets pieces wait for each other.

    >>> _shares(8, 3), _shares(2, 3), _shares(None, 2)
    ([3, 3, 2], [1, 1, 1], [None, None])
    """
    if at_once is None:
        return [None] * pieces
    return [max(1, at_once // pieces + (number < at_once % pieces)) for number in range(pieces)]


def _piece(run: Run, whole: Piece, elements: tuple[Element, ...], share: int | None) -> Piece:
    """One submission of several, with a token of its own."""
    token = registers.new_token(run.generation)
    files = replace(run.workspace.files(token), before=whole.batch.files.before)
    own = run.description.script.tasks_at_once if run.description.script else None
    room = min((most for most in (share, whole.place.at_once, own) if most), default=None)
    batch = replace(whole.batch, token=token, files=files, elements=elements, at_once=room)
    return replace(whole, batch=batch)
