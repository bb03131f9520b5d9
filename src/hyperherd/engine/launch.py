"""``herd run``: reconcile, plan, check, submit.

Exactly once, in this order: under the lock the manifest and an *intent* for each submission; without the lock the
submission itself; then its register is settled, and under the lock again its job id is recorded. A kill at any point
leaves an intent whose fate the register decides (docs/architecture.md, "Exactly once").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from hyperherd import fsio, units
from hyperherd.attempts.registers import VOID
from hyperherd.engine import growth, planning, preflight, provenance, reconcile, recover, waiting
from hyperherd.engine.batches import Maker
from hyperherd.engine.describe import Description
from hyperherd.engine.placing import Place, Placer, Wish
from hyperherd.engine.preflight import Finding
from hyperherd.engine.provenance import Provenance
from hyperherd.errors import HerdError, SubmissionRefusedError, SubmissionUnknownError
from hyperherd.fsio import processes
from hyperherd.jobs import Batch, Element, Requeue
from hyperherd.launchers import splitting
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.plan import Choice, Plan
from hyperherd.sweep.trial import Part, Status, Trial
from hyperherd.workspace import ended, layout, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

SHOWN = 20
"""Trials in an error that names them."""


@dataclass(frozen=True)
class Request:
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

    ``anew`` makes the run again once nobody else changes the workspace: what a script's sweep consists of, others may
    have added to meanwhile.
    """

    workspace: Workspace
    description: Description
    launchers: Mapping[str, Launcher]
    request: Request
    anew: Callable[[Run], Run] | None = None

    @property
    def launch_script(self) -> Path:
        return self.workspace.root / self.description.spec.launcher

    @property
    def requeue(self) -> Requeue | None:
        """When its trials are queued again by themselves."""
        if self.request.requeue is None:
            return self.description.spec.requeue
        return (self.description.spec.requeue or Requeue()) if self.request.requeue else None


@dataclass(frozen=True)
class Piece:
    """Trials that are submitted together, and where they go; or the tasks of one ``trial``. ``starts_at``: when the
    launcher expects to start the first of them, in seconds since the epoch; None where it does not say.
    """

    batch: Batch
    place: Place
    trial: int | None = None
    starts_at: float | None = None

    @property
    def trials(self) -> Sequence[int]:
        """Their indices."""
        return [element.index for element in self.batch.elements] if self.trial is None else [self.trial]

    def script(self) -> str:
        """The bash that runs them."""
        return self.place.launcher.script(self.batch)


@dataclass(frozen=True)
class Prepared:
    """What a run would do: the plan, and the pieces in which its trials would be submitted."""

    plan: Plan
    known: reconcile.Known
    pieces: Sequence[Piece]
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Made:
    """What became of one submission: its piece, its record, and the launcher's words where it was ``refused``, or where
    something that the sweep asks for was ``switched_off``.
    """

    piece: Piece
    record: Submission
    refused: str = ""
    switched_off: str = ""

    @property
    def batch(self) -> Batch:
        return self.piece.batch


def prepare(run: Run, between: Callable[[], None] = lambda: None) -> Prepared:
    """Reconcile, plan and check; changes nothing. ``between`` is called after each question, which may take long.

    Raises `HerdError` where trials that ran would be forgotten, `PreflightError` for what would go wrong, and
    `SchedulerSilentError` where somebody who must know what runs does not answer.
    """
    findings = preflight.check_files(run.workspace, run.launch_script, writing=False)
    preflight.raise_fatal(findings)
    placer = Placer(run.workspace, run.description.spec, run.launchers, run.request.wish)
    placer.check()
    known = reconcile.read(run.workspace, run.launchers, silent_is_fatal=True)
    between()
    planned = planning.plan_of(run.description, known, run.request.choice)
    if planned.undecided:
        raise _undecided(planned.undecided, known.statuses)
    if not planned.submit:
        return Prepared(planned, known, [], findings)
    groups = placer.groups(planned.submit, run.description.trials)
    wholes = [
        whole
        for place, trials in growth.grown(groups, run.description.spec.growth, known)
        for whole in _wholes(run, place, trials, known)
    ]
    between()
    findings += preflight.check_room(
        run.workspace, [(len(w.batch.elements), w.place.launcher) for w in wholes]
    )
    for whole in {
        id(whole.place): whole for whole in wholes
    }.values():  # each asks the launcher several questions
        findings += preflight.check(run.workspace, whole.batch, whole.place.launcher, whole.place.grown)
        between()
    findings = list(dict.fromkeys(findings))
    preflight.raise_fatal(findings)
    forecasts = preflight.foresee([(whole.batch, whole.place.launcher) for whole in wholes], between)
    findings += preflight.foreseen(forecasts)
    preflight.raise_fatal(findings)
    wholes = [replace(whole, starts_at=one.starts_at) for whole, one in zip(wholes, forecasts, strict=True)]
    parts = [(whole, elements) for whole in wholes for elements in _split(whole)]
    _check_at_once(_at_once(run), [whole for whole, _ in parts])
    shares = _shares(_at_once(run), len(parts))
    pieces = [_piece(run, *part, share) for part, share in zip(parts, shares, strict=True)]
    return Prepared(planned, known, pieces, findings)


