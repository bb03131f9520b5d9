"""What the bash of a trial of this machine asks: its supervisor's variables, `dialect.sh` and `dialect_requeue.sh`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hyperherd.attempts import variables
from hyperherd.launchers.node.dialect import Dialect

DIALECT = Dialect.of(Path(__file__).parent, job=f'"${variables.JOB}"', number=f'"${{{variables.NUMBER}-}}"')

_IN_A_JOB = "[[ ${SLURM_EXPORT_ENV+set} && -z ${herd_interpreter-} ]] && export SLURM_EXPORT_ENV=ALL\n"


def by_hand(job: str) -> Dialect:
    """For a script that runs here without a supervisor (`herd test`), maybe in a job of Slurm's, whose srun it uses."""
    return replace(DIALECT.as_job(job), always=DIALECT.always + _IN_A_JOB)
