"""A program in the foreground: it has our terminal, and we wait for it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Mapping, Sequence


def call(argv: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run a program with our own input and output, and return its exit code (128 + signal where one ended it).

    Ctrl-C reaches the program as well, being in our process group; we wait for its end all the same.
    """
    for descriptor in (1, 2):
        _append(descriptor)
    with subprocess.Popen(list(argv), env=dict(env)) as process:
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