def execute(run: Run, announce: Callable[[Prepared], None]) -> tuple[Prepared, list[Made]]:
    """The whole of a run. ``announce`` is told what will be done before it is; it may raise to stop it."""
    preflight.raise_fatal(preflight.check_files(run.workspace, run.launch_script, writing=True))
    run.workspace.make_folders()
    with fsio.Lock(run.workspace.lock) as lock:
        recover.recover(run.workspace, run.launchers, lock)
        lock.touch()
        run = run.anew(run) if run.anew else run
        prepared = prepare(run, lock.touch)
        announce(prepared)
        made = _intents(run, prepared.pieces)
        _write(run, prepared, made, lock)
    if not made:
        return prepared, []
    made = _submit_all(run, made)
    with fsio.Lock(run.workspace.lock) as lock:
        submissions.note_decided(run.workspace, [one.record for one in made], lock)
        manifest.note_statuses(run.workspace, _statuses_of_the_refused(prepared, made))
    return prepared, _told_of_what_is_switched_off(made)


def _told_of_what_is_switched_off(made: Sequence[Made]) -> list[Made]:
    """Each place is asked once, when all is submitted and recorded, about the first that it has accepted."""
    told, asked = [], set()
    for one in made:
        record, place = one.record, one.piece.place
        if not one.refused and record.slurm_job_id and id(place) not in asked:
            asked.add(id(place))
            one = replace(one, switched_off=place.launcher.switched_off(one.batch, record.slurm_job_id))
        told.append(one)
    return told


def _statuses_of_the_refused(prepared: Prepared, made: Sequence[Made]) -> dict[int, Status]:
    before = prepared.known.statuses
    void = [one.record for one in made if one.record.state == "void"]
    return {index: before.get(index, Status.READY) for record in void for index in record.trials}


def _undecided(trials: Sequence[Trial], statuses: Mapping[int, Status]) -> HerdError:
    shown = "\n".join(f"  {t.index:>5}  {statuses[t.index].value:<10} {t.name}" for t in trials[:SHOWN])
    more = f"\n  and {len(trials) - SHOWN} more" if len(trials) > SHOWN else ""
    count = units.counted(len(trials), "trial")
    return HerdError(
        f"{layout.CONFIG} no longer describes {count} that ran, or may be running:\n{shown}{more}",
        hint="Put the old values back, or keep what ran as orphans (shown, never submitted again): herd run -f",
    )


def _batch(
    run: Run, place: Place, parts: Sequence[tuple[Trial, Part]], newest_attempt: Mapping[Part, int]
) -> Batch:
    maker = Maker(run.workspace, run.description, str(run.workspace.results))
    files = run.workspace.files(submissions.new_token())
    return replace(
        maker.batch(files, parts, newest_attempt),
        request=replace(place.request, requeue=run.request.requeue),
        at_once=_at_once(run),
        after=waiting.after(run.request.after, place.launcher, run.launchers) if run.request.after else (),
        requeue=run.requeue,
    )


def _wholes(run: Run, place: Place, trials: Sequence[Trial], known: reconcile.Known) -> Iterator[Piece]:
    """What goes to a place: one batch, and one for each trial whose script is an array itself, or is a job alone."""
    whole = [(trial, trial.index) for trial in trials if trial.parts == (trial.index,)]
    script = run.description.script
    for together in [[one] for one in whole] if script and script.is_alone else filter(None, [whole]):
        yield Piece(_batch(run, place, together, known.newest_attempt), place)
    for trial in (trial for trial in trials if trial.parts != (trial.index,)):
        yield Piece(_batch(run, place, _left(trial, known), known.newest_attempt), place, trial.index)


def _split(whole: Piece) -> Iterator[tuple[Element, ...]]:
    return splitting.pieces(whole.batch.elements, whole.place.launcher.limits(whole.batch))


def _left(trial: Trial, known: reconcile.Known) -> list[tuple[Trial, Part]]:
    """The tasks that have not succeeded; all, where all have."""
    fact = known.facts.get(trial.index)
    done = {task.part for task in fact.tasks if task.status is Status.COMPLETED} if fact else set()
    left = [part for part in trial.parts if part not in done]
    return [(trial, part) for part in left or trial.parts]


def _at_once(run: Run) -> int | None:
    return run.request.at_once or run.description.spec.max_concurrent


