"""What a job tells herd: the value that its function returned."""

from __future__ import annotations

from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback

METRIC = "return_value"


class Report(Callback):
    """Logs it as the metric `METRIC`: a number, text, a list or dict of them, or an array of one element.

    Of several processes of a job the first one does so.
    """

    def on_job_end(self, config: Any, job_return: JobReturn, **kwargs: Any) -> None:
        """Hydra calls it when the function has ended, also with an exception."""
        from hyperherd import log_result
        from hyperherd.runtime import ranks

        if ranks.here().rank:
            return
        value = _plain(job_return.return_value) if job_return.status is JobStatus.COMPLETED else None
        if value is not None:
            log_result(METRIC, value)


def _plain(value: Any) -> Any:
    """What can be written of a value, None where nothing can; at any depth."""
    if isinstance(value, (int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {str(key): _plain(element) for key, element in value.items()}
    try:
        number = value.item()
    except (AttributeError, ValueError, RuntimeError, TypeError):  # no array, or one of more elements
        return None
    return number if isinstance(number, (int, float, str)) else None
