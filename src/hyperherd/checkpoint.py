"""Checkpoints that are complete or absent, and a training loop that is told in time to save one.

What trainers write as ``from hyperherd import checkpoint``. The names are resolved on first use (PEP 562), so that the
import costs next to nothing. The guide: docs/checkpoint.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # start-up time of trainers
    from hyperherd.errors import CheckpointError, OtherConfigurationError
    from hyperherd.runtime.checkpoint.finding import Checkpoint, folder, latest
    from hyperherd.runtime.checkpoint.guarding import Guard, guard
    from hyperherd.runtime.checkpoint.saving import Keep, save
    from hyperherd.runtime.random_state import rng_state, set_rng_state
    from hyperherd.runtime.signals import stop_requested
    from hyperherd.runtime.time_limit import time_left_s

_PUBLIC = {
    "Checkpoint": "hyperherd.runtime.checkpoint.finding",
    "CheckpointError": "hyperherd.errors",
    "Guard": "hyperherd.runtime.checkpoint.guarding",
    "Keep": "hyperherd.runtime.checkpoint.saving",
    "OtherConfigurationError": "hyperherd.errors",
    "folder": "hyperherd.runtime.checkpoint.finding",
    "guard": "hyperherd.runtime.checkpoint.guarding",
    "latest": "hyperherd.runtime.checkpoint.finding",
    "rng_state": "hyperherd.runtime.random_state",
    "save": "hyperherd.runtime.checkpoint.saving",
    "set_rng_state": "hyperherd.runtime.random_state",
    "stop_requested": "hyperherd.runtime.signals",
    "time_left_s": "hyperherd.runtime.time_limit",
}
__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Guard",
    "Keep",
    "OtherConfigurationError",
    "folder",
    "guard",
    "latest",
    "rng_state",
    "save",
    "set_rng_state",
    "stop_requested",
    "time_left_s",
]


def __getattr__(name: str) -> object:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'hyperherd.checkpoint' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
