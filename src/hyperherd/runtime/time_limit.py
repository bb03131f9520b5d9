"""`time_left_s`: how long until the time limit ends this process."""

from __future__ import annotations

import math
import os
import subprocess
import time
from functools import lru_cache

from hyperherd.attempts import variables
from hyperherd.units import seconds_elapsed

_SLURM_END = "SLURM_JOB_END_TIME"
"""Seconds since the epoch (man sbatch, Slurm 23.02)."""

_ANSWER_S = 10.0


def time_left_s() -> float | None:
    """Seconds to the time limit, 0 at the least; ``math.inf`` where there is none, None where it is not known.

    The earlier of HYPERHERD_TIME_LIMIT_AT (seconds since the epoch) and what Slurm exports; in a job of an older
    Slurm, which exports nothing, squeue is asked, once in a process.
    """
    ends = [
        at for variable in (variables.TIME_LIMIT_AT, _SLURM_END) if (at := _exported(variable)) is not None
    ]
    if not ends:
        asked = _asked(_job())
        if asked is None:
            return None
        ends = [asked]
    return max(0.0, min(ends) - time.time())


def _exported(variable: str) -> float | None:
    try:
        at = float(os.environ.get(variable, ""))
    except ValueError:
        return None
    return at if at > 0 else None  # 0 and NaN say nothing


def _job() -> str:
    """This job's id, empty outside of Slurm. An array's own id would stand for all of its elements."""
    array, element = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{element}" if array and element else os.environ.get("SLURM_JOB_ID", "")


@lru_cache(maxsize=1)
def _asked(job: str) -> float | None:
    """When the job ends, in seconds since the epoch, as squeue knows it; None where it does not say."""
    if not job:
        return None
    argv = ["squeue", "--noheader", "--jobs", job, "--format", "%L"]
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired):  # a node without Slurm's commands: not known
        return None
    return end_of(answer.stdout, time.time()) if answer.returncode == 0 else None


def end_of(time_left: str, now: float) -> float | None:
    """When a job ends of which squeue says ``%L`` at ``now``, in seconds since the epoch (man squeue 22.05).

    >>> end_of("1-00:00:10\\n", 100.0), end_of("UNLIMITED\\n", 100.0), end_of("0:05", 100.0), end_of("NOT_SET", 100.0)
    (86510.0, inf, 105.0, None)
    """
    word = time_left.strip()
    if word == "UNLIMITED":
        return math.inf
    seconds = seconds_elapsed(word)
    return None if seconds is None else now + seconds
