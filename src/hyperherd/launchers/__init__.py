"""WHO runs jobs. Launchers know no sweep and no workspace; they are told everything in a `Batch`.

The names below are resolved on first use (PEP 562): whoever wants one launcher does not import the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperherd.launchers.base import Candidate as Launcher
    from hyperherd.launchers.direct import DirectLauncher
    from hyperherd.launchers.dynamic import DynamicLauncher
    from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

_PUBLIC = {
    "DirectLauncher": ("hyperherd.launchers.direct", "DirectLauncher"),
    "DynamicLauncher": ("hyperherd.launchers.dynamic", "DynamicLauncher"),
    "Launcher": ("hyperherd.launchers.base", "Candidate"),
    "SlurmLauncher": ("hyperherd.launchers.slurm", "SlurmLauncher"),
    "SlurmOptions": ("hyperherd.launchers.slurm", "SlurmOptions"),
}
__all__ = ["DirectLauncher", "DynamicLauncher", "Launcher", "SlurmLauncher", "SlurmOptions"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hyperherd.launchers' has no attribute {name!r}")
    module, found = _PUBLIC[name]
    return getattr(importlib.import_module(module), found)


def __dir__() -> list[str]:
    return sorted(__all__)
