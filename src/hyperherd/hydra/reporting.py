"""What a job tells herd: the value that its function returned."""

from __future__ import annotations

import math
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback

METRIC = "return_value"


class Report(Callback):
    """Logs a number, text or a list of them as the metric `METRIC`; other values are nobody's to read."""

    def on_job_end(self, config: Any, job_return: JobReturn, **kwargs: Any) -> None:
        """Hydra calls it when the function has ended, also with an exception."""
        from hyperherd import log_result

        if job_return.status is not JobStatus.COMPLETED:
            return
        value = job_return.return_value
        if isinstance(value, (int, float, str)) or _is_list_of_numbers(value) or hasattr(value, "item"):
            log_result(METRIC, value)


def _is_list_of_numbers(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(one, (int, float)) and not math.isnan(one) for one in value
    )
