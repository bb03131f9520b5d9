"""All processes of a trial, wherever they have gone, and how they are ended.

A process belongs to a trial when it carries the trial's mark in its environment, is in the group of its
script's bash, or descends from one that belongs. Reading is /proc on Linux, psutil elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from hyperherd.attempts import variables

_MARK = b"\0" + variables.MARK.encode() + b"="
_SUPERVISOR = b"\0" + variables.SUPERVISOR.encode() + b"="

KILL_WAIT_S = 5.0
"""How long a process may take to die of SIGKILL before we say that it cannot be killed (it hangs in the kernel)."""


@dataclass(frozen=True)
class Process:
    """``start`` in the unit of `Identity`; ``mark`` and ``supervisor`` are what its environment held at its start."""

    pid: int
    parent: int
    group: int
    session: int
    start: int
    mark: str = ""
    supervisor: str = ""
    zombie: bool = False


@dataclass(frozen=True)
class Trees:
    """Trials by their marks, and (pid, start) of their scripts' bash where known."""

    marks: Collection[str]
    leaders: Collection[tuple[int, int | None]] = ()
    known: set[tuple[int, int]] = field(default_factory=set)

    def living(self, processes: Iterable[Process]) -> list[Process]:
        """Their processes among these, parents first where the numbers say so; this process is never among
        them.

        What was found once is remembered, so that it is found again after its parent has gone.
        """
        by_pid = {process.pid: process for process in processes}
        groups = {pid for pid, start in self.leaders if _is_group_of(by_pid.get(pid), start)}
        seeds = [p for p in by_pid.values() if self._is_seed(p, groups)]
        members = _with_descendants(seeds, by_pid.values())
        self.known.update((p.pid, p.start) for p in members)
        return [p for p in members if not p.zombie and p.pid != os.getpid()]

    def _is_seed(self, process: Process, groups: Collection[int]) -> bool:
        return (
            process.mark in self.marks
            or process.group in groups
            or (process.pid, process.start) in self.known
        )


def joined(trees: Iterable[Trees]) -> Trees:
    """All of them as one."""
    trees = list(trees)
    marks = {mark for tree in trees for mark in tree.marks}
    leaders = [leader for tree in trees for leader in tree.leaders]
    return Trees(marks, leaders, {one for tree in trees for one in tree.known})


def _is_group_of(found: Process | None, start: int | None) -> bool:
    """Whether a group is still that of its first leader: its number is not given away while one member lives."""
    return found is None or start is None or found.start == start


def _with_descendants(seeds: Iterable[Process], processes: Iterable[Process]) -> list[Process]:
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    rest = list(seeds)
    while rest:
        process = rest.pop()
        if process.pid not in found:
            found[process.pid] = process
            rest += children.get(process.pid, [])
    return sorted(found.values(), key=lambda process: (process.start, process.pid))


def end(
    trees: Trees,
    grace_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> list[Process]:
    """SIGTERM to all of them, once each; SIGKILL after ``grace_s``; return when none lives.

    The scripts' bash come last, so that they can note how their trials ended. What is returned could not be
    killed: it belongs to somebody else, or hangs in the kernel.
    """
    deadline = clock() + grace_s
    told: set[tuple[int, int]] = set()
    pause_s = 0.005
    while living := trees.living(scan()):
        late_s = clock() - deadline
        if late_s >= KILL_WAIT_S:
            return living
        if late_s >= 0:
            leaders = {pid for pid, _ in trees.leaders}
            others = [process for process in living if process.pid not in leaders]
            _signal((others if late_s < 1 else []) or living, signal.SIGKILL)
        else:
            tell([process for process in living if (process.pid, process.start) not in told])
            told.update((process.pid, process.start) for process in living)
        sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)
    return []


def tell(processes: Iterable[Process]) -> None:
    """SIGTERM, and SIGCONT for those that are stopped and would not notice."""
    processes = list(processes)
    _signal(processes, signal.SIGTERM)
    _signal(processes, signal.SIGCONT)


def kill(processes: Iterable[Process]) -> None:
    _signal(processes, signal.SIGKILL)


def _signal(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        # Gone meanwhile, or not ours: `end` reports who is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def scan() -> list[Process]:
    """Every process of this host that we may look at; an environment that we may not read counts as empty."""
    if not os.path.exists("/proc/self/stat"):
        return _scan_without_proc()
    found = (_read(name) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def read(pids: Iterable[int]) -> list[Process]:
    """These processes, those that are still there."""
    wanted = set(pids)
    if not os.path.exists("/proc/self/stat"):
        return [process for process in _scan_without_proc() if process.pid in wanted]
    return [found for pid in wanted if (found := _read(str(pid)))]


def environment(pid: int) -> dict[str, str]:
    """What a process was started with, by name; nothing where that may not be seen."""
    pairs = (word.partition(b"=") for word in _environ(str(pid)).split(b"\0") if word)
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _, value in pairs}


def _read(pid: str) -> Process | None:
    """proc(5): stat's second field, the name, may hold blanks and parentheses; state, parent and group follow it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    environ = b"\0" + _environ(pid)
    return Process(
        int(pid),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start=int(fields[19]),
        mark=_value(environ, _MARK),
        supervisor=_value(environ, _SUPERVISOR),
        zombie=fields[0] in (b"Z", b"X"),
    )


def _environ(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _value(environ: bytes, name: bytes) -> str:
    _, found, rest = environ.partition(name)
    return rest.partition(b"\0")[0].decode("utf-8", "replace") if found else ""


def words(pid: int) -> list[str]:
    """A process's command line; nothing where it is gone, or there is no /proc."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsdecode(file.read()).split("\0")
    except OSError:
        return []


def has_open(pid: int, paths: Collection[str]) -> bool:
    """Whether a process has one of these files open, as far as that may be seen."""
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder) if paths else ()
    except OSError:  # gone meanwhile, or it may not be looked at
        return False
    for number in numbers:
        with contextlib.suppress(OSError):
            if os.readlink(f"{folder}/{number}") in paths:
                return True
    return False


def ticks(pid: int) -> int | None:
    """When a process began, a zombie too, in the unit of `Identity`."""
    found = next(iter(read([pid])), None)
    return found.start if found else None


def mark_of(pid: int) -> str:
    """The mark of one process, or nothing."""
    return _value(b"\0" + _environ(str(pid)), _MARK)


def children() -> list[int]:
    """The children of this process, adopted ones included; empty where the kernel does not tell
    (CONFIG_PROC_CHILDREN).
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _scan_without_proc() -> list[Process]:
    import psutil  # 20 ms, and not needed on Linux

    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            found.append(
                Process(
                    process.pid,
                    parent=process.ppid(),
                    group=os.getpgid(process.pid),
                    session=os.getsid(process.pid),
                    start=round(process.create_time() * 100),
                    mark=environ.get(variables.MARK, ""),
                    supervisor=environ.get(variables.SUPERVISOR, ""),
                    zombie=process.status() == psutil.STATUS_ZOMBIE,
                )
            )
        except (psutil.Error, OSError):  # gone meanwhile, or not for us to see
            continue
    return found
