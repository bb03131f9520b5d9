"""All about one trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperherd.engine.launch import trial_variables
from hyperherd.engine.reconcile import Fact, Known
from hyperherd.sweep import overrides
from hyperherd.sweep.trial import Trial
from hyperherd.workspace import attempts, layout, logs, results
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission


@dataclass(frozen=True)
class AttemptView:
    """One attempt; times are seconds since the epoch, None where nobody noted them."""

    number: int
    job: str
    node: str
    started_at: float | None
    ended_at: float | None
    exit_code: int | None
    terminated: bool


@dataclass(frozen=True)
class Inspection:
    """``command`` and ``environment`` are what the launch script gets, ``last_error`` the last line of stderr."""

    fact: Fact
    command: Sequence[str]
    environment: Mapping[str, str]
    attempts: Sequence[AttemptView]
    metrics: Mapping[str, Any]
    last_error: str | None


def inspect(workspace: Workspace, known: Known, index: int) -> Inspection:
    """Read everything that there is about the trial ``index``, which is in ``known``."""
    fact = known.facts[index]
    record = fact.submission or Submission()
    handed = overrides.handed(fact.trial, record.static_overrides)
    return Inspection(
        fact=fact,
        command=("bash", record.launch, handed.argument) if record.launch else (),
        environment=_environment(workspace, known, fact.trial, handed),
        attempts=_attempts(workspace, known, index),
        metrics=results.finals(workspace.results, index),
        last_error=logs.last_line(workspace.stderr(index)),
    )


def _environment(
    workspace: Workspace, known: Known, trial: Trial, handed: overrides.Handed
) -> dict[str, str]:
    common = {layout.ENV_WORKSPACE: str(workspace.root), layout.ENV_SWEEP_NAME: known.manifest.name}
    return {**common, **dict(trial_variables(trial, handed, str(workspace.results)))}


def _attempts(workspace: Workspace, known: Known, index: int) -> list[AttemptView]:
    notes = attempts.read(workspace).notes
    by_token = {record.token: record for record in known.submissions}
    newest = known.newest_attempt.get(index, 0)
    views = []
    for number in range(1, newest + 1):
        claim = attempts.claim(workspace, index, number)
        if claim is None:
            continue
        outcome = notes.get((index, number))
        note = attempts.note(workspace, index, number, outcome) if outcome else None
        record = by_token.get(claim.token)
        views.append(
            AttemptView(
                number=number,
                job=record.slurm_job_id or "" if record else "",
                node=claim.host,
                started_at=claim.claimed_at,
                ended_at=note.ended_at if note else None,
                exit_code=outcome.exit_code if outcome else None,
                terminated=outcome.terminated if outcome else False,
            )
        )
    return views
