"""How a running element ends: by itself, cancelled, out of time, preempted, requeued, or as a test says."""

import os
import signal
import time

from fakeslurm import processes
from fakeslurm.start import log_path

_LAST_WORDS = {
    "cancel": "",
    "timeout": " DUE TO TIME LIMIT",
    "preempt": " DUE TO PREEMPTION",
    "requeue": " DUE TO JOB REQUEUE",
    "node_fail": " DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS",
}

_STATES = {"cancel": "CANCELLED", "timeout": "TIMEOUT", "preempt": "PREEMPTED", "node_fail": "NODE_FAIL"}
_AT_ONCE = ("finish", "node_fail", "vanish")


def begin(store, job, row, now):
    """Carry out a request: the last words, SIGTERM, and SIGKILL later (some kinds: at once)."""
    kind = row["request"]["kind"]
    _say(store, job, row, kind, now)
    pids = processes.of_job(store.folder, row["raw"], row["pid"])
    if kind in _AT_ONCE or row["request"].get("hard"):
        processes.send(pids, signal.SIGSTOP)  # none sees another die, and has time to say so
        processes.send(pids, signal.SIGKILL)
        row["kill_at"] = now + 1
        return
    processes.send(pids, signal.SIGCONT)
    processes.send(pids, signal.SIGTERM)
    row["kill_at"] = now + store.knobs["kill_wait_s"]


def deliver(store, row):
    """Signals of scancel --signal: ``shell`` to the script's shell alone, ``all`` to everything it started as well."""
    for number, whom in row["deliver"]:
        pids = [row["pid"]] if whom == "shell" else processes.of_job(store.folder, row["raw"], row["pid"])
        processes.send(pids, number)
    row["deliver"] = []


def warn(row, told):
    """--signal: with ``B:`` to the shell alone, else to the job's steps, of which a script without srun has none."""
    number, _, shell = told
    if shell:
        processes.send([row["pid"]], number)


def ended(store, job, row, status, now):
    """The script is over (``status`` None: nobody saw how): the record says so, or waits again."""
    processes.kill_group(row["pid"])
    request = row["request"] or {}
    if request:
        processes.send(processes.of_job(store.folder, row["raw"], row["pid"]), signal.SIGKILL)
    row["pid"], row["pid_start"], row["kill_at"], row["end"] = 0, 0, 0, now
    row["deliver"], row["request"] = [], None
    _judge(job, row, request, status)
    again = (
        request.get("kind") == "requeue"
        or request.get("again")
        or (request.get("kind") in ("preempt", "node_fail") and job["requeue"])
    )
    if again:
        requeue(store, row, request.get("delay_s"))
    row["hidden"] = row["hidden"] or request.get("kind") == "vanish"
    store.save(job, row)


def _judge(job, row, request, status):
    kind = request.get("kind")
    if kind == "finish":
        row["state"], row["exit"], row["signal"] = request["state"], request["exit"], request["signal"]
    elif kind == "requeue":
        row["state"], row["exit"], row["signal"] = "REQUEUED", 0, 0
    elif kind in _STATES:
        row["state"], row["exit"], row["signal"] = _STATES[kind], 0, 0
        row["by"] = request.get("by") if kind == "cancel" else None
    elif status is None:
        row["state"], row["exit"], row["signal"] = "NODE_FAIL", 1, 0
    else:
        row["exit"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        row["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        row["state"] = "FAILED" if row["exit"] or row["signal"] else "COMPLETED"
    row["reason"] = {"TIMEOUT": "TimeLimit", "FAILED": "NonZeroExitCode", "OUT_OF_MEMORY": "OutOfMemory"}.get(
        row["state"], "None"
    )


def requeue(store, row, delay_s=None):
    """The attempt goes into the history and the record waits again."""
    kept = (
        "state",
        "reason",
        "waited_for",
        "submit",
        "start",
        "end",
        "node",
        "exit",
        "signal",
        "by",
        "max_rss_kb",
        "gpus",
    )
    row["history"].append({name: row[name] for name in kept})
    now = time.time()
    wait_s = store.knobs["requeue_delay_s"] if delay_s is None else delay_s
    row.update(
        state="PENDING", reason="BeginTime" if wait_s else "None", submit=now, begin=now + wait_s, start=0, end=0,
        end_at=0, node="", gpus=[], exit=0, signal=0, by=None, max_rss_kb=0, restarts=row["restarts"] + 1,
    )  # fmt: skip


def _say(store, job, row, kind, now):
    """Slurm's own line in the job's log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
    if kind in _LAST_WORDS:
        line = f"slurmstepd: error: *** JOB {row['raw']} ON {row['node']} CANCELLED AT {stamp}{_LAST_WORDS[kind]} ***\n"
    elif row["request"].get("state") == "OUT_OF_MEMORY":
        line = (
            f"slurmstepd: error: Detected 1 oom-kill event(s) in StepId={row['raw']}.batch. "
            "Some of your processes may have been killed by the cgroup out-of-memory handler.\n"
        )
    else:
        return
    try:
        log = os.open(log_path(job, row), os.O_WRONLY | os.O_APPEND)
    except OSError:
        return  # the folder was removed meanwhile; slurmstepd is silent then, too
    os.write(log, line.encode())
    os.close(log)
