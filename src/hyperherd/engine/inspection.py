"""All about one trial."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperherd import units
from hyperherd.attempts import registers
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.engine import batches
from hyperherd.engine.describe import read_spec
from hyperherd.engine.facts import NOT_ASKED, Fact, Known
from hyperherd.sweep import trial_overrides
from hyperherd.sweep.trial import LIVE, SHORT, Status, status_of
from hyperherd.workspace import attempt_folders, ended, logs, results
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission


@dataclass(frozen=True)
class AttemptView:
    """One attempt, of a ``task`` if it is of a trial with tasks; times are seconds since the epoch, None where nobody
    noted them.
    """

    number: int
    task: int | None
    job: str
    node: str
    started_at: float | None
    ended_at: float | None
    exit_code: int | None
    terminated: bool
    reason: str


@dataclass(frozen=True)
class Inspection:
    """``command`` and ``environment`` are what the launch script gets (of a script's sweep: the script, and what stands
    at the end of its last command), ``last_error`` the last line of stderr, ``folder`` the trial's own, where it
    has made one.
    """

    fact: Fact
    command: Sequence[str]
    environment: Mapping[str, str]
    attempts: Sequence[AttemptView]
    metrics: Mapping[str, Any]
    last_error: str | None
    folder: Path | None


def inspect(workspace: Workspace, known: Known, index: int) -> Inspection:
    """Read everything that there is about the trial ``index``, which is in ``known``.

    What a trial without a submission would be given is what the YAML says now. Raises `ConfigError`.
    """
    fact = known.facts[index]
    record = fact.submission or _described(workspace)
    given = trial_overrides.handed(fact.trial, record.static_overrides)
    words = fact.trial.typed.words if fact.trial.typed else (given.argument,)
    attempt = fact.attempt or _first_attempt(known, record, fact.unit)
    generation = registers.generation_of(record.token) if record.token else known.manifest.generation
    variables = (
        *batches.sweep_variables(workspace, known.manifest.name, generation),
        *batches.trial_variables(workspace, fact.trial, given, str(workspace.results)),
        *batches.attempt_variables(fact.unit.number, attempt),
    )
    return Inspection(
        fact=fact,
        command=(*(() if fact.trial.typed else ("bash",)), record.launch, *words) if record.launch else (),
        environment=dict(variables),
        attempts=[view for run in fact.runs for view in _attempts(workspace, known, run)],
        metrics=results.finals(workspace.results, index),
        last_error=logs.last_line(workspace.stderr(fact.unit)),
        folder=folder if (folder := workspace.outputs(fact.trial.name)).is_dir() else None,
    )


def _described(workspace: Workspace) -> Submission:
    """What a submission would record of the YAML as it is now."""
    spec = read_spec(workspace)
    launch = str(workspace.root / spec.launcher)
    return Submission(launch=launch, static_overrides=tuple(spec.static_overrides))


def _first_attempt(known: Known, record: Submission, unit: Unit) -> int:
    """The number of the attempt that is yet to begin, in this submission or in the next."""
    if unit in record.units:
        return record.attempts[record.units.index(unit)]
    return known.newest_attempt.get(unit, 0) + 1


def _attempts(workspace: Workspace, known: Known, fact: Fact) -> list[AttemptView]:
    unit = fact.unit
    outcomes = attempt_folders.read(workspace, {unit}).outcomes
    by_token = {record.token: record for record in known.submissions}
    newest = known.newest_attempt.get(unit, 0)
    views = []
    for number in range(1, newest + 1):
        claim = attempt_folders.claim(workspace, unit, number)
        if claim is None:
            continue
        outcome = outcomes.get((unit, number))
        note = attempt_folders.note(workspace, unit, number, outcome) if outcome else None
        record = by_token.get(claim.token)
        views.append(
            AttemptView(
                number=number,
                task=unit.task,
                job=record.slurm_job_id or "" if record else "",
                node=claim.owner.host,
                started_at=claim.claimed_at,
                ended_at=note.ended_at if note else None,
                exit_code=outcome.exit_code if outcome else None,
                terminated=outcome.terminated if outcome else False,
                reason=_reason(known, claim.token, fact, number, outcome),
            )
        )
    return views


def _reason(known: Known, token: str, fact: Fact, number: int, outcome: Outcome | None) -> str:
    """Why it ended as it did, in the words of ``status``; empty where it succeeded, or nothing was said."""
    if fact.attempt == number and fact.status not in LIVE:
        return fact.reason
    over = outcome is not None or number != fact.attempt or fact.status is Status.QUEUED
    if outcome is None and (given_up := _given_up(known, fact.unit, number)):
        return f"not seen; given up {units.moment(given_up, time.time())} by the user (run --lost)"
    if number in fact.causes and over:
        return SHORT[fact.causes[number]]
    state = known.heard.get(token, {}).get(ended.key(token, fact.unit, number), NOT_ASKED)
    return status_of(state, outcome, started=True)[1] or ("cut short" if over and outcome is None else "")


def _given_up(known: Known, unit: Unit, number: int) -> float | None:
    """When the user said that an attempt, which could not be seen, had ended."""
    after = (record for record in known.submissions if unit.trial in record.given_up and unit in record.units)
    found = (one.submitted_at for one in after if one.attempts[one.units.index(unit)] == number + 1)
    return next(found, None)
