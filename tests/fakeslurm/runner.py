"""slurmctld and slurmd in one: starts what waits, ends what must end, notes how it ended. Exits when no job is left."""

import os
import select
import signal
import time
from contextlib import suppress

from fakeslurm import arrays, dependencies, ending, processes, resources
from fakeslurm.start import start
from fakeslurm.store import Store


def main(store, _argv):
    os.chdir("/")
    wake = os.open(store.path("wake"), os.O_RDWR | os.O_NONBLOCK)
    death, died = os.pipe()
    os.set_blocking(died, False)
    os.set_blocking(death, False)
    signal.set_wakeup_fd(died)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reaped = {}
    while not store.closed():
        store = Store(store.folder)
        with store:
            timeout_s = look(store, reaped)
            if timeout_s is None:
                os.unlink(store.path("runner.json"))
                return
        select.select([wake, death], [], [], timeout_s)
        for pipe in (wake, death):
            _drain(pipe)
    processes.send(processes.of_folder(store.folder), signal.SIGKILL)


def _drain(pipe):
    try:
        while os.read(pipe, 4096):
            pass
    except BlockingIOError:
        return


def look(store, reaped):
    """One look at everything; the seconds until the next is due at the latest, None when nobody waits or runs."""
    _reap(reaped)
    live = store.all(("live",))
    now = time.time()
    for job, row in live:
        if row["state"] == "RUNNING":
            _attend(store, (job, row), reaped, now)
    live = [(job, row) for job, row in live if row["state"] in ("PENDING", "RUNNING") and row["task"] != ""]
    _start_all(store, live, now)
    live = [(job, row) for job, row in live if row["state"] in ("PENDING", "RUNNING") and row["task"] != ""]
    if not live:
        return None
    return max(0.0, min(1.0, *(_due(job, row, store.knobs) - now for job, row in live), 1.0))


def _reap(reaped):
    """Add the scripts that have ended: pid -> (wait status, largest resident set in kB)."""
    with suppress(ChildProcessError):
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            reaped[pid] = (status, usage.ru_maxrss)


def _attend(store, pair, reaped, now):
    """A running element: has it ended, has somebody asked for its end, is its time over?"""
    job, row = pair
    pid = row["pid"]
    if pid in reaped or not processes.alive(pid, row["pid_start"]):
        _reap(reaped)  # it may have ended since the look began
        status, row["max_rss_kb"] = reaped.pop(pid, (None, 0))
        ending.ended(store, job, row, status, now)
        return
    before = dict(row)
    if row["deliver"]:
        ending.deliver(store, row)
    if row["end_at"] and now >= row["end_at"] and not row["request"]:
        row["request"] = {"kind": "timeout"}
    if (
        job["signal"]
        and not row["warned"]
        and row["end_at"]
        and now >= row["end_at"] - _warning_s(job, store.knobs)
    ):
        row["warned"] = True
        ending.warn(row, job["signal"])
    if row["request"] and not row["kill_at"]:
        ending.begin(store, job, row, now)
    elif row["kill_at"] and now >= row["kill_at"]:
        processes.send(processes.of_job(store.folder, row["raw"], pid), signal.SIGKILL)
    if row != before:
        store.save(job, row)


def _warning_s(job, knobs):
    return job["signal"][1] * knobs["minute_s"] / 60


def _due(job, row, knobs):
    """When this record wants to be looked at again."""
    if row["state"] == "PENDING":
        return row["begin"] or float("inf")
    times = [row["kill_at"], row["end_at"] if not row["request"] else 0]
    if job["signal"] and not row["warned"] and row["end_at"]:
        times.append(row["end_at"] - _warning_s(job, knobs))
    return min((moment for moment in times if moment), default=float("inf"))


def _start_all(store, live, now):
    """Fill the free slots, oldest job first, lowest index first."""
    running = [(job, row) for job, row in live if row["state"] == "RUNNING"]
    full = False
    for job, row in list(live):
        if row["state"] != "PENDING":
            continue
        if not _may_start(store, job, row, now):
            continue
        for task in arrays.parse(row["task"])[0] if isinstance(row["task"], str) else [None]:
            reason, place = _room(store, job, running, full)
            if reason:
                full = full or reason == "Resources"
                _say(store, job, row, reason)
                break
            one = store.split(job, row, task) if task is not None else row
            start(store, job, one, place, now)
            if one is not row:
                live.append((job, one))
            if one["state"] == "RUNNING":
                running.append((job, one))


def _may_start(store, job, row, now):
    """Held, before its time, or waiting for another job: it says so."""
    if row["held"]:
        reason = "JobHeldUser"
    elif job["never"]:
        reason = job["never"]
    elif store.knobs["held"]:
        reason = "Priority" if row["reason"] in ("None", "Priority") else row["reason"]
    elif row["begin"] > now:
        reason = "BeginTime"
    else:
        reason = dependencies.state(store, job)
        if reason == "DependencyNeverSatisfied" and job["kill_invalid_dep"]:
            row["state"], row["end"] = "CANCELLED", now
            store.save(job, row)
    if reason:
        _say(store, job, row, reason)
    return not reason


def _say(store, job, row, reason):
    if row["reason"] != reason:
        row["reason"] = reason
        store.save(job, row)


def _room(store, job, running, full):
    """(why not, None) or (None, (node, gpus))."""
    if job["throttle"] and sum(1 for other, _ in running if other["id"] == job["id"]) >= job["throttle"]:
        return "JobArrayTaskLimit", None
    if full:
        return "Priority", None
    if len(running) >= store.knobs["slots"]:
        return "Resources", None
    load = dict.fromkeys(resources.NODES, 0)
    used = {node: set() for node in resources.NODES}
    for _, row in running:
        load[row["node"]] += 1
        used[row["node"]].update(row["gpus"])
    for node in sorted(load, key=lambda name: (load[name], name)):
        free = [gpu for gpu in range(store.knobs["gpus_per_node"]) if gpu not in used[node]]
        if len(free) >= job["gpus"]:
            return None, (node, free[: job["gpus"]])
    return "Resources", None
