"""One frozen value of everything that is known: tables, JSON and later views are all drawn from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hyperherd import units
from hyperherd.attempts.filenames import Unit
from hyperherd.engine import provenance
from hyperherd.engine.facts import Fact, Known
from hyperherd.errors import HerdError, WorkspaceError
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace import attempt_folders, logs
from hyperherd.workspace.folder import Workspace

FAILED = frozenset({Status.FAILED, Status.LOST})
"""What somebody will ask the reason of."""


@dataclass(frozen=True)
class TrialView:
    """One trial as people look at it.

    ``unit`` is the trial, or the task of it that all else tells of; ``job`` is the scheduler's id, ``node`` where its
    newest attempt ran, ``last_line`` the last line with text that it printed, ``last_error`` what its stderr says of
    its failure; ``changed`` says that the launch script was changed between its submission and its start, or up to now,
    ``submitted`` that a launcher was given it.
    ``interruptions``: what cut attempts short -> how many.
    """

    trial: Trial
    unit: Unit
    status: Status
    reason: str
    attempt: int
    exit_code: int | None
    node: str
    job: str | None
    last_line: str | None
    last_error: str | None
    changed: bool
    interruptions: Mapping[str, int]
    submitted: bool

    @property
    def index(self) -> int:
        return self.trial.index


@dataclass(frozen=True)
class Snapshot:
    """The sweep now, or some of its trials; ``known`` is how many it has."""

    sweep_name: str
    workspace: Workspace
    trials: Sequence[TrialView]
    warnings: Sequence[str]
    known: int

    @property
    def totals(self) -> dict[str, int]:
        """``total``, then the number of trials with each status that occurs."""
        counted = Counter(view.status for view in self.trials)
        return {"total": len(self.trials), **{s.value: counted[s] for s in Status if counted[s]}}


def take(workspace: Workspace, known: Known, *, lines: bool) -> Snapshot:
    """Draw it from what is known; ``lines`` reads the end of each trial's log too."""
    checksums: dict[str, str] = {}
    views = [_view(workspace, fact, checksums) for fact in known.facts.values()]
    unreadable: list[str] = []
    if lines:
        views = [_with_line(workspace, view, unreadable) for view in views]
    warnings = (*known.warnings, *unreadable[:1])
    return Snapshot(known.manifest.name or workspace.root.name, workspace, views, warnings, len(views))


def of_task(workspace: Workspace, fact: Fact, task: int) -> TrialView:
    """One task of a trial. Raises `HerdError` where it has none of that number."""
    found = next((run for run in fact.tasks if run.unit.task == task), None)
    if found is None:
        has = f"its tasks are {units.folded(run.unit.number for run in fact.tasks)}" if fact.tasks else ""
        raise HerdError(f"trial {fact.trial.index} has no task {task}", hint=has or "leave --task out")
    return _view(workspace, found, {})


def _with_line(workspace: Workspace, view: TrialView, unreadable: list[str]) -> TrialView:
    """The view with the end of its log; a log that may not be read does not hide how the trials stand."""
    try:
        failed = view.status in FAILED
        return replace(
            view,
            last_line=logs.last_line(workspace.stdout(view.unit)),
            last_error=logs.error_line(workspace.stderr(view.unit)) if failed else None,
        )
    except WorkspaceError as error:
        unreadable.append(str(error))
        return view


def _view(workspace: Workspace, fact: Fact, checksums: dict[str, str]) -> TrialView:
    record = fact.submission
    return TrialView(
        trial=fact.trial,
        unit=fact.unit,
        status=fact.status,
        reason=fact.reason,
        attempt=fact.attempt,
        exit_code=fact.outcome.exit_code if fact.outcome else fact.state.exit_code,
        node=_node(workspace, fact),
        job=f"{record.slurm_job_id}_{fact.element}" if record and record.slurm_job_id else None,
        last_line=None,
        last_error=None,
        changed=_changed_at_start(workspace, fact) if fact.attempt else _changed(fact, checksums),
        interruptions=Counter(fact.causes.values()),
        submitted=record is not None,
    )


def _node(workspace: Workspace, fact: Fact) -> str:
    """The scheduler's word; the note's for trials that failed, where somebody will ask which node it was."""
    if fact.state.node or fact.outcome is None or fact.status is Status.COMPLETED:
        return fact.state.node
    note = attempt_folders.note(workspace, fact.unit, fact.attempt, fact.outcome)
    return note.host if note else ""


def _changed_at_start(workspace: Workspace, fact: Fact) -> bool:
    """The claim's word, for the few that have left no note (they run, or were killed)."""
    if fact.outcome is not None:
        return fact.outcome.changed
    claim = attempt_folders.claim(workspace, fact.unit, fact.attempt)
    return claim is not None and claim.changed


def _changed(fact: Fact, checksums: dict[str, str]) -> bool:
    record = fact.submission
    if record is None or not record.launch_sha256:
        return False
    if record.launch not in checksums:
        checksums[record.launch] = provenance.checksum_of(record.launch)
    return checksums[record.launch] != record.launch_sha256
