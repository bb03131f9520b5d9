"""Children of this process: they inherit what they are given, and it waits for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

_RESET = [
    signal.SIGPIPE,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGXCPU,
    signal.SIGCHLD,
]
if hasattr(signal, "SIGXFSZ"):
    _RESET.append(signal.SIGXFSZ)
"""Python, or what started it, may ignore or handle these; a child has them in their default form."""


def spawn(program: str, argv: Sequence[str], env: Mapping[str, str], descriptors: Mapping[int, int]) -> int:
    """Start the program at this path and return its pid; it leads a process group of its own.

    ``descriptors``: number in the child -> ours. Raises OSError.
    """
    inherited = [(os.POSIX_SPAWN_DUP2, ours, number) for number, ours in descriptors.items()]
    return os.posix_spawn(
        program, list(argv), env, file_actions=inherited, setpgroup=0, setsigmask=(), setsigdef=_RESET
    )
