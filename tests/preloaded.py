"""``herd`` without its start-up: a process that has loaded all of it forks for each command.

As a program it is that process; `run` and `Started` are for the tests' harness. A fork sees what a fresh
``python -m hyperherd`` would: its arguments, environment, folder, umask, standard streams and signals. Where Python
itself would start in another way (its own variables, the locale, another path for modules) `fits` says so, and the
harness starts a real one. The environment that /proc shows of a fork is the loaded process's own.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import importlib
import io
import json
import os
import pkgutil
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FIXED = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC")
"""Beginnings of variables that count when a program starts."""

_DIGITS = 16
_ENVIRON = dict(
    os.environ
)  # not that of a test, by which it would be ended with all else that the test has started
_LEFT_OUT = ("hyperherd.integrations", "hyperherd.heracles", "hyperherd.hydra", "hyperherd.__main__")


def fits(environment: Mapping[str, str]) -> bool:
    """Whether a fresh Python would start in this environment as the loaded one did."""
    return _fixed(environment) == _fixed(_loaded_with())


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(FIXED)}


@functools.cache
def _loaded_with() -> dict[str, str]:
    import hyperherd

    return {**_ENVIRON, "PYTHONPATH": str(Path(hyperherd.__file__).parents[1])}


class Started:
    """``herd WORDS`` that runs: what tests use of a Popen. Its pid is nobody else's until its end is known here."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], folder: str, outputs: Sequence[int]
    ) -> None:
        """``outputs``: descriptors of stdout and stderr."""
        server = _server()  # which may not be started (`quick`): then nothing is left open
        umask = os.umask(0)
        os.umask(umask)
        asked = {"words": list(words), "env": dict(env), "folder": folder, "umask": umask}
        asked |= {"cpus": sorted(os.sched_getaffinity(0))}
        self.args = [sys.executable, "-m", "hyperherd", *words]
        self.returncode: int | None = None
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, _LOCK:
            _send(server, json.dumps(asked), [theirs.fileno(), *outputs])
        self.pid = self._number()

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, as a Popen says it. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._status], [], [], None if timeout is None else max(0.0, timeout))[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            with self._status:
                self.returncode = self._number()
        return self.returncode

    def _number(self) -> int:
        return int(self._status.recv(_DIGITS, socket.MSG_WAITALL))

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def run(
    words: Sequence[str], *, env: Mapping[str, str], folder: str, limit_s: float, errors: str
) -> subprocess.CompletedProcess[str]:
    """``herd WORDS`` to its end. Raises `subprocess.TimeoutExpired`."""
    deadline = time.monotonic() + limit_s
    streams = [os.pipe(), os.pipe()]
    try:
        started = Started(words, env, folder, [write for _, write in streams])
    except BaseException:
        for read, _ in streams:
            os.close(read)
        raise
    finally:
        for _, write in streams:
            os.close(write)
    texts: list[str] = ["", ""]
    readers = [
        threading.Thread(target=_read, args=(streams[k][0], errors, texts, k), daemon=True) for k in (0, 1)
    ]
    for reader in readers:
        reader.start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(limit_s)
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))
    if started.returncode is None or any(reader.is_alive() for reader in readers):
        started.kill()
        started.wait()
        raise subprocess.TimeoutExpired(started.args, limit_s, texts[0], texts[1])
    return subprocess.CompletedProcess(started.args, started.returncode, texts[0], texts[1])


def _read(descriptor: int, errors: str, texts: list[str], place: int) -> None:
    with open(descriptor, encoding="utf-8", errors=errors, newline=None) as stream:
        texts[place] = stream.read()


_LOCK = threading.Lock()
_STARTED: list[subprocess.Popen[bytes]] = []


@functools.cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs, contextlib.ExitStack() as unless_started:
        unless_started.callback(ours.close)
        argv = [sys.executable, __file__, str(theirs.fileno())]
        _STARTED.append(subprocess.Popen(argv, env=_loaded_with(), pass_fds=[theirs.fileno()]))
        unless_started.pop_all()
    atexit.register(_ended, ours)
    return ours


def _ended(ours: socket.socket) -> None:
    ours.close()
    for process in _STARTED:
        process.wait()


def _send(to: socket.socket, text: str, descriptors: Sequence[int]) -> None:
    data = text.encode("utf-8", "surrogateescape")
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    to.sendmsg([len(data).to_bytes(8, "big")], ancillary)
    to.sendall(data)


def serve(asks: socket.socket) -> None:
    """Fork for each command that is asked for, until nobody can ask any more."""
    for found in pkgutil.walk_packages(importlib.import_module("hyperherd").__path__, "hyperherd."):
        if not found.name.startswith(_LEFT_OUT):
            importlib.import_module(found.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, descriptors, _, _ = socket.recv_fds(asks, 8, 3)
        if not head:
            return
        length, data = int.from_bytes(head, "big"), b""
        while len(data) < length:
            data += asks.recv(length - len(data))
        if os.fork() == 0:
            asks.close()
            _attend(json.loads(data.decode("utf-8", "surrogateescape")), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(asked: dict[str, Any], descriptors: Sequence[int]) -> None:
    """In a process of its own: start the command, say its pid, and when it ends how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status, stdout, stderr = descriptors
    pid = os.fork()
    if pid == 0:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.closerange(3, 1024)
        _be_herd(asked)
    os.close(stdout)
    os.close(stderr)
    os.write(status, f"{pid:{_DIGITS}}".encode())
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    with contextlib.suppress(OSError):  # nobody waits for it
        os.write(status, f"{code:{_DIGITS}}".encode())
        os.read(status, 1)  # who has asked knows its end: its pid may be given away
    os._exit(0)


def _be_herd(asked: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(asked["umask"])
    os.sched_setaffinity(0, asked["cpus"])
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    sys.argv = ["hyperherd", *asked["words"]]
    sys.path[0] = os.getcwd()
    random.seed()
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace", line_buffering=True
    )
    from hyperherd.cli.main import main

    code: object = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001  # as Python does at its top
        sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
