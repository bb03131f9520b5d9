"""The launchers that are shipped: the one list of them, each loaded when its name is used."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from hyperherd.launchers.native import Native
    from hyperherd.launchers.survey import Survey

SHIPPED = {
    "local": "hyperherd.launchers.direct.launcher:DirectLauncher",
    "slurm": "hyperherd.launchers.slurm.launcher:SlurmLauncher",
}
"""Name -> module and class."""

_NATIVE = {"slurm": "hyperherd.launchers.slurm.native:NATIVE"}
"""Those with options of their own: key of ``hyperherd.yaml`` -> module and object."""

_SURVEYS = {
    "local": "hyperherd.launchers.direct.survey:survey",
    "slurm": "hyperherd.launchers.slurm.survey:survey",
}
"""Those that can tell of the machines that they reach -> module and function."""


@cache
def load(name: str) -> Any:
    """The class of a launcher."""
    return _found(SHIPPED[name])


@cache
def native(key: str = "slurm") -> Native:
    """What judges and translates the options that users write under this key, whoever runs their jobs."""
    return cast("Native", _found(_NATIVE[key]))


def survey(name: str) -> Survey:
    """How a launcher looks around."""
    return cast("Survey", _found(_SURVEYS[name]))


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
