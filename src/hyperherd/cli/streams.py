"""stdin, stdout and stderr, which a shell may have closed, and whose disk may be full."""

from __future__ import annotations

import errno
import os
import sys

NO_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
"""What writing to stdout fails with where nobody can take it: a full disk, a terminal that is gone."""


def open_all() -> None:
    """Give those that are closed (``herd ls >&-``) to nobody: a file opened later would get their number, and what
    trials and Slurm's commands print would end up in it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def drop_stdout() -> None:
    """Throw away what is still to be written, so that nothing fails at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
