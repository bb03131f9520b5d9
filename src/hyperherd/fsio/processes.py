"""Which process is meant, though pids are used again: host, boot, pid namespace, pid and start time together."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from hyperherd.fsio import liveness
from hyperherd.fsio.liveness import GONE, UNKNOWN


@dataclass(frozen=True)
class Identity:
    """One process. ``boot_id`` is the kernel's, ``namespace`` its pid namespace's; ``-`` where unknown.

    ``start`` is in clock ticks since boot (field 22 of /proc/<pid>/stat, man proc), on macOS in hundredths
    of a second since the epoch; None where unknown.
    """

    host: str
    boot_id: str
    namespace: str
    pid: int
    start: int | None

    def __str__(self) -> str:
        start = UNKNOWN if self.start is None else self.start
        return f"{self.host}:{self.boot_id}:{self.namespace}:{self.pid}:{start}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """The reverse of ``str``; raises ValueError.

        >>> Identity.parse("node1:0b1c:4026:12:-")
        Identity(host='node1', boot_id='0b1c', namespace='4026', pid=12, start=None)
        """
        host, boot_id, namespace, pid, start = text.rsplit(":", 4)
        return cls(host, boot_id, namespace, int(pid), None if start == UNKNOWN else int(start))


def me() -> Identity:
    """This process."""
    return of(os.getpid())


def of(pid: int) -> Identity:
    """A process of this host; ``start`` is None where it has ended."""
    return Identity(socket.gethostname(), liveness.boot_id(), liveness.namespace(), pid, started(pid))


def of_this_boot(identity: Identity) -> bool:
    """Whether the process may still be there: its host is this one, and has not been booted since."""
    here = liveness.boot_id()
    return identity.host == socket.gethostname() and (
        UNKNOWN in (identity.boot_id, here) or identity.boot_id == here
    )


def user_name(uid: int) -> str:
    """A user, for people."""
    import pwd  # for those who meet another user's

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def alive(identity: Identity) -> bool | None:
    """Whether the process is still there (a zombie is not); None where that cannot be seen from here: on another
    host, in another container, or because it is another user's.
    """
    if identity.host != socket.gethostname():
        return None
    start = UNKNOWN if identity.start is None else str(identity.start)
    return liveness.alive(identity.boot_id, identity.namespace, identity.pid, start, _start_time)


def started(pid: int) -> int | None:
    """The start time of a live process in the unit of `Identity`, or None."""
    start = _start_time(pid)
    return None if start in (GONE, UNKNOWN) else int(start)


def _start_time(pid: int) -> str:
    return liveness.start_time(pid) if os.path.exists("/proc/self/stat") else _start_time_without_proc(pid)


def _start_time_without_proc(pid: int) -> str:
    import psutil  # 20 ms, and not needed on Linux

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return GONE
        return str(round(process.create_time() * 100))
    except psutil.AccessDenied:
        return UNKNOWN
    except psutil.NoSuchProcess:
        return GONE
