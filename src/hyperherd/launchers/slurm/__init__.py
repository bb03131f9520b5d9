"""Slurm as a launcher. The names below are resolved on first use (PEP 562): its table of options costs less alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperherd.launchers.slurm.launcher import SlurmLauncher
    from hyperherd.launchers.slurm.options import SlurmOptions

_PUBLIC = {
    "SlurmLauncher": "hyperherd.launchers.slurm.launcher",
    "SlurmOptions": "hyperherd.launchers.slurm.options",
}
__all__ = ["SlurmLauncher", "SlurmOptions"]


def __getattr__(name: str) -> object:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'hyperherd.launchers.slurm' has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
