"""Every ``HYPERHERD_*`` variable: what a trial is told, what its processes carry, and what users set.

Trainers import this: nothing heavy.
"""

from __future__ import annotations

WORKSPACE = "HYPERHERD_WORKSPACE"
SWEEP_NAME = "HYPERHERD_SWEEP_NAME"
TRIAL_ID = "HYPERHERD_TRIAL_ID"
TRIAL_NAME = "HYPERHERD_TRIAL_NAME"
EXPERIMENT_NAME = "HYPERHERD_EXPERIMENT_NAME"
PARAMS = "HYPERHERD_PARAMS"
ARGV = "HYPERHERD_ARGV"
ATTEMPT = "HYPERHERD_ATTEMPT"
RESULTS = "HYPERHERD_RESULTS"
TRIAL_DIR = "HYPERHERD_TRIAL_DIR"
"""A place for what the trial makes, which herd does not make: ``<workspace>/outputs/<trial name>``."""

GENERATION = "HYPERHERD_GENERATION"
"""The life of the state folder that the trial belongs to: what it logs goes nowhere else."""

JOB_ID = "HYPERHERD_JOB_ID"
"""The scheduler's id of the attempt's job, as people type it."""

TIME_LIMIT_AT = "HYPERHERD_TIME_LIMIT_AT"
"""When a trial is ended, in seconds since the epoch: `hyperherd.checkpoint.time_left_s` counts to it."""

NUMBER = "SLURM_ARRAY_TASK_ID"
"""A trial's number under the name that sbatch scripts know it by, on this machine too."""

MARK = "HYPERHERD_ATTEMPT_MARK"
"""`mark` of the attempt: on each of its processes, from the start of the script's own bash on."""

ATTEMPT_JOB = "HYPERHERD_ATTEMPT_JOB"
"""The job that `MARK` was set in: a process with the mark and another job's id is of a job that the trial submitted."""

JOB = "HYPERHERD_JOB"
"""On this machine the identity of the supervisor, which owns the register."""

RESTARTS = "HYPERHERD_RESTARTS"
"""On this machine: how often the supervisor has queued the trial again; for its script alone."""

SUPERVISOR = "HYPERHERD_SUPERVISOR"
"""``<token>``: on a supervisor, and on what it has forked but not yet turned into a trial."""

TEXT = "HYPERHERD_TEXT"
"""The script of a trial of this machine, until its bash has read it."""

PROMISED = (
    *(WORKSPACE, SWEEP_NAME, TRIAL_ID, TRIAL_NAME, EXPERIMENT_NAME, PARAMS, ARGV, ATTEMPT, RESULTS),
    *(TRIAL_DIR, JOB_ID, GENERATION),
)
"""What a launch script may rely on (docs/reference.md)."""

OF_A_TRIAL = frozenset({*PROMISED, MARK, ATTEMPT_JOB, JOB, RESTARTS, SUPERVISOR})
"""What a trial's processes may have: none of it is meant for a trial that such a process starts."""

POLL_S = "HYPERHERD_POLL_S"
"""Seconds between two questions to a launcher while trials are waited for."""

FOLDER_WAIT_S = "HYPERHERD_FOLDER_WAIT_S"
"""Seconds that a trial waits for a state folder which its node does not show yet; 130 where it is not set."""

LEFT_S = "HYPERHERD_LEFT_S"
"""Seconds that processes have, on this machine, which a trial has left behind when it ended; 60 where it is not set."""

NOTICE_S = "HYPERHERD_NOTICE_S"
"""Seconds that a command of `notify` may take; 30 where it is not set."""

CONFIG_DIR = "HYPERHERD_CONFIG_DIR"
"""The folder of the user's launchers and presets."""

SLOTS_DIR = "HYPERHERD_SLOTS_DIR"
"""The folder of this host's slots."""

SLURM_TIMEOUT_S = "HYPERHERD_SLURM_TIMEOUT_S"
"""How long Slurm's commands may take, in seconds."""


def mark(token: str, unit: str, attempt: int) -> str:
    """The value of `MARK` for an attempt of a trial, or of a task (`AttemptFolder.stem`).

    >>> mark("20300101-120000-0b1c", "3", 1)
    '20300101-120000-0b1c/3.1'
    """
    return f"{token}/{unit}.{attempt}"
