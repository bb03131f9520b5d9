"""Told to end: a command that has started jobs for itself alone ends them first."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_TOLD = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that is closed, end what is done here as Ctrl-C does, with 128 and their number
    as the exit code. One that is ignored (``nohup``) stays so.
    """
    before = {number: signal.getsignal(number) for number in _TOLD}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """Once: a terminal that is closed says it twice."""
    for each in _TOLD:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)
