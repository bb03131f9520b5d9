"""How long trials take, learned from those that have ended, and so how long is left."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hyperherd.attempts.notes import Note
from hyperherd.engine.facts import Fact
from hyperherd.sweep.trial import Status
from hyperherd.workspace import attempt_folders
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.results import Point

LEAST = 3
"""Completed trials that an estimate stands on at least."""
SAMPLE, MOST = 200, 2_000
"""Trials whose notes are read, each is a file: to learn from, and at most where each one's time is wanted."""

_ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


@dataclass(frozen=True)
class Times:
    """``took``: trial -> seconds in all of its attempts, of those that have ended, or of `SAMPLE` of them; ``done`` are
    those that have completed. ``gpu_s``: GPU-seconds of all that have ended, None where nobody asked for GPUs;
    ``exact``: nothing of that is a projection.
    """

    took: Mapping[int, float] = field(default_factory=dict)
    done: frozenset[int] = frozenset()
    gpu_s: float | None = None
    exact: bool = True

    @property
    def median_s(self) -> float | None:
        """Seconds that a trial takes which completes."""
        known = [took for index, took in self.took.items() if index in self.done]
        return statistics.median(known) if len(known) >= LEAST else None


def times(workspace: Workspace, facts: Mapping[int, Fact], wanted: Iterable[int] = ()) -> Times:
    """Those of the trials that have ended, of the ``wanted`` ones surely."""
    ended = [fact for fact in facts.values() if fact.status in _ENDED and fact.submission]
    done = frozenset(fact.trial.index for fact in ended if fact.status is Status.COMPLETED)
    chosen = {fact.trial.index: fact for fact in _evenly(ended, SAMPLE)}
    chosen |= {i: fact for i in list(wanted)[:MOST] if (fact := facts.get(i)) and fact.status in _ENDED}
    notes = attempt_folders.notes_of(workspace, [run.unit for fact in chosen.values() for run in fact.runs])
    took, used = {}, 0.0
    for index, fact in chosen.items():
        each = [sum(_spans(notes[run.unit])) for run in fact.runs]  # tasks run side by side
        if any(each):
            took[index] = max(each)
            used += sum(each) * (fact.submission.gpus or 0 if fact.submission else 0)
    gpu_s = used * len(ended) / len(chosen) if used else None
    return Times(took, done, gpu_s, exact=len(chosen) >= len(ended))


def _spans(notes: Iterable[Note]) -> Iterable[float]:
    """Seconds of each attempt that noted them."""
    for note in notes:
        if note.ended_at is not None and note.started_at is not None:
            yield max(note.ended_at - note.started_at, 0.0)


def _evenly(facts: Sequence[Fact], most: int) -> Sequence[Fact]:
    return facts if len(facts) <= most else [facts[k * len(facts) // most] for k in range(most)]


def left_s(
    now: float,
    began_at: float | None,
    points: Sequence[Point],
    steps: float | None,
    median_s: float | None,
) -> float | None:
    """Seconds that a running trial still takes: by the pace of its steps since it began (``points``) and the ``steps``
    that others have made, else by how long others took. None where nobody can say, or it takes longer than they did.

    >>> left_s(100.0, 0.0, [Point(0, 1.0, 10.0), Point(5, 1.0, 60.0)], 10, None), left_s(100.0, 40.0, [], None, 90.0)
    (10.0, 30.0)
    """
    if steps is not None and len(points) > 1 and points[-1].step > points[0].step:
        pace = (points[-1].ts - points[0].ts) / (points[-1].step - points[0].step)
        if pace > 0:
            return max(pace * (steps - points[-1].step) - (now - points[-1].ts), 0.0)
    if median_s is None or began_at is None:
        return None
    left = median_s - (now - began_at)
    return left if left > 0 else None


def left_of_all_s(left: Sequence[float | None], waiting: int, median_s: float | None) -> float | None:
    """Seconds until the last trial ends, if as many run at once as now: of ``left`` each has what is left of one that
    runs. None while none runs, or nobody can say.

    >>> left_of_all_s([60.0, 20.0], 0, 100.0), left_of_all_s([60.0, None], 4, 100.0), left_of_all_s([], 4, 100.0)
    (60.0, 280.0, None)
    """
    if not left or median_s is None:
        return None
    known = [median_s if one is None else one for one in left]
    return max([(sum(known) + waiting * median_s) / len(known), *known])
