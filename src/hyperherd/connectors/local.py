"""This machine, reached: the only module that starts processes.

Programs are given as argument lists, never as a shell's words.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperherd.errors import CommandNotFoundError, CommandTimeoutError


@dataclass(frozen=True)
class Completed:
    """A program that ended: ``code`` is negative for a signal; text is UTF-8, other bytes as surrogates."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run a program to its end; stdin is /dev/null.

    The program has a session of its own, so that on time-out (or an exception such as Ctrl-C) it is killed
    together with its children. Raises `CommandTimeoutError` with what it had written so far, and
    `CommandNotFoundError`.
    """
    process = _start(argv, cwd, env)
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as expired:
        _kill(process)
        raise CommandTimeoutError(argv, timeout_s, _text(expired.stderr)) from None
    except BaseException:
        _kill(process)
        raise
    return Completed(tuple(argv), process.returncode, _text(out), _text(err))


def spawn(
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
    environment = dict(os.environ if env is None else env)
    program = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
    if program is None:
        raise CommandNotFoundError(argv)
    sink = os.devnull if output is None else str(output)
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, sink, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    if session:
        return os.posix_spawn(program, list(argv), environment, file_actions=actions, setsid=True)
    return os.posix_spawn(program, list(argv), environment, file_actions=actions, setpgroup=0)


def _start(
    argv: Sequence[str], cwd: str | Path | None, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise CommandNotFoundError(argv) from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Its whole session, while the pid is surely its own (it has not been waited for)."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "surrogateescape")
