"""A command on a pty of its own, and what a person would see there (drawn by pyte, a terminal emulator)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyte

DEADLINE_S = 120.0


class Screen:
    """A process whose terminal this is: ``raw`` is all that it wrote, ``lines`` what is seen, scrolled lines too."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, columns: int, rows: int) -> None:
        self.process = process
        self.master = master
        self.raw = b""
        self.emulator = pyte.HistoryScreen(columns, rows, history=100_000, ratio=1)
        self._stream = pyte.ByteStream(self.emulator)

    @property
    def lines(self) -> list[str]:
        """Every line from the first output on, without blanks at its end and without empty lines at the bottom."""
        scrolled = [
            "".join(row[x].data for x in range(self.emulator.columns)) for row in self.emulator.history.top
        ]
        shown = [line.rstrip() for line in (*scrolled, *self.emulator.display)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, met: Callable[[Screen], object]) -> None:
        """Read until ``met`` holds. Fails with the screen when the process ends before, or at the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not met(self):
            if not self._read(0.2) and self.process.poll() is not None and not self._read(0):
                raise AssertionError(f"it ended before that was seen:\n{self.text}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen in {DEADLINE_S:g} s:\n{self.text}")

    def ends(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            self._read(0.1)
            if time.monotonic() > deadline:
                raise AssertionError(f"still there after {DEADLINE_S:g} s:\n{self.text}")
        while self._read(0):
            pass
        return self.process.returncode

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self.master], [], [], timeout_s)[0]:
            return False
        try:
            chunk = os.read(self.master, 65536)
        except OSError:  # Linux: EIO once nobody holds the other side
            chunk = b""
        self.raw += chunk
        self._stream.feed(chunk)
        return bool(chunk)


@contextlib.contextmanager
def terminal(
    *words: str | Path,
    columns: int = 80,
    rows: int = 24,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Screen]:
    """Run a command on a new pty that is its controlling terminal, so that Ctrl-C reaches it as from a keyboard."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    base = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} if env is None else dict(env)
    for name in ("COLUMNS", "LINES"):
        base.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-c", _LEAD, *map(str, words)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=base,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Screen(process, master, columns, rows)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(master)


_LEAD = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""The leader of a session takes its terminal, and becomes the command."""


def seen(
    *words: str | Path, columns: int = 80, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Screen:
    """The screen once the command has ended."""
    with terminal(*words, columns=columns, cwd=cwd, env=env) as screen:
        screen.ends()
        return screen
