"""What wakes a supervisor: a child that ended, a word from outside, or the clock."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType

TO_END = (signal.SIGTERM, signal.SIGINT)
TO_LOOK_AGAIN = signal.SIGUSR1
"""Sent by `herd stop`, which has claimed trials that wait."""


class Wakeups:
    """Installs the handlers of this process; make it before anybody can learn its pid."""

    def __init__(self) -> None:
        self.told_to_end = False
        self.told_to_look = False
        self._read, write = _pipe()
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, TO_LOOK_AGAIN, *TO_END):
            signal.signal(number, self._note)

    def wait(self, timeout_s: float | None) -> None:
        """Until something happens, or ``timeout_s`` (None: for ever)."""
        select.select([self._read], [], [], timeout_s)
        try:
            while os.read(self._read, 4096):
                continue
        except BlockingIOError:
            return

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in TO_END:
            self.told_to_end = True
        elif number == TO_LOOK_AGAIN:
            self.told_to_look = True


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
