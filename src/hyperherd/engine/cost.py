"""What a run may cost at most: what each trial asks for, times its time limit."""

from __future__ import annotations

from collections.abc import Sequence

from hyperherd.jobs import Batch
from hyperherd.launchers.direct import gpus
from hyperherd.launchers.slurm import options


def gpu_hours(batches: Sequence[Batch]) -> float | None:
    """GPU-hours of all trials running to their time limit; None where no GPU or no limit is asked for."""
    if not batches:
        return None
    asked_for = batches[0].options
    limit_s, each = options.seconds(asked_for.get("time")), gpus.asked(asked_for)
    if limit_s is None or not each:
        return None
    return each * limit_s / 3600 * sum(len(batch.elements) for batch in batches)
