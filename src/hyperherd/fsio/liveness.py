"""Whether a process lives that was written down: boot, pid namespace, pid and start time, as pids are used again.

All are words, ``-`` where unknown. The lock and the launcher of this machine both ask here.
"""

from __future__ import annotations

import os
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:  # start-up time of trainers
    from collections.abc import Callable

UNKNOWN = "-"
GONE = "gone"


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's name for this boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return UNKNOWN


@lru_cache(maxsize=1)
def namespace() -> str:
    """The number of our pid namespace: containers with one host name have pids of their own."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return UNKNOWN


def start_time(pid: int) -> str:
    """Clock ticks from boot to its start (proc(5), stat, field 22); `GONE` also for a zombie.

    `UNKNOWN` where the process exists and shows no more: macOS, or another user's where /proc hides those (hidepid).
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return GONE
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name in brackets may hold anything
    except OSError:
        return UNKNOWN
    return GONE if fields[0] in b"ZX" else fields[19].decode()


def alive(
    boot: str, space: str, pid: int, start: str, started: Callable[[int], str] = start_time
) -> bool | None:
    """Whether this process of a host with our name lives; None where that cannot be seen from here."""
    here = boot_id()
    if UNKNOWN not in (boot, here) and boot != here:
        return False
    ours = namespace()
    if pid < 1 or (UNKNOWN not in (space, ours) and space != ours):
        return None
    now = started(pid)
    if now == GONE or start in (UNKNOWN, now):
        return now != GONE
    return None if now == UNKNOWN else False
