"""The environment that a trial gets from this machine, as far as its script does not set it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

MARK = "HYPERHERD_ATTEMPT_MARK"
"""`mark` of the attempt: on each of its processes, from the start of the script's own bash on."""

SUPERVISOR = "HYPERHERD_SUPERVISOR"
"""``<token>``: on a supervisor, and on what it has forked but not yet turned into a trial."""

TIME_LIMIT_AT = "HYPERHERD_TIME_LIMIT_AT"
"""When a trial is ended, in seconds since the epoch: `hyperherd.checkpoint.time_left_s` counts to it."""

JOB = "HYPERHERD_JOB"
"""The identity of the supervisor, which owns the register."""

JOB_WORD = f'"${JOB}"'

_OF_ANOTHER_JOB = ("SLURM_", "SBATCH_")
_OF_ANOTHER_TRIAL = frozenset(
    {MARK, SUPERVISOR, JOB}
    | {
        f"HYPERHERD_{name}"
        for name in ("WORKSPACE", "SWEEP_NAME", "TRIAL_ID", "TRIAL_NAME", "EXPERIMENT_NAME")
    }
    | {f"HYPERHERD_{name}" for name in ("PARAMS", "ARGV", "ATTEMPT", "ATTEMPT_JOB", "JOB_ID", "RESULTS")}
)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
_ENV_FILE_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=", re.MULTILINE)


def mark(token: str, index: int, attempt: int) -> str:
    """The value of `MARK` for an attempt."""
    return f"{token}/{index}.{attempt}"


def cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to an allocation or a trial in which herd itself was started.

    >>> cleaned({"SLURM_JOB_ID": "7", "HYPERHERD_TRIAL_ID": "3", "HOME": "/home/ada"})
    {'HOME': '/home/ada'}
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OF_ANOTHER_JOB) and name not in _OF_ANOTHER_TRIAL
    }


def threads(cores_each: int, set_by_user: Collection[str]) -> dict[str, str]:
    """How many threads numeric libraries may start, so that trials side by side do not fight for cores.

    >>> threads(4, {"MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"})
    {'OMP_NUM_THREADS': '4', 'NUMEXPR_MAX_THREADS': '4'}
    """
    each = str(max(1, cores_each))
    return {name: each for name in _THREADS if name not in set_by_user}


def names_in_env_file(text: str) -> set[str]:
    """The variables that a .env file gives a value to; it counts only where a variable is not set already.

    >>> sorted(names_in_env_file("# A=1\\nexport B = 2\\nC='x'\\nnonsense\\n"))
    ['B', 'C']
    """
    return set(_ENV_FILE_NAME.findall(text))
