"""What a run may cost at most: what each trial asks for, times its time limit."""

from __future__ import annotations

from collections.abc import Sequence

from hyperherd.jobs import Batch
from hyperherd.launchers.direct import gpus
from hyperherd.units import seconds_of_limit


def gpu_hours(batches: Sequence[Batch]) -> float | None:
    """GPU-hours of all trials running to their time limit; None where no GPU or no limit is asked for."""
    if not batches:
        return None
    options = batches[0].options
    limit, asked = options.get("time"), gpus.asked(options)
    if limit is None or isinstance(limit, bool) or not asked:
        return None
    try:
        hours = seconds_of_limit(str(limit)) / 3600
    except ValueError:
        return None
    return asked * hours * sum(len(batch.elements) for batch in batches)
