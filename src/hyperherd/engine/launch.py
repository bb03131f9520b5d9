"""``herd run``: reconcile, plan, check, submit.

Exactly once, in this order: under the lock the manifest and an *intent* for each submission; without the lock the
submission itself; then its register is settled, and under the lock again its job id is recorded. A kill at any point
leaves an intent whose fate the register decides (docs/architecture.md, "Exactly once").
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hyperherd import fsio, units
from hyperherd.attempts import registers
from hyperherd.engine import (
    facts,
    growth,
    notices,
    off_record,
    pieces,
    plan_of_facts,
    preflight,
    provenance,
    shared_looks,
    source_history,
    submitting,
)
from hyperherd.engine.pieces import SHOWN, Piece, Run
from hyperherd.engine.placing import Place, Placer
from hyperherd.engine.preflight import Finding
from hyperherd.engine.provenance import Provenance
from hyperherd.errors import (
    HerdError,
    SchedulerSilentError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hyperherd.fsio import processes
from hyperherd.jobs import Batch
from hyperherd.sweep.plan import Plan
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace import ended, generations, layout, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission


@dataclass(frozen=True)
class Prepared:
    """What a run would do: the plan, and the pieces in which its trials would be submitted, in this ``generation`` of
    the state folder. ``only``: the hashes of the trials that it is about; None: all.
    """

    plan: Plan
    known: facts.Known
    pieces: Sequence[Piece]
    findings: Sequence[Finding]
    generation: str = ""
    only: frozenset[str] | None = None


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
    known = facts.read(run.workspace, run.launchers, silent_is_fatal=True)
    off_record.refuse(known.off_record)
    run = replace(run, generation=_generation(run.workspace, known.manifest.generation))
    only = run.description.proposal.only
    between()
    planned = plan_of_facts.plan_of(run.description, known, run.request.choice)
    if planned.undecided:
        raise _undecided(planned.undecided, known.statuses)
    if not planned.submit:
        return Prepared(planned, known, [], findings, run.generation, only)
    groups = placer.groups(planned.submit, run.description.trials)
    wholes = pieces.wholes(run, growth.grown(groups, run.description.spec.growth, known), known)
    between()
    findings += preflight.check_room(
        run.workspace, [(len(w.batch.elements), w.place.launcher) for w in wholes]
    )
    for whole in _one_of_each_place(wholes):  # each asks the launcher several questions
        findings += preflight.check(run.workspace, whole.batch, whole.place.launcher, whole.place.grown)
        between()
    findings = list(dict.fromkeys(findings))
    preflight.raise_fatal(findings)
    forecasts = preflight.foresee([(whole.batch, whole.place.launcher) for whole in wholes], between)
    findings += preflight.foreseen(forecasts)
    preflight.raise_fatal(findings)
    wholes = [replace(whole, starts_at=one.starts_at) for whole, one in zip(wholes, forecasts, strict=True)]
    return Prepared(planned, known, pieces.cut(run, wholes), findings, run.generation, only)


def _generation(workspace: Workspace, known: str) -> str:
    """This life of the state folder; a new one where there is none, and in a copy, as the original keeps it."""
    if not known or generations.place(workspace, known) is generations.Place.COPY:
        return registers.new_generation()
    return known


def _one_of_each_place(wholes: Sequence[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for whole in wholes:
        if all(whole.place != other.place for other in found):
            found.append(whole)
    return found


def execute(run: Run, announce: Callable[[Prepared], None]) -> tuple[Prepared, list[Made]]:
    """The whole of a run. ``announce`` is told what will be done before it is; it may raise to stop it."""
    preflight.raise_fatal(preflight.check_files(run.workspace, run.launch_script, writing=True))
    run.workspace.make_folders()
    run = _proposed(run) if run.description.source.learns else run
    while (done := _committed(run, announce)) is None:
        run = _proposed(run)  # others have added trials meanwhile
    prepared, made = done
    if not made:
        return prepared, []
    made = _submit_all(run, made)
    shared_looks.forget()
    with fsio.Lock(run.workspace.lock) as lock:
        submissions.note_decided(run.workspace, [one.record for one in made], lock)
        if run.description.spec.notify and (void := [m.record for m in made if m.record.state == "void"]):
            notices.expect(run.workspace, prepared.generation, run.description.spec.notify, void)
        manifest.note_statuses(run.workspace, _statuses_of_the_refused(prepared, made))
    return prepared, _with_what_is_switched_off(made)


def _proposed(run: Run) -> Run:
    """The run with what its source proposes now: without the lock, for that may take its time."""
    learns = run.description.source.learns
    known = facts.read(run.workspace, run.launchers, silent_is_fatal=True) if learns else None
    return replace(run, description=run.description.again(run.workspace, known))


def _committed(run: Run, announce: Callable[[Prepared], None]) -> tuple[Prepared, list[Made]] | None:
    """Under the lock: what was proposed, if the numbers of its trials are still free, and the intents of their
    submissions. None where they are not.
    """
    source, proposal = run.description.source, run.description.proposal
    with fsio.Lock(run.workspace.lock) as lock:
        whole = source_history.is_whole
        if (source.keeps or source.learns) and not whole(proposal.history, manifest.read(run.workspace)):
            return None
        submitting.recover(run.workspace, run.launchers, lock)
        lock.touch()
        prepared = prepare(run, lock.touch)
        if prepared.pieces:
            if any(fact.moves for fact in prepared.known.facts.values()):
                generations.refuse_copy(run.workspace, prepared.known.manifest.generation)
            _refuse_strays(run, prepared)
            lock.touch()
        announce(prepared)
        made = _intents(run, prepared.pieces, prepared.known)
        _write(run, prepared, made, lock)
    return prepared, made


def _refuse_strays(run: Run, prepared: Prepared) -> None:
    """Nothing starts beside living jobs of this folder that are not on record. Launchers that this run does not use are
    asked where the state folder is new: one that was removed may have used them.
    """
    known = prepared.known
    used = {piece.place.launcher.name: piece.place.launcher for piece in prepared.pieces}
    found = off_record.living(run.workspace, used, known.submissions, known.manifest.generation)
    for name in () if known.submissions else run.launchers:
        with contextlib.suppress(SchedulerSilentError):
            if name not in used:
                found |= off_record.living(run.workspace, {name: run.launchers[name]}, (), "")
    off_record.refuse_living(found, known.manifest.generation)


def _with_what_is_switched_off(made: Sequence[Made]) -> list[Made]:
    """Each place is asked once, when all is submitted and recorded, about the first that it has accepted."""
    told: list[Made] = []
    asked: list[Place] = []
    for one in made:
        record, place = one.record, one.piece.place
        if not one.refused and record.slurm_job_id and place not in asked:
            asked.append(place)
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


def _intents(run: Run, parts: Sequence[Piece], known: facts.Known) -> list[Made]:
    if not parts:
        return []
    made_from = provenance.of(run.workspace.root, run.launch_script)
    return [Made(piece, _intent(run, piece, made_from, known)) for piece in parts]


def _intent(run: Run, piece: Piece, made_from: Provenance, known: facts.Known) -> Submission:
    batch, place = piece.batch, piece.place
    units = [element.unit for element in batch.elements]
    numbers = tuple(element.number for element in batch.elements)
    own = tuple(unit.number for unit in units)
    before = [
        known.facts[index] for index in dict.fromkeys(unit.trial for unit in units) if index in known.facts
    ]
    return Submission(
        token=batch.token,
        launcher=place.launcher.name,
        where=place.launcher.where(),
        host=place.host,
        requires=place.requires,
        gpus=place.request.gpus,
        cpus=place.request.cpus and place.request.cpus * (place.request.tasks or 1),
        name=batch.name,
        indices=tuple(unit.trial for unit in units),
        tasks=own if piece.is_of_tasks else None,
        attempts=tuple(element.attempt for element in batch.elements),
        array=None if numbers == own else numbers,
        submitted_at=time.time(),
        owner=str(processes.me()),
        state="intent",
        given_up=tuple(fact.trial.index for fact in before if any(run.unseen for run in fact.runs)),
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
    if generations.place(workspace, prepared.generation) is generations.Place.MOVED:
        generations.settle(workspace, prepared.generation)
    stored = manifest.begin(workspace, known.manifest, prepared.generation)
    if run.description.source.learns:
        proposal = run.description.proposal
        source_history.note(workspace, proposal.source, proposal.history, proposal.proposed)
    for one in made:
        workspace.make_folders_of(one.batch)
        fsio.replace(one.batch.files.script, one.piece.script().encode("utf-8", "surrogateescape"), 0o600)
        submissions.keep(workspace, one.record)
    if made and not run.description.spec.notify:
        notices.forget(workspace)
    elif made:
        notify = run.description.spec.notify
        notices.expect(workspace, prepared.generation, notify, [one.record for one in made])
    lock.check()
    submissions.write(workspace, [*known.submissions, *(one.record for one in made)])
    statuses = {t.index: known.statuses.get(t.index, Status.READY) for t in prepared.plan.trials}
    statuses.update((index, Status.SUBMITTED) for one in made for index in one.record.trials)
    lock.check()
    planned = prepared.plan
    claimed = {unit.trial for unit in known.newest_attempt}
    begun = {trial.hash: trial.name for trial in planned.dropped if trial.index in claimed}
    fresh = replace(
        stored,
        trials=planned.trials,
        next_index=planned.next_index,
        name=run.description.spec.name,
        retired=tuple(dict.fromkeys((*stored.retired, *begun.values()))),
        former={**stored.former, **begun},
    )
    manifest.write(workspace, fresh, statuses)
    ended.write(workspace, known.heard)


def _submit_all(run: Run, made: Sequence[Made]) -> list[Made]:
    """Submit one piece after the other, each behind the one that has its lane before it where there are more pieces
    than trials may run at once.
    """
    lanes: list[str] = [""] * min(run.at_once or len(made), len(made))
    done: list[Made] = []
    for number, one in enumerate(made):
        lane = number % len(lanes)
        batch = replace(one.batch, behind=lanes[lane])
        done.append(_submit(run, replace(one, piece=replace(one.piece, batch=batch))))
        if not done[-1].refused:
            lanes[lane] = done[-1].record.slurm_job_id or ""
            fsio.replace(run.workspace.newest_script, batch.files.script.read_bytes(), 0o600)
    return done


def _submit(run: Run, one: Made) -> Made:
    """Submit one piece. A refusal is kept, not raised: the others still go."""
    record, launcher = one.record, one.piece.place.launcher
    try:
        job = submitting.hand_over(launcher, one.batch, submissions.job(run.workspace, record))
    except (SubmissionRefusedError, SubmissionUnknownError) as refusal:
        return replace(one, record=submitting.record_of(record, None), refused=str(refusal))
    return replace(one, record=submitting.record_of(record, job))
