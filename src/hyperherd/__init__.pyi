from hyperherd import checkpoint as checkpoint
from hyperherd.api import Sweep
from hyperherd.engine.submitted_task import SubmittedTask
from hyperherd.engine.tasks import Experiment, Task, experiment
from hyperherd.runtime.params import parse_overrides
from hyperherd.runtime.report import log_result

__version__: str
__all__ = [
    "Experiment",
    "SubmittedTask",
    "Sweep",
    "Task",
    "__version__",
    "checkpoint",
    "experiment",
    "log_result",
    "parse_overrides",
]
