"""The signals that tell a training to save, acted on between two steps, when the state is of one moment.

USR1 and USR2 mean: save, and be queued again. In a Submitit job they lead into Submitit's own requeue; elsewhere the
program exits with 75 (EX_TEMPFAIL: not finished, run me again), which `herd` understands. TERM means that the end is
near: it saves; a Submitit job goes on until it is killed, any other program exits with 143.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from enum import IntEnum
from types import FrameType, TracebackType
from typing import Any

from submitit.helpers import DelayedSubmission

log = logging.getLogger(__name__)

NOT_FINISHED = 75
TERMINATED = 128 + signal.SIGTERM


class Asked(IntEnum):
    """What a signal asks for; the larger one counts."""

    NOTHING = 0
    SAVE = 1
    LEAVE = 2


_MEANING = {signal.SIGTERM: Asked.SAVE, signal.SIGUSR1: Asked.LEAVE, signal.SIGUSR2: Asked.LEAVE}

_after_requeue: DelayedSubmission | None = None


class Interruption:
    """Within ``with``, notes signals; the training loop looks at `asked` after each step, saves, and calls `leave`."""

    def __init__(self) -> None:
        self.asked = Asked.NOTHING
        self._before: dict[signal.Signals, Any] = {}

    def leave(self, asked: int, then: DelayedSubmission) -> None:
        """Do what was asked for, once the state is saved. ``then`` is what runs after a requeue.

        Returns where the training is to go on. Raises SystemExit, and what Submitit raises where the job is not queued
        again: the run has then failed, and says why.
        """
        self.asked = Asked.NOTHING
        requeue = self._submitit
        if asked == Asked.SAVE:
            if requeue is None:
                log.warning("SIGTERM: the state is saved; run the same command to go on")
                raise SystemExit(TERMINATED)
            log.warning("SIGTERM: the state is saved; the training goes on until the end")
            return
        if requeue is None:
            log.warning("told to leave: the state is saved; run the same command to go on")
            raise SystemExit(NOT_FINISHED)
        resume_with(then)
        # scontrol belongs to the job that it queues again: the SIGTERM that follows must not cut off its answer.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        requeue(signal.SIGUSR2, None)
        raise SystemExit(NOT_FINISHED)  # not rank 0, which has queued the job again

    @property
    def _submitit(self) -> Callable[[int, FrameType | None], None] | None:
        """Submitit's handler, which queues the job again; None outside of its jobs."""
        before = self._before[signal.SIGUSR2]
        return before if callable(before) else None

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.asked = max(self.asked, _MEANING[signal.Signals(signum)])

    def __enter__(self) -> Interruption:
        self._before = {signum: signal.signal(signum, self._note) for signum in _MEANING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, before in self._before.items():
            signal.signal(signum, before)


def after_requeue() -> DelayedSubmission | None:
    """What the trainer's ``checkpoint()`` has returned, in this job or before it was queued again."""
    return _after_requeue


def resume_with(then: DelayedSubmission | None) -> None:
    """Keep what runs after a requeue; the launcher tells it again at the start of the job."""
    global _after_requeue
    _after_requeue = then
