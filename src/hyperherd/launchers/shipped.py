"""The launchers that there are, by name: the one list of those that are shipped, and the entry points of others.

Each is loaded when its name is used. Only a name that is not shipped is looked for among the entry points of the group
``hyperherd.launchers``: scanning them takes 50 ms where 400 packages are installed.
"""

from __future__ import annotations

import importlib
import shutil
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from hyperherd.errors import HerdError, LauncherError
from hyperherd.launchers.traits import Traits

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from hyperherd.launchers.base import Launcher
    from hyperherd.launchers.native import Native
    from hyperherd.launchers.node.dialect import Dialect
    from hyperherd.launchers.survey import Survey

GROUP = "hyperherd.launchers"
"""Of entry points: name -> class of a launcher, which is made without arguments."""

SHIPPED = {
    "slurm": "hyperherd.launchers.slurm.launcher:SlurmLauncher",
    "local": "hyperherd.launchers.direct.launcher:DirectLauncher",
}
"""Name -> module and class; where nothing else is said, the first that is here runs what there is to run."""

_TRAITS = {
    "memory": "hyperherd.launchers.memory:TRAITS",  # for tests: nobody is offered it
    "slurm": "hyperherd.launchers.slurm.traits:TRAITS",
    "local": "hyperherd.launchers.direct.traits:TRAITS",
}

_NATIVE = {"slurm": "hyperherd.launchers.slurm.native:NATIVE"}
"""Those with options of their own: key of ``hyperherd.yaml`` -> module and object."""

_SURVEYS = {
    "local": "hyperherd.launchers.direct.survey:survey",
    "slurm": "hyperherd.launchers.slurm.detect:survey",
}
"""Those that can tell of the machines that they reach -> module and function."""


@cache
def load(name: str) -> Any:
    """The class of a launcher. Raises KeyError where no launcher has this name."""
    return _found(SHIPPED[name]) if name in SHIPPED else _installed()[name].load()


def made(name: str) -> Launcher:
    """A launcher for the trials of sweeps. Raises KeyError where no launcher has this name, and `LauncherError` for one
    of another package that cannot be loaded, or is none.
    """
    return cast("Launcher", load(name).of_sweeps()) if name in SHIPPED else _of_another(_installed()[name])


def _of_another(entry: EntryPoint) -> Launcher:
    from hyperherd.launchers.base import complete

    try:
        found = load(entry.name)
        launcher = complete(found.of_sweeps() if hasattr(found, "of_sweeps") else found())
    except HerdError:
        raise
    except (Exception, SystemExit) as error:
        raise _unusable(entry, f"cannot be loaded: {type(error).__name__}: {error}") from error
    if fault := _fault(entry.name, launcher):
        raise _unusable(entry, fault)
    return launcher


def _fault(name: str, launcher: Launcher) -> str:
    if launcher.name != name:  # trials are recorded under the one, and looked for under the other
        return f"cannot be used: its class says name = {launcher.name!r}"
    stated: object = launcher.traits
    if not isinstance(stated, Traits):
        return f"cannot be used: its traits are {stated!r}, no Traits"
    return ""


def _unusable(entry: EntryPoint, why: str) -> LauncherError:
    package = f", in {entry.dist.name}" if entry.dist else ""
    return LauncherError(
        f"the launcher {entry.name} {why}",
        where=f"entry point {entry.name} of {GROUP}{package}",
        hint="mend or uninstall that package; what else there is goes on: herd run --on local",
    )


def why_absent(name: str) -> str:
    """What keeps a launcher from being here, for people: ``which is not here``."""
    if name not in SHIPPED and name in _installed():
        try:
            made(name)
        except LauncherError as error:
            return f"which is not here ({error.what})"
    return "which is not here"


def others() -> tuple[str, ...]:
    """The names of installed launchers that are not shipped."""
    return tuple(sorted(_installed()))


@cache
def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {found.name: found for found in entry_points(group=GROUP) if found.name not in SHIPPED}


@cache
def traits(name: str) -> Traits:
    """What a launcher is like, also where it is not here; of one that is not installed, or cannot be loaded, its name
    alone is known.
    """
    if name in _TRAITS:
        return cast("Traits", _found(_TRAITS[name]))
    try:
        return made(name).traits
    except (KeyError, LauncherError):
        return Traits(title=name)


def is_here(name: str) -> bool:
    """Whether a launcher's program is installed; whether it answers is another question."""
    program = traits(name).program
    return not program or shutil.which(program) is not None


@cache
def native(key: str = "slurm") -> Native:
    """What judges and translates the options that users write under this key, whoever runs their jobs."""
    return cast("Native", _found(_NATIVE[key]))


def survey(name: str) -> Survey:
    """How a launcher looks around. Raises `LauncherError` for one that does not."""
    if name not in _SURVEYS:
        raise LauncherError(
            f"{traits(name).title} does not say which machines it has",
            hint=f"herd launchers detect --on {' or '.join(sorted(_SURVEYS))}",
        )
    return cast("Survey", _found(_SURVEYS[name]))


def by_hand(job: str) -> Dialect:
    """What a script asks that runs here without its launcher (`herd test`); ``job`` is whose it says it is."""
    return cast("Dialect", _found("hyperherd.launchers.direct.spawning:by_hand")(job))


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
