"""What the fake Slurm can be told: the knobs of ``knobs.json`` and their defaults. Programs read them at each call."""

import json
import os

PROGRAMS = ("sbatch", "test_only", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr")

_EVERY_PROGRAM = {
    "error": None,  # text for stderr; the program does nothing else and exits with `rc`
    "rc": 1,
    "hang": False,  # wait until the knob is turned back (or the fake is closed), then go on
    "slow_s": 0,  # wait so long first
}

DEFAULTS = {
    "slots": 8,  # elements that run at the same time
    "held": False,  # nothing starts
    "minute_s": 60,  # seconds in a minute of --time
    "kill_wait_s": 2,  # from SIGTERM to SIGKILL
    "requeue_delay_s": 121,  # a requeued job begins so much later (`scontrol update StartTime=now` starts it at once)
    "requeue_allowed": True,  # False: a plugin of the site's switches it off for every job
    "min_job_age_s": 300,  # squeue and scontrol know an ended job so long
    "under": [],  # words before each job's script: what it is run under, as by a tracer
    "cluster": "fake",
    "hides_whose": False,  # squeue and sacct show no job's name, comment and command
    "user": None,  # the name of the user that asks; None: $USER, or root
    "max_array_size": 1001,
    "max_job_count": 10000,
    "max_submit_jobs": None,  # of the association: sbatch is refused with AssocMaxSubmitJobLimit
    "max_array_tasks": None,
    "max_script_size": 4194304,
    "max_submit_line": 1048576,
    "gpus_per_node": 4,
    "plugin_options": {},  # long options of sbatch that the site's plugins add -> ":" with a value, "" without
    "partitions": {
        "gpu": {"default": True, "max_time": "7-00:00:00"},
        "cpu": {"max_time": "7-00:00:00"},
        "preempt": {"max_time": "7-00:00:00", "preempt": "REQUEUE", "tier": 1},
    },
    "accounts": ["root", "main"],  # the first is the default
    "qos": {"normal": {}, "short": {"max_wall": "01:00:00", "max_submit": 20}},  # the first is the default
    "sbatch": {
        "chatter_before": [],  # lines on stdout around the answer
        "chatter_after": [],
        "show_cluster": False,  # --parsable answers `id;cluster`
        "delay_s": [0, 0],  # a random time between these, and it goes on when it or its caller is killed
        "delay_when": "before",  # the delay comes before or after the job exists, or `either`
        "refuse": None,  # words: `sbatch: error: <words>`, of which `sbatch --test-only` knows nothing
    },
    "test_only": {  # sbatch --test-only, which submits nothing
        "refuse": None,  # words: `allocation failure: <words>`
        "starts_in_s": 0,  # when it says that a job would start
    },
    "squeue": {"hide": [], "states": {}},  # ids that it misses; id -> the state word it shows
    "sacct": {
        "off": False,  # no accounting at all
        "lag_s": 0,  # it is so late
        "frozen_at": None,  # it has heard of nothing since (seconds since the epoch)
        "hide": [],  # ids that it has lost
        "states": {},  # id -> the state word it shows
        # Of what waits again after a requeue it has nothing, of what was cancelled while it waited the raw id
        # alone (seen where this happens within a second). True: it has both, as it has after a while.
        "knows_waiting": False,
        "missed_start": [],  # ids of which it has the raw id alone, as of jobs that end before it hears of them (seen)
    },
    "scancel": {"refuse": {}},  # id as it was asked for -> words
    "scontrol": {},
    "sinfo": {},
    "sacctmgr": {},
}
for _program in PROGRAMS:
    DEFAULTS[_program] = {**_EVERY_PROGRAM, **DEFAULTS[_program]}  # type: ignore[dict-item]


def read(folder):
    """All knobs, those of the file over the defaults."""
    try:
        with open(os.path.join(folder, "knobs.json"), encoding="utf-8") as file:
            told = json.load(file)
    except FileNotFoundError:
        told = {}
    return merged(DEFAULTS, told)


def merged(base, told):
    """``told`` over ``base``, a program's knobs one by one. Raises ValueError for a knob that does not exist."""
    result = dict(base)
    for name, value in told.items():
        if name not in DEFAULTS:
            raise ValueError(f"no such knob: {name}; there are {', '.join(DEFAULTS)}")
        if name not in PROGRAMS:
            result[name] = value
            continue
        unknown = set(value) - set(DEFAULTS[name])
        if unknown:
            raise ValueError(f"no such knob: {name}.{unknown.pop()}; there are {', '.join(DEFAULTS[name])}")
        result[name] = {**base.get(name, {}), **value}
    return result


def write(folder, told):
    """Replace the file, so that a reader sees all of the old knobs or all of the new."""
    path = os.path.join(folder, "knobs.json")
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(told, file)
    os.replace(f"{path}.{os.getpid()}", path)