def _check_at_once(at_once: int | None, parts: Sequence[Piece]) -> None:
    """Where no job can wait for another, each submission needs a place of its own."""
    unable = [part.place.launcher.traits for part in parts if not part.place.launcher.traits.waits_for_jobs]
    if at_once and at_once < len(parts) and unable:
        alone = any(part.trial is not None for part in parts)
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
    `_submit_all` lets pieces wait for each other.

    >>> _shares(8, 3), _shares(2, 3), _shares(None, 2)
    ([3, 3, 2], [1, 1, 1], [None, None])
    """
    if at_once is None:
        return [None] * pieces
    return [max(1, at_once // pieces + (number < at_once % pieces)) for number in range(pieces)]


def _piece(run: Run, whole: Piece, elements: tuple[Element, ...], share: int | None) -> Piece:
    """One submission of several, with a token of its own."""
    token = submissions.new_token()
    files = run.workspace.files(token, whole.trial)
    own = run.description.script.tasks_at_once if run.description.script else None
    room = min((most for most in (share, whole.place.at_once, own) if most), default=None)
    batch = replace(whole.batch, token=token, files=files, elements=elements, at_once=room)
    return replace(whole, batch=batch)


def _intents(run: Run, pieces: Sequence[Piece]) -> list[Made]:
    if not pieces:
        return []
    made_from = provenance.of(run.workspace.root, run.launch_script)
    return [Made(piece, _intent(run, piece, made_from)) for piece in pieces]


def _intent(run: Run, piece: Piece, made_from: Provenance) -> Submission:
    batch, place = piece.batch, piece.place
    array = splitting.numbers(batch.elements, place.launcher.limits(batch))
    indices = tuple(element.index for element in batch.elements)
    positions = tuple(array[index] for index in indices)
    return Submission(
        token=batch.token,
        launcher=place.launcher.name,
        where=place.launcher.where(),
        host=place.host,
        requires=place.requires,
        name=batch.name,
        indices=indices,
        trial=piece.trial,
        attempts=tuple(element.attempt for element in batch.elements),
        array=None if positions == indices else positions,
        submitted_at=time.time(),
        owner=str(processes.me()),
        state="intent",
        root=str(run.workspace.root),
        launch=str(batch.launch),
        **(run.description.script.recorded if run.description.script else {}),
        launch_sha256=made_from.launch_sha256,
        git_commit=made_from.git_commit,
        git_dirty=made_from.git_dirty,
        static_overrides=tuple(run.description.spec.static_overrides),
        requeue=batch.requeue,
    )


def _write(run: Run, prepared: Prepared, made: Sequence[Made], lock: fsio.Lock) -> None:
    """The scripts, the intents, and last the manifest; everything that the submission stands on."""
    workspace, known = run.workspace, prepared.known
    lock.check()
    for one in made:
        workspace.make_folders_of(one.batch.files)
        fsio.replace(one.batch.files.script, one.piece.script().encode("utf-8", "surrogateescape"), 0o600)
    lock.check()
    submissions.write(workspace, [*known.submissions, *(one.record for one in made)])
    statuses = {t.index: known.statuses.get(t.index, Status.READY) for t in prepared.plan.trials}
    statuses.update((index, Status.SUBMITTED) for one in made for index in one.record.trials)
    lock.check()
    planned = prepared.plan
    begun = {trial.hash: trial.name for trial in planned.dropped if trial.index in known.newest_attempt}
    fresh = replace(
        known.manifest,
        trials=planned.trials,
        next_index=planned.next_index,
        name=run.description.spec.name,
        retired=tuple(dict.fromkeys((*known.manifest.retired, *begun.values()))),
        former={**known.manifest.former, **begun},
    )
    manifest.write(workspace, fresh, statuses)
    ended.write(workspace, known.heard)


def _submit_all(run: Run, made: Sequence[Made]) -> list[Made]:
    """Submit one piece after the other, each behind the one that has its lane before it where there are more pieces
    than trials may run at once.
    """
    lanes: list[str] = [""] * min(_at_once(run) or len(made), len(made))
    done: list[Made] = []
    for number, one in enumerate(made):
        lane = number % len(lanes)
        batch = replace(one.batch, behind=lanes[lane])
        done.append(_submit(run, replace(one, piece=replace(one.piece, batch=batch))))
        if not done[-1].refused:
            lanes[lane] = done[-1].record.slurm_job_id or ""
            fsio.replace(run.workspace.newest_script, batch.files.script.read_bytes())
    return done


def _submit(run: Run, one: Made) -> Made:
    """Submit one piece and settle what became of it. A refusal is kept, not raised: the others still go."""
    workspace, record, launcher = run.workspace, one.record, one.piece.place.launcher
    try:
        job_id = launcher.submit(one.batch)
    except SubmissionRefusedError as refusal:
        submissions.settle(workspace, record.token, VOID)
        return replace(one, record=msgspec.structs.replace(record, state="void"), refused=str(refusal))
    except SubmissionUnknownError as silence:
        found = recover.decide(workspace, run.launchers, record)
        gone = str(silence) if found.state == "void" else ""
        return replace(one, record=found, refused=gone)
    if job_id is None:
        return replace(one, record=msgspec.structs.replace(record, state="submitted"))
    decision = submissions.settle(workspace, record.token, job_id)
    submitted = msgspec.structs.replace(record, slurm_job_id=job_id, state="submitted")
    if decision == job_id:
        return replace(one, record=submitted)
    launcher.cancel(submissions.job(workspace, submitted), record.indices)
    if decision != VOID:  # the script was also submitted by hand, and that job began first
        return replace(one, record=msgspec.structs.replace(submitted, slurm_job_id=decision))
    given_up = msgspec.structs.replace(submitted, state="void")
    return replace(
        one, record=given_up, refused="another herd command took this submission for dead and gave it up"
    )
