"""``herd repair``: what is damaged in a state folder, and the record made again from what is left: job scripts,
registers, claims and notes. Nothing that ran or runs starts again by it.
"""

from __future__ import annotations

import calendar
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hyperherd import fsio, units
from hyperherd.attempts import claims, notes, registers, variables
from hyperherd.attempts.filenames import Outcome
from hyperherd.attempts.registers import VOID
from hyperherd.engine import facts, off_record
from hyperherd.errors import DamagedFileError, HerdError
from hyperherd.fsio.processes import Identity
from hyperherd.grammar.values import untag
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.node import recorded_script
from hyperherd.launchers.node.recorded_script import RecordedElement, RecordedScript
from hyperherd.sweep import identity
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace import attempt_folders, generations, layout, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.manifest import Manifest
from hyperherd.workspace.submissions import Submission

if TYPE_CHECKING:
    from hyperherd.sweep.plan import Described

REPAIRED = "repaired-"
"""Begins the name of the folder of copies of what a repair has replaced."""


@dataclass(frozen=True)
class Mended:
    """The record as it can be made again. ``findings``: what is wrong, a sentence each."""

    manifest: Manifest
    records: Sequence[Submission]
    findings: Sequence[str] = ()

    @property
    def whole(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.findings


@dataclass
class _Findings:
    said: list[str] = field(default_factory=list)

    def read(self, path: Path, what: str, read: Callable[[], object]) -> object | None:
        """What ``read`` gives; None, and a finding, where the file is damaged."""
        try:
            return read()
        except DamagedFileError as error:
            self.said.append(f"{path.name} {what}: {error.what}")
            return None


def look(workspace: Workspace) -> Mended:
    """What is wrong, and the record without it; writes nothing, and asks no launcher. Raises `WorkspaceError` for what
    cannot be read, `NewerFormatError`.
    """
    found = _Findings()
    stored = found.read(workspace.manifest, "is damaged", lambda: manifest.read(workspace))
    records = found.read(workspace.job_ids, "is damaged", lambda: submissions.read(workspace))
    kept = stored if isinstance(stored, Manifest) else manifest.salvaged(workspace)
    known: list[Submission] = list(records) if isinstance(records, list) else []
    again = [made for token in _missing(workspace, known) if (made := _record(workspace, token, found))]
    for record in again:
        found.said.append(
            f"submission {record.token} is not on record: {units.counted(len(record.indices), 'element')}"
        )
    known = sorted([*known, *again], key=lambda record: record.submitted_at)
    trials = _trials(workspace, kept, known, found)
    generation = kept.generation or _newest_generation(workspace, known)
    if generation != kept.generation:
        found.said.append(f"{layout.FORMAT} does not name the current generation, {generation}")
    free = max([kept.next_index, *(trial.index + 1 for trial in trials), _first_unused(workspace)])
    return Mended(
        replace(kept, trials=tuple(trials), next_index=free, generation=generation, adopted=False),
        known,
        tuple(found.said),
    )


def _missing(workspace: Workspace, known: Sequence[Submission]) -> list[str]:
    """The tokens of submissions that have a script or a register, and no record."""
    on_record = {record.token for record in known}
    scripts = {path.stem for path in (workspace.state / layout.JOBS).glob("*.sbatch")}
    return sorted({*scripts, *off_record.tokens(workspace, known)} - on_record, key=lambda t: t[-24:])


def _record(workspace: Workspace, token: str, found: _Findings) -> Submission | None:
    """The record of a submission, from its copy or its script, and its register; None where it never was one, or was
    given up.
    """
    owner = submissions.settled(workspace, token)
    if owner == VOID:
        return None
    made = submissions.kept(workspace, token) or _read_from_script(workspace, token, owner)
    if made is None:
        if owner is not None:
            found.said.append(f"the script of submission {token} is gone: its trials are not known")
        return None
    return msgspec.structs.replace(
        made,
        state="submitted" if owner else "intent",
        slurm_job_id=None if owner is None or _identity(owner) else owner,
    )


def _read_from_script(workspace: Workspace, token: str, owner: str | None) -> Submission | None:
    script = _script(workspace, token)
    if script is None:
        return None
    local = _identity(owner)
    offered = [element.unit for element in script.elements]
    numbers = tuple(element.number for element in script.elements)
    own = tuple(unit.number for unit in offered)
    of_tasks = any(unit.task is not None for unit in offered)
    return Submission(
        token=token,
        indices=tuple(unit.trial for unit in offered),
        tasks=own if of_tasks else None,
        array=None if numbers == own else numbers,
        attempts=tuple(element.attempt for element in script.elements),
        launcher="local" if local or not script.has_directives else "slurm",
        where=local.host if local else "",
        submitted_at=_submitted_at(token),
        root=str(workspace.root),
        launch=script.launch,
        requeue=script.requeue,
    )


def _script(workspace: Workspace, token: str) -> RecordedScript | None:
    try:
        text = fsio.content(workspace.files(token).script).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    return recorded_script.read(text)


def _identity(owner: str | None) -> Identity | None:
    try:
        return Identity.parse(owner or "")
    except ValueError:
        return None


def _submitted_at(token: str) -> float:
    """As the token has it, in UTC."""
    found = re.search(r"(\d{8}-\d{6})-[0-9a-f]{8}$", token)
    return float(calendar.timegm(time.strptime(found[1], "%Y%m%d-%H%M%S"))) if found else 0.0


def _trials(
    workspace: Workspace, kept: Manifest, records: Sequence[Submission], found: _Findings
) -> list[Trial]:
    """Those that are known, and those that a script tells of."""
    by_index = manifest.by_index(kept.trials)
    wanted = {index for record in records for index in record.trials} - set(by_index)
    if not wanted:
        return list(kept.trials)
    described = _described(workspace)
    for record in records:
        script = _script(workspace, record.token) if wanted.intersection(record.trials) else None
        for element in script.elements if script else ():
            if element.unit.trial in wanted and (made := _trial(element, described)):
                by_index[element.unit.trial] = made
    lost = sorted(wanted - set(by_index))
    if told := sorted(wanted.intersection(by_index)):
        found.said.append(
            f"{layout.MANIFEST} lacks {units.counted(len(told), 'trial')} that were submitted: {units.folded(told)}"
        )
    if lost:
        found.said.append(
            f"the parameters of {units.counted(len(lost), 'trial')} are not known: {units.folded(lost)}"
        )
    return [by_index[index] for index in sorted(by_index)]


def _described(workspace: Workspace) -> dict[str, Described]:
    """What the YAML says now, by the parameters alone: a job's script does not tell which values conditions set."""
    from hyperherd.engine import describe

    try:
        trials = describe.describe(workspace).trials
    except HerdError:
        return {}
    return {identity.canonical(dict(one.params)): one for one in trials}


def _trial(element: RecordedElement, described: Mapping[str, Described]) -> Trial | None:
    try:
        params = untag(msgspec.json.decode(element.variables[variables.PARAMS], type=dict))
        name = element.variables[variables.TRIAL_NAME]
    except (KeyError, msgspec.DecodeError):
        return None
    same = described.get(identity.canonical(params))
    extras = dict(same.extras) if same else {}
    digest = identity.trial_hash(params, extras)
    typed = same.typed if same else None
    return Trial(element.unit.trial, digest, name, params, extras, orphan=same is None, typed=typed)


def _newest_generation(workspace: Workspace, records: Sequence[Submission]) -> str:
    """That of the newest submission, else of the folder that was made last."""
    of_records = [registers.generation_of(record.token) for record in records]
    folders = sorted(workspace.state.glob(f"{layout.GENERATION}*"), key=lambda path: path.stat().st_mtime)
    names = [path.name.removeprefix(layout.GENERATION) for path in folders]
    return next((one for one in (*reversed(of_records), *reversed(names)) if one), "")


def _first_unused(workspace: Workspace) -> int:
    listed = attempt_folders.read(workspace)
    return max([workspace.first_unused(), *(unit.trial + 1 for unit in listed.newest)])


def carry_out(workspace: Workspace, lock: fsio.Lock) -> tuple[Mended, Path | None]:
    """Mend the files, under the lock; what was replaced is copied first, to the folder that is returned."""
    mended = look(workspace)
    if mended.whole:
        return mended, None
    kept = workspace.state / f"{REPAIRED}{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-"
    try:
        kept = Path(tempfile.mkdtemp(prefix=kept.name, dir=kept.parent))
        for path in (workspace.format, workspace.manifest, workspace.job_ids):
            if path.exists():
                (kept / path.name).write_bytes(path.read_bytes())
    except OSError as error:
        raise fsio.refused(str(kept), error) from error
    lock.check()
    submissions.write(workspace, mended.records)
    records = mended.manifest.records.items()
    copies = {index: manifest.status_copied(record.get("status")) for index, record in records}
    statuses = {trial.index: copies.get(trial.index, Status.READY) for trial in mended.manifest.trials}
    lock.check()
    manifest.write(workspace, mended.manifest, statuses)
    return mended, kept


def take_over(workspace: Workspace, lock: fsio.Lock) -> None:
    """The user's word that this workspace is the one that its jobs belong to. Raises `WorkspaceError`."""
    generation = manifest.read(workspace).generation
    lock.check()
    if generation:
        generations.settle(workspace, generation)
    here = str(workspace.root)
    submissions.write(
        workspace, [msgspec.structs.replace(one, root=here) for one in submissions.read(workspace)]
    )


def leave_to_the_original(
    workspace: Workspace, launchers: Mapping[str, Launcher], lock: fsio.Lock
) -> list[int]:
    """The user's word that this workspace is a copy: what waits or runs belongs to the original, and is cancelled in
    the copy's own record alone. Return the indices of these trials. Raises `WorkspaceError`.
    """
    known = facts.read(workspace, launchers, silent_is_fatal=False)
    moving = [run for fact in known.facts.values() for run in fact.runs if run.moves and run.submission]
    stopped: dict[str, list[int]] = {}
    for run in moving:
        assert run.submission is not None
        token, attempt = run.submission.token, run.attempt or known.newest_attempt.get(run.unit, 0) + 1
        folder = workspace.files(token).attempts
        folder.block(run.unit).mkdir(parents=True, exist_ok=True)
        claims.cancel(folder, run.unit, attempt, token)
        notes.write(folder, run.unit, attempt, Outcome(137, terminated=True))
        stopped.setdefault(token, []).append(run.unit.number)
    lock.check()
    submissions.note_stopped(workspace, stopped, lock)
    records = [
        msgspec.structs.replace(one, slurm_job_id=None) if one.token in stopped else one
        for one in submissions.read(workspace)
    ]
    submissions.write(workspace, records)
    stored = manifest.read(workspace)
    manifest.begin(workspace, stored, registers.new_generation())
    return sorted({run.unit.trial for run in moving})


def readable(workspace: Workspace, damage: DamagedFileError) -> Mended:
    """The record for those who only look, or stop, and have met this damage: as much of it as can be read. Raises
    `WorkspaceError`.
    """
    told = f"{damage.where}: {damage.what}\n  What follows is made from what is left; herd repair mends it."
    return replace(look(workspace), findings=(told,))
