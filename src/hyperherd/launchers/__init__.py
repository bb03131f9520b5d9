"""WHO runs jobs. Launchers know no sweep and no workspace; they are told everything in a `Batch`.

The names below are resolved on first use (PEP 562): whoever wants one launcher does not import the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperherd.launchers.direct import DirectLauncher
    from hyperherd.launchers.dynamic import DynamicLauncher
    from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

_PUBLIC = {
    "DirectLauncher": "hyperherd.launchers.direct",
    "DynamicLauncher": "hyperherd.launchers.dynamic",
    "SlurmLauncher": "hyperherd.launchers.slurm",
    "SlurmOptions": "hyperherd.launchers.slurm",
}
__all__ = ["DirectLauncher", "DynamicLauncher", "SlurmLauncher", "SlurmOptions"]


def __getattr__(name: str) -> object:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'hyperherd.launchers' has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
