"""Time limits on this machine: trials are told before, and ended at it, as Slurm does.

Only where the sweep has both a limit (``slurm.time``) and a `requeue` after it, or where this machine was asked to hold
one (`Share`): no other trial is ended here.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from hyperherd.attempts import claims, filenames, notes
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.fsio import processes
from hyperherd.jobs import Batch, Element, Requeue
from hyperherd.launchers.direct import process_trees
from hyperherd.launchers.node.script import warning_signal

GRACE_S = 10.0
"""From SIGTERM to SIGKILL; the script's own bash has a second more, to note how its trial ended."""

_LOOK_AGAIN_S = 0.2


@dataclass(frozen=True)
class Limit:
    """What each trial of a batch may take, and what happens then: without ``requeue`` that is its end."""

    time_s: float
    requeue: Requeue | None
    attempts: AttemptFolder
    first: Mapping[Unit, int]

    def allows_another(self, element: Element) -> bool:
        """Whether the trial goes on in another attempt after this one has met the limit."""
        if self.requeue is None:
            return False
        before = range(self.first[element.unit], element.attempt)
        used = sum(notes.is_marked(self.attempts, element.unit, n, filenames.TIMEOUT) for n in before)
        return used < self.requeue.max_timeouts


def limit_of(batch: Batch) -> Limit | None:
    """None where its trials may take as long as they like."""
    requeue = batch.requeue if batch.requeue and batch.requeue.warns else None
    times = [(batch.request.time_s or math.inf) if requeue else math.inf, batch.share.time_s or math.inf]
    first = {element.unit: element.attempt for element in batch.elements}
    return None if math.isinf(min(times)) else Limit(min(times), requeue, batch.files.attempts, first)


Step: TypeAlias = "Callable[[int, _Running, float], tuple[Step, float]]"
"""Does something to the trial of a pid at a time, and says what comes next, and when."""


@dataclass
class _Running:
    """A trial, and what comes next for it at which time (by the caller's clock)."""

    element: Element
    started: float
    step: Step
    at: float


class Deadlines:
    """``mark`` gives what an element's processes carry. Without a ``limit`` nothing is ever due."""

    def __init__(self, limit: Limit | None, mark: Callable[[Element], str]) -> None:
        self._limit = limit
        self._mark = mark
        self._running: dict[int, _Running] = {}

    def started(self, pid: int, element: Element, now: float) -> None:
        """The trial's script has begun."""
        if self._limit is None:
            return
        step, notice_s = partial(self._end, self._limit), 0.0
        if requeue := self._limit.requeue:
            step, notice_s = partial(self._warn, self._limit, requeue), requeue.notice_s
        at = now + max(self._limit.time_s - notice_s, 0.0)
        self._running[pid] = _Running(element, now, step, at)

    def ended(self, pid: int) -> None:
        """The trial's script has ended."""
        self._running.pop(pid, None)

    def pause_s(self, now: float) -> float | None:
        """How long there is nothing to do; None: until something else happens."""
        return max(0.0, min(one.at for one in self._running.values()) - now) if self._running else None

    def act(self, now: float) -> None:
        """Do what is due."""
        for pid, one in self._running.items():
            if one.at <= now:
                one.step, one.at = one.step(pid, one, now)

    def _warn(
        self, limit: Limit, requeue: Requeue, pid: int, one: _Running, now: float
    ) -> tuple[Step, float]:
        """Not before its script has claimed the attempt: until then the signal would end it."""
        limit_at, element = one.started + limit.time_s, one.element
        if now < limit_at and not claims.exists(limit.attempts, element.unit, element.attempt):
            return partial(self._warn, limit, requeue), min(now + _LOOK_AGAIN_S, limit_at)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, f"SIG{warning_signal(requeue)}"))
        return partial(self._end, limit), max(limit_at, now)

    def _end(self, limit: Limit, pid: int, one: _Running, now: float) -> tuple[Step, float]:
        """What comes of it is said before: nobody shall take what is ended now for cancelled, or for failed where
        another attempt follows.
        """
        attempt = one.element.unit, one.element.attempt
        if limit.requeue is None and claims.exists(limit.attempts, *attempt):
            notes.mark(limit.attempts, *attempt, filenames.TIMEOUT)
        if limit.allows_another(one.element):
            notes.mark(limit.attempts, *attempt, filenames.AGAIN)
        process_trees.tell(self._living(pid, one.element))
        return self._kill, now + GRACE_S

    def _kill(self, pid: int, one: _Running, now: float) -> tuple[Step, float]:
        process_trees.kill(process for process in self._living(pid, one.element) if process.pid != pid)
        return self._kill_script, now + 1.0

    def _kill_script(self, pid: int, one: _Running, now: float) -> tuple[Step, float]:
        process_trees.kill(self._living(pid, one.element))
        return self._kill_script, now + 1.0

    def _living(self, pid: int, element: Element) -> list[process_trees.Process]:
        tree = process_trees.Trees([self._mark(element)], [(pid, processes.started(pid))])
        return tree.living(process_trees.scan())
