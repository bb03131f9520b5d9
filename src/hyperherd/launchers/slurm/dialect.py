"""What the bash of a job asks Slurm, in its own words: `dialect.sh` and `dialect_requeue.sh` beside this."""

from __future__ import annotations

from pathlib import Path

from hyperherd.launchers.node.dialect import Dialect

DIALECT = Dialect.of(
    Path(__file__).parent,
    job='"$SLURM_ARRAY_JOB_ID"',
    number='"${SLURM_ARRAY_TASK_ID-}"',
    ends_earlier=True,
)
