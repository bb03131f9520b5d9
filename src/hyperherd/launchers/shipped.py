"""The launchers that are shipped: the one list of them, each loaded when its name is used."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from hyperherd.launchers.native import Native

SHIPPED = {
    "local": "hyperherd.launchers.direct.launcher:DirectLauncher",
    "slurm": "hyperherd.launchers.slurm.launcher:SlurmLauncher",
}
"""Name -> module and class."""

_NATIVE = {"slurm": "hyperherd.launchers.slurm.native:NATIVE"}
"""Those with options of their own: key of ``hyperherd.yaml`` -> module and object."""


@cache
def load(name: str) -> Any:
    """The class of a launcher."""
    return _found(SHIPPED[name])


@cache
def native(key: str = "slurm") -> Native:
    """What judges and translates the options that users write under this key, whoever runs their jobs."""
    return cast("Native", _found(_NATIVE[key]))


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
