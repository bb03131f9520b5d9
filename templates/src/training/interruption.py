"""The signals that tell a training to save, acted on between two steps, when the state is of one moment.

USR1 and USR2 mean: save, and be queued again. In a Submitit job they lead into Submitit's own requeue; elsewhere the
program exits with 75 (EX_TEMPFAIL: not finished, run me again), which `herd` understands. TERM means that the end is
near: it saves; a Submitit job goes on until it is killed, any other program exits with 143.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from submitit.helpers import DelayedSubmission

log = logging.getLogger(__name__)

NOT_FINISHED = 75
TERMINATED = 128 + signal.SIGTERM
_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)

_after_requeue: DelayedSubmission | None = None


class Interruption:
    """Within ``with``, notes signals; the training loop asks `requested` after each step.

        with Interruption() as interruption:
            for batch in batches:
                ...
                if interruption.requested:
                    interruption.leave(self.checkpoint(cfg))
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come since the last `leave`."""
        return self._received is not None

    def leave(self, then: DelayedSubmission) -> None:
        """Do what the signal asked for, after the state was saved. ``then`` is what runs after a requeue.

        Returns only where the training is to go on. Raises SystemExit, and what Submitit raises where the job is not
        queued again: the run has then failed, and says why.
        """
        received, self._received = self._received, None
        if received is None:
            return
        requeue = self._submitit
        if received is signal.SIGTERM:
            if requeue is None:
                raise SystemExit(TERMINATED)
            log.warning("SIGTERM: the state is saved; training goes on until the end")
            return
        if requeue is None:
            log.warning("%s: the state is saved; run the same command to go on", received.name)
            raise SystemExit(NOT_FINISHED)
        global _after_requeue
        _after_requeue = then
        requeue(received, None)

    @property
    def _submitit(self) -> Callable[[int, FrameType | None], None] | None:
        """Submitit's handler, which queues the job again; None outside of its jobs."""
        before = self._before[signal.SIGUSR2]
        return before if callable(before) else None

    def _note(self, signum: int, frame: FrameType | None) -> None:
        # A request to save and leave is not taken back by the SIGTERM that may come with it.
        if self._received in (None, signal.SIGTERM):
            self._received = signal.Signals(signum)

    def __enter__(self) -> Interruption:
        self._before = {signum: signal.signal(signum, self._note) for signum in _SIGNALS}
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
    """Told by the launcher at the start of a job."""
    global _after_requeue
    _after_requeue = then
