"""The processes of tools/minislurm: started with a record of each, found again, and ended."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from minislurm_conf import NODES, Cluster, ClusterError, write

# In the environment of every daemon, never in what `env` prints: whoever carries it belongs to the cluster.
MARK = "MINISLURM_DAEMON_OF"
ANSWERS_WITHIN_S = 120.0
KILLED_WITHIN_S = 30.0


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat, proc(5), from the third (the state) on; None: no such process.

    The second, the command's name in parentheses, may hold anything: fields are counted from behind it.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which this process began; None where there is none, or only its remains."""
    fields = stat_fields(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def recorded(folder: Path) -> dict[str, tuple[int, int]]:
    """Name of each daemon that was started -> its process id and start time."""
    daemons = {}
    for file in folder.glob("daemons/*"):
        pid, _, ticks = file.read_text().partition(" ")
        if ticks:
            daemons[file.name] = (int(pid), int(ticks))
    return daemons


def dead_daemons(folder: Path) -> list[str]:
    return sorted(name for name, (pid, ticks) in recorded(folder).items() if start_time(pid) != ticks)


def belonging(folder: Path) -> dict[int, int]:
    """Process id -> start time of all that belongs to this cluster: daemons, jobs, and what these started."""
    stats = {pid: fields for pid in process_ids() if (fields := stat_fields(pid)) is not None}
    found = {pid for pid, ticks in recorded(folder).values() if start_time(pid) == ticks}
    found |= {pid for pid in stats if is_marked(pid, folder)}
    while True:
        # A process of another environment is known by its parent or, when that is gone, by its session.
        sessions = {stats[pid][3] for pid in found if pid in stats} - {"0", "1"}
        more = {
            pid for pid, fields in stats.items() if int(fields[1]) in found or fields[3] in sessions
        } - found
        if not more:
            break
        found |= more
    return {pid: ticks for pid in found - {os.getpid()} if (ticks := start_time(pid)) is not None}


def process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def is_marked(pid: int, folder: Path) -> bool:
    """Whether a process carries the mark of daemons, or the variables of a job on one of the nodes.

    SLURM_CONF alone is also in the shell of a user who works with this cluster.
    """
    try:
        words = set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return False
    on_node = {f"SLURMD_NODENAME={node}".encode() for node in NODES}
    of_job = f"SLURM_CONF={folder}/slurm.conf".encode() in words and bool(on_node & words)
    return of_job or f"{MARK}={folder}".encode() in words


def start(cluster: Cluster, name: str, *argv: str) -> None:
    """A daemon in the foreground of a session of its own; its output goes to its log."""
    with open(cluster.log(name), "ab") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=marked(cluster),
            start_new_session=True,
        )
    write(cluster.path("daemons", name), f"{process.pid} {start_time(process.pid) or -1}")


def ask(cluster: Cluster, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's commands, or another short one. Raises ClusterError where it does not end."""
    try:
        # A session of its own: what kill_all ends by its session must never be the caller's terminal.
        return subprocess.run(
            argv,
            capture_output=True,
            text=True,
            env=marked(cluster),
            check=False,
            timeout=ANSWERS_WITHIN_S,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        what = f"{shlex.join(argv)} did not answer within {ANSWERS_WITHIN_S:.0f} s"
        raise ClusterError(what) from None


def marked(cluster: Cluster) -> dict[str, str]:
    return cluster.environment | {MARK: cluster.folder}


def kill_all(folder: Path) -> None:
    """Kill what belongs to the cluster and wait until it is gone. Its files are not needed any more."""
    deadline = time.monotonic() + KILLED_WITHIN_S
    while processes := belonging(folder):
        for pid, ticks in processes.items():
            with contextlib.suppress(ProcessLookupError):
                if start_time(pid) == ticks:
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"these processes do not end: {', '.join(map(str, sorted(processes)))}")
        time.sleep(0.02)
