"""A trial, and what people read about it.

Three facts are stored: whether we have *stopped* it, the *state* (the scheduler's word on its newest attempt) and
the *outcome* (the trial's own note of its end). The *status* is computed from them by `status_of`, and never stored
as a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.jobs import Ended, Phase, State

if TYPE_CHECKING:
    from hyperherd.requirements import HostRequirement

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""A parameter's value: plain builtins, as YAML 1.2's core schema has them."""


@dataclass(frozen=True)
class Combination:
    """``extras`` are the overrides that conditions set; ``requires`` is what it needs of a machine. All may be shared
    with other combinations.
    """

    params: Mapping[str, Value]
    extras: Mapping[str, Value]
    requires: HostRequirement | None = None


@dataclass(frozen=True)
class Typed:
    """What makes a combination of ``herd multirun``: its overrides as typed, which of its parameters are random seeds,
    and the array indices of the script's own ``--array``; none where it has none.
    """

    words: tuple[str, ...]
    drawn: tuple[str, ...] = ()
    tasks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One set of parameters. ``hash`` is its identity: parameters and extras, types kept. Name and index never change.

    ``extras`` are the values that conditions ``set``. An ``orphan`` is no longer described by the YAML. ``typed`` is
    of a sweep over a script, None where a YAML describes it.
    """

    index: int
    hash: str
    name: str
    params: Mapping[str, Value]
    extras: Mapping[str, Value]
    orphan: bool = False
    typed: Typed | None = None

    @property
    def units(self) -> tuple[Unit, ...]:
        """What has to succeed for the trial to have succeeded: it, or its tasks."""
        if self.typed and self.typed.tasks:
            return tuple(Unit(self.index, task) for task in self.typed.tasks)
        return (Unit(self.index),)


class Status(str, Enum):
    """What people read."""

    READY = "ready"
    SUBMITTED = "submitted"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    PRUNED = "pruned"
    LOST = "lost"

    def __str__(self) -> str:
        return self.value


LIVE = frozenset({Status.SUBMITTED, Status.QUEUED, Status.RUNNING})
"""Somebody may be running it: it must not be submitted again."""

ENDED_EARLY = frozenset({Status.PAUSED, Status.PRUNED})
"""It was ended before its time, for it promised too little: it is submitted again only where it is named."""

AGAIN = frozenset({Status.READY, Status.FAILED, Status.CANCELLED})
"""The next ``herd run`` submits it."""

KEPT = LIVE | {Status.PAUSED, Status.LOST, Status.COMPLETED}
"""A trial with this status is not dropped without being asked for."""

MOST_TELLING = (
    *(Status.RUNNING, Status.QUEUED, Status.SUBMITTED, Status.PAUSED, Status.LOST, Status.FAILED),
    *(Status.CANCELLED, Status.PRUNED, Status.READY, Status.COMPLETED),
)
"""Of its tasks' statuses the first of these is the trial's: it lives while one does, has completed when all have."""

SHORT = {
    "timeout": "time limit",
    "preemption": "preempted",
    "node_fail": "node failure",
    "oom": "out of memory",
    "exit75": "exit 75",
}
"""What cut an attempt short (`hyperherd.jobs.CAUSES`), as a reason."""


def status_of(
    state: State, outcome: Outcome | None, *, started: bool, stopped: bool = False
) -> tuple[Status, str]:
    """The status of a submitted trial and the reason for it (``time limit``, ``exit 2``, why it waits).

    ``outcome`` is that of the newest attempt of the newest submission, ``started`` whether that submission has begun
    an attempt, ``stopped`` whether the user has stopped it. A live state wins over a note of failure (the attempt may
    have been queued again); success is final.

    >>> status_of(State.of_end(Ended.TIME_LIMIT), Outcome(0, terminated=True), started=True)
    (<Status.FAILED: 'failed'>, 'time limit')
    >>> status_of(State(Phase.ABSENT), None, started=True)
    (<Status.LOST: 'lost'>, 'its job is gone and left no note of its end')
    """
    if outcome is not None and outcome.succeeded:
        return Status.COMPLETED, ""
    if state.phase is Phase.QUEUED:
        return Status.QUEUED, state.reason
    if state.phase is Phase.RUNNING:
        return Status.RUNNING, ""
    if state.phase is Phase.UNKNOWN and outcome is None:
        return (Status.RUNNING if started else Status.SUBMITTED), ""
    return _ended(state, outcome, started=started, stopped=stopped)


def _ended(state: State, outcome: Outcome | None, *, started: bool, stopped: bool) -> tuple[Status, str]:
    if stopped or state.end is Ended.CANCELLED:
        return Status.CANCELLED, ""
    if state.end is Ended.NEVER_STARTED:
        return Status.READY, ""
    if state.end and state.end.from_outside:
        return Status.FAILED, state.end.value
    if outcome is not None:
        told = "told to end, " if outcome.terminated else ""
        return Status.FAILED, f"{told}exit {outcome.exit_code}"
    if state.end is Ended.COMPLETED:
        return Status.COMPLETED, ""
    if state.phase is Phase.ENDED:
        return Status.FAILED, _scheduler_words(state) if started else "ended before it began"
    return Status.LOST, "its job is gone and left no note of its end"


def _scheduler_words(state: State) -> str:
    if state.signal:
        return f"signal {state.signal}"
    if state.exit_code:
        return f"exit {state.exit_code}"
    return state.word.lower().replace("_", " ")
