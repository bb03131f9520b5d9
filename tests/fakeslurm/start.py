"""The start of one batch script, as slurmd does it: its own session, its files, its environment."""

import os
import time

from fakeslurm import environment
from fakeslurm.store import start_time

IO_FAILED = 53
"""The signal number that Slurm records where a job's output could not be opened."""


def start(store, job, row, place, now):
    """Run it; the record becomes RUNNING, or FAILED where its output cannot be opened."""
    folder = os.path.join(store.jobs_folder, str(job["id"]))
    row["node"], row["gpus"] = place
    row["waited_for"] = row["reason"] if row["reason"] not in ("Priority", "Resources") else "None"
    row["state"], row["reason"], row["start"] = "RUNNING", "None", now
    row["request"], row["kill_at"], row["warned"], row["deliver"] = None, 0, False, []
    limit = job["time_limit"]
    row["end_at"] = now + limit * store.knobs["minute_s"] if limit else 0
    streams = _open(job, row)
    if streams is None:
        row["state"], row["end"], row["signal"], row["reason"] = (
            "FAILED",
            time.time(),
            IO_FAILED,
            "NonZeroExitCode",
        )
        store.save(job, row)
        return
    with open(os.path.join(folder, "environ"), "rb") as file:
        variables = environment.variables(store, job, row, file.read())
    pid = os.fork()
    if pid == 0:
        words = [*store.knobs["under"], os.path.join(folder, "script"), *job["args"]]
        _become(words, job, streams, variables)
    for stream in streams:
        os.close(stream)
    row["pid"], row["pid_start"] = pid, start_time(pid) or 0
    store.save(job, row)


def log_path(job, row):
    """The file that gets Slurm's own last words: the script's stderr."""
    return environment.output_path(job["err"] or job["out"], job, row)


def _open(job, row):
    """(stdin, stdout, stderr), or None."""
    mode = os.O_APPEND if job["append"] or row["restarts"] else os.O_TRUNC
    streams = []
    try:
        streams.append(os.open(job["input"] or os.devnull, os.O_RDONLY))
        for pattern in (job["out"], job["err"] or job["out"]):
            path = environment.output_path(pattern, job, row)
            streams.append(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o644))
            mode = os.O_APPEND if job["err"] is None else mode
    except OSError:
        for stream in streams:
            os.close(stream)
        return None
    return streams


def _become(words, job, streams, variables):
    """In the child: never returns."""
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        try:
            os.chdir(job["work_dir"])
        except OSError as error:
            complaint = f"couldn't chdir to `{job['work_dir']}': {error.strerror}: going to /tmp instead"
            os.write(2, f"slurmstepd: error: {complaint}\n".encode("utf-8", "surrogateescape"))
            os.chdir("/tmp")
        variables[b"SLURM_TASK_PID"] = str(os.getpid()).encode()
        os.umask(0o022)
        os.execve(words[0], words, variables)
    except OSError as error:
        os.write(
            2,
            f"slurmstepd: error: execve(): {words[0]}: {error.strerror}\n".encode("utf-8", "surrogateescape"),
        )
    finally:
        os._exit(2)
