"""This machine, reached."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hyperherd.connectors.connector import Completed
from hyperherd.errors import CommandNotFoundError, CommandTimeoutError


class LocalConnector:
    """Runs programs here; see `hyperherd.connectors.connector.Connector` for what its methods promise."""

    def __init__(self) -> None:
        self._spawned: set[int] = set()

    def __reduce__(self) -> tuple[Callable[[], LocalConnector], tuple[()]]:
        """Whoever reads it is on a machine of its own, with children of its own."""
        return _shared, ()

    @classmethod
    @functools.cache
    def instance(cls) -> LocalConnector:
        """The one that all share."""
        return cls()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        # A session of its own, so that it can be killed with its children.
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
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: Path | None = None,
        session: bool = True,
    ) -> int:
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
        self._reap()
        if session:
            pid = os.posix_spawn(program, list(argv), environment, file_actions=actions, setsid=True)
        else:
            pid = os.posix_spawn(program, list(argv), environment, file_actions=actions, setpgroup=0)
        self._spawned.add(pid)
        return pid

    def _reap(self) -> None:
        """Of what was spawned and has ended nothing stays in the table of processes, however long this one lives."""
        for pid in list(self._spawned):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._spawned.discard(pid)


def _shared() -> LocalConnector:
    return LocalConnector.instance()


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


def call(argv: Sequence[str], *, env: Mapping[str, str] | None) -> int:
    """Run a program with our own input and output, and return its exit code (128 + signal where one ended it).

    Ctrl-C reaches the program as well, being in our process group; we wait for its end all the same.
    """
    for descriptor in (1, 2):
        _append(descriptor)
    with subprocess.Popen(list(argv), env=None if env is None else dict(env)) as process:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return code if code >= 0 else 128 - code


def _append(descriptor: int) -> None:
    """A program that opens ``/dev/stdout`` anew appends; without this, we would write over that where it is a file."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)
