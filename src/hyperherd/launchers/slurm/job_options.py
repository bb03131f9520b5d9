"""What sbatch is given of a batch: the user's options, those that herd sets itself, and the bash that asks Slurm on a
node (`dialect.sh` and `dialect_requeue.sh` beside this).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hyperherd import units
from hyperherd.jobs import Batch
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.node import script
from hyperherd.launchers.node.dialect import Dialect
from hyperherd.launchers.slurm import options
from hyperherd.launchers.slurm.option_table import REQUEUE

DIALECT = Dialect.of(
    Path(__file__).parent,
    job='"$SLURM_ARRAY_JOB_ID"',
    number='"${SLURM_ARRAY_TASK_ID-}"',
    ends_earlier=True,
)


def directives(batch: Batch) -> list[str]:
    """The ``#SBATCH`` lines. The user's options first: of two lines that say the same sbatch takes the later one."""
    at_once = f"%{batch.at_once}" if batch.at_once else ""
    herds = own(batch, units.folded(element.number for element in batch.elements) + at_once)
    log = output(batch)
    shown = [options.line("output", log)] if re.fullmatch(r"[\w/.,:=@+%-]+", log, re.ASCII) else []
    extra = [f"#SBATCH {text}" for text in batch.request.native_lines]
    return [*options.lines(batch.request.native), *extra, *options.lines(herds), *shown]


def own(batch: Batch, array: str | None = None) -> dict[str, Value]:
    """The options that herd sets, but for output. ``array`` is None for a job that is only tried.

    What the user says of environment and comment holds: the script needs neither (its own name has the token, too).
    """
    asked, requeue = batch.request.native, batch.requeue
    asked_again = any(asked.get(name) for name in REQUEUE)
    return {
        "job_name": batch.name,
        "array": array,
        "open_mode": "append",
        "export": None if asked.get("export") else "ALL",
        "comment": None if asked.get("comment") else batch.token,
        "dependency": after(batch),
        # Slurm's default is to queue a job again after a node failure; of a user's script it stays as the site has it.
        "no_requeue": None if asked_again or batch.inline or (requeue and requeue.queues) else True,
        # Without it the script could not do so either (scontrol: "Requested operation is presently disabled").
        "requeue": bool(requeue and requeue.queues) or None,
        "signal": f"B:{script.warning_signal(requeue)}@{requeue.notice_s}"
        if requeue and requeue.warns
        else None,
    }


def after(batch: Batch) -> str | None:
    """What sbatch's ``--dependency`` says of the jobs that the batch waits for."""
    return f"afterok:{':'.join(batch.after)}" if batch.after else None


def output(batch: Batch) -> str:
    """Where Slurm's own words go. A backslash switches all patterns off (man sbatch, filename pattern)."""
    folder = str(batch.files.logs / "slurm")
    return os.devnull if "\\" in folder else folder.replace("%", "%%") + "/%A_%a.log"


def said(batch: Batch) -> list[str]:
    """The options about which the environment's defaults do not count."""
    return [*batch.request.native, "array", "comment", *(["signal"] if batch.requeue else [])]
