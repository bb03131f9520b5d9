"""What travels between the engine and a launcher: batches going out, jobs and their states coming back.

Plain values. A launcher is told everything that it needs in a `Batch` (so that it knows neither sweeps
nor workspaces) and is later asked about a `Job`, which is what was recorded of that batch.
"""

from hyperherd.jobs.batch import (
    CAUSES,
    Batch,
    Element,
    Files,
    Inline,
    Job,
    Notice,
    Offer,
    Requeue,
    copies,
)
from hyperherd.jobs.request import Forecast, NativeValue, OwnScript, Request, Share
from hyperherd.jobs.state import Ended, Phase, State, Usage

__all__ = [
    "CAUSES",
    "Batch",
    "Element",
    "Ended",
    "Files",
    "Forecast",
    "Inline",
    "Job",
    "NativeValue",
    "Notice",
    "Offer",
    "OwnScript",
    "Phase",
    "Request",
    "Requeue",
    "Share",
    "State",
    "Usage",
    "copies",
]
