"""Asking before what cannot be taken back, and ending what was started when the terminal goes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from hyperherd.errors import UsageError


def ask(what: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere ``--yes`` is needed. Raises `UsageError`, and `click.Abort` for a no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would {what}, and there is nobody to ask", hint="add --yes")
    click.confirm(f"This will {what}. Go on?", abort=True, err=True)


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
