"""For a process with this folder on PYTHONPATH: `herd` is killed right before its Nth change to the world.

N is in the environment as ``KILLED_BEFORE``. A change is a file opened to be written, renamed or linked, or a program
started. What ``herd`` itself starts is not killed.
"""

import os
import signal
import sys

_CHANGES = frozenset({"os.rename", "os.link", "subprocess.Popen", "os.posix_spawn"})
_left = int(os.environ.get("KILLED_BEFORE", "0"))


def _count(event, args):
    global _left
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if event in _CHANGES or (writes and not str(args[0]).startswith("/dev/") and ".pyc" not in str(args[0])):
        _left -= 1
        if not _left:
            os.kill(os.getpid(), signal.SIGKILL)


if _left and sys.orig_argv[1:3] == ["-m", "hyperherd"]:
    sys.addaudithook(_count)
