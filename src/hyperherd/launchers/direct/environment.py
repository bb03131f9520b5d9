"""The environment that a trial gets from this machine, as far as its script does not set it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from hyperherd.attempts import variables

_OF_ANOTHER_JOB = ("SLURM_", "SBATCH_")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
_ENV_FILE_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=", re.MULTILINE)


def cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to an allocation or a trial in which herd itself was started.

    >>> cleaned({"SLURM_JOB_ID": "7", "HYPERHERD_TRIAL_ID": "3", "HOME": "/home/ada"})
    {'HOME': '/home/ada'}
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OF_ANOTHER_JOB) and name not in variables.OF_A_TRIAL
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
