"""HyperHerd: declare a search in a YAML file, hand over a bash launch script, and every trial runs exactly once.

The names below are what trainers import, and what those use who work with sweeps and tasks from Python. They are
resolved on first use (PEP 562; for type checkers see ``__init__.pyi``), so that ``import hyperherd`` inside a training
program costs next to nothing.
"""

from __future__ import annotations

__version__ = "1.0.0.dev0"

_PUBLIC = {
    "Experiment": "hyperherd.engine.tasks",
    "SubmittedTask": "hyperherd.engine.submitted_task",
    "Sweep": "hyperherd.api",
    "Task": "hyperherd.engine.tasks",
    "checkpoint": "hyperherd.checkpoint",
    "experiment": "hyperherd.engine.tasks",
    "log_result": "hyperherd.runtime.report",
    "parse_overrides": "hyperherd.runtime.params",
}
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


def __getattr__(name: str) -> object:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'hyperherd' has no attribute {name!r}")
    import importlib

    found = importlib.import_module(module)
    value = found if found.__name__ == f"{__name__}.{name}" else getattr(found, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
