"""What every way of reaching a machine can do. Programs are given as argument lists, never as a shell's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """A program that ended: ``code`` is negative for a signal; text is UTF-8, other bytes as surrogates."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class Connector(Protocol):
    """How a machine's programs are run. `LocalConnector` is this machine's."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program to its end; stdin is /dev/null.

        On time-out, or an exception such as Ctrl-C, it is killed together with its children. Raises
        `CommandTimeoutError` with what it had written so far, and `CommandNotFoundError`.
        """

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: Path | None = None,
        session: bool = True,
    ) -> int:
        """Start a program and return its pid without waiting for it; stdin is /dev/null.

        ``output`` gets stdout and stderr, appended (None: /dev/null). ``session``: a session of its own, so that it
        outlives the terminal; else a process group of its own. Raises `CommandNotFoundError`.
        """
