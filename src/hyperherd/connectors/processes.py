"""Which process is meant, though pids are used again: host, boot, pid and start time together."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_UNKNOWN = "-"


@dataclass(frozen=True)
class Identity:
    """One process. ``boot_id`` is the kernel's (``-`` where there is none), ``start`` its start time.

    ``start`` is in clock ticks since boot (field 22 of /proc/<pid>/stat, man proc), on macOS in hundredths
    of a second since the epoch; None where unknown.
    """

    host: str
    boot_id: str
    pid: int
    start: int | None

    def __str__(self) -> str:
        return f"{self.host}:{self.boot_id}:{self.pid}:{_UNKNOWN if self.start is None else self.start}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """The reverse of ``str``; raises ValueError.

        >>> Identity.parse("node1:0b1c:12:-")
        Identity(host='node1', boot_id='0b1c', pid=12, start=None)
        """
        host, boot_id, pid, start = text.rsplit(":", 3)
        return cls(host, boot_id, int(pid), None if start == _UNKNOWN else int(start))


def me() -> Identity:
    """This process."""
    return of(os.getpid())


def of(pid: int) -> Identity:
    """A process of this host; ``start`` is None where it has ended."""
    return Identity(socket.gethostname(), boot_id(), pid, started(pid))


def alive(identity: Identity) -> bool | None:
    """Whether the process is still there (a zombie is not); None for another host, where nobody can say."""
    if identity.host != socket.gethostname():
        return None
    if _UNKNOWN not in (identity.boot_id, boot_id()) and identity.boot_id != boot_id():
        return False
    start = started(identity.pid)
    return start is not None and identity.start in (None, start)


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's name for this boot, or ``-``."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _UNKNOWN


def started(pid: int) -> int | None:
    """The start time of a live process in the unit of `Identity`, or None."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None if os.path.exists("/proc/self/stat") else _started_without_proc(pid)
    # The name, field 2, may hold blanks and parentheses.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _started_without_proc(pid: int) -> int | None:
    import psutil  # 20 ms, and not needed on Linux

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() * 100)
    except psutil.NoSuchProcess:
        return None
