"""`stop_requested`: whether somebody has told this process to save and end (USR1, USR2, TERM)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from hyperherd.errors import CheckpointError

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)

_Handler = Callable[[int, "FrameType | None"], Any] | int | signal.Handlers | None


def stop_requested() -> bool:
    """True once SIGUSR1, SIGUSR2 or SIGTERM has come since the first call, which has to be in the main thread.

    From then on these signals no longer end the process; a handler that was installed before is called as well.
    Raises `CheckpointError` where the first call is in another thread.
    """
    awaited.begin()
    return awaited.received is not None


class _Awaited:
    """The handlers of this process. ``received`` is the first signal that came."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._earlier: dict[signal.Signals, _Handler] = {}

    def begin(self) -> bool:
        """Install the handlers; whether they were not there already."""
        if self._earlier:
            return False
        if threading.current_thread() is not threading.main_thread():
            raise CheckpointError(
                "signals can be awaited in the main thread only",
                hint="call checkpoint.stop_requested() there once, before the thread starts",
            )
        for number in SIGNALS:
            self._earlier[number] = signal.signal(number, self._receive)
        return True

    def end(self) -> None:
        """Give the signals back to the handlers before, but where somebody has installed others since."""
        for number, handler in self._earlier.items():
            if signal.getsignal(number) == self._receive:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._earlier = {}

    def forked(self) -> None:
        """In a child, such as a data loader's process: TERM ends it, as its parent expects.

        USR1 and USR2 still do nothing: they are sent to all processes of a job, and the parent needs its children to
        get to the end of its step.
        """
        self.received = None
        earlier = self._earlier.get(signal.SIGTERM)
        if signal.getsignal(signal.SIGTERM) == self._receive:
            signal.signal(signal.SIGTERM, signal.SIG_DFL if earlier is None else earlier)
        self._earlier = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or signal.Signals(number)
        earlier = self._earlier.get(signal.Signals(number))
        if callable(earlier):
            earlier(number, frame)


awaited = _Awaited()
os.register_at_fork(after_in_child=awaited.forked)
