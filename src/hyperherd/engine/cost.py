"""What a run may cost at most: what each trial asks for, times its time limit."""

from __future__ import annotations

from collections.abc import Sequence

from hyperherd.jobs import Batch


def gpu_hours(batches: Sequence[Batch]) -> float | None:
    """GPU-hours of all trials running to their time limit; None where no GPU is asked for, or one without a limit."""
    hours = 0.0
    for batch in batches:
        limit_s, each = batch.request.time_s, batch.request.gpus or 0
        if each and limit_s is None:
            return None
        hours += each * (limit_s or 0) / 3600 * len(batch.elements)
    return hours or None
