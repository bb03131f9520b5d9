"""The processes of a job on this machine: found by session, descent and environment, as proctrack plugins do."""

import os
import signal

from fakeslurm.store import start_time


def send(pids, number):
    """One signal to each that is still there: to a shell before what it has started, so that it knows why that ends."""
    for pid in sorted(pids):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def kill_group(pid):
    """SIGKILL to what is left of the group that a batch script led."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def of_job(folder, raw, leader):
    """All processes of one job, those that left its session included."""
    table = _table()
    found = {pid for pid, (_, session) in table.items() if leader and session == leader}
    marks = {b"FAKESLURM_DIR=" + os.fsencode(folder), b"SLURM_JOB_ID=%d" % raw}
    found |= {pid for pid in table if marks <= environment(pid)}
    grown = True
    while grown:
        children = {pid for pid, (parent, _) in table.items() if parent in found} - found
        grown = bool(children)
        found |= children
    return found


def of_folder(folder):
    """All processes that jobs of this fake cluster have started."""
    mark = b"FAKESLURM_DIR=" + os.fsencode(folder)
    return {pid for pid in _table() if _is_job(environment(pid), mark)}


def _is_job(items, mark):
    return mark in items and any(item.startswith(b"SLURM_JOB_ID=") for item in items)


def _table():
    """pid -> (parent, session) of every process (proc(5), stat, fields 4 and 6)."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] not in b"ZX":
            table[int(name)] = (int(fields[1]), int(fields[3]))
    return table


def environment(pid):
    """The variables a process was started with; none where it is gone or another user's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return set(file.read().split(b"\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return set()


def alive(pid, started):
    return bool(pid) and start_time(pid) == started
