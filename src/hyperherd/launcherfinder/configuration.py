"""Where descriptions of machines are kept: a workspace and its project, the user's configuration folder, what ships."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from hyperherd.attempts import variables
from hyperherd.errors import HerdError

HOSTS = "launchers.yaml"
PYTHON = "launchers.py"
USER = "user.yaml"
LONGEST = 200
"""Of the name of a preset: file systems take no longer ones."""
SHIPPED = Path(__file__).parent / "compute"
COMPUTE = Path("configs/compute")
MARKS = (Path(".git"), Path("pyproject.toml"), COMPUTE)
"""What the root of a project has, the surest first."""


def folder() -> Path:
    """The configuration folder: ``$HYPERHERD_CONFIG_DIR``, else ``hyperherd`` in the XDG one. It may not be there.

    Raises `HerdError` where the user has no home.
    """
    own, base = os.environ.get(variables.CONFIG_DIR, ""), os.environ.get("XDG_CONFIG_HOME", "")
    try:
        if own:
            return Path(own).expanduser()
        return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "hyperherd"
    except RuntimeError as error:
        hint = "name the folder of your configuration: export HYPERHERD_CONFIG_DIR=/path"
        raise HerdError(f"no configuration folder: {error}", hint=hint) from error


@dataclass(frozen=True)
class Sources:
    """What is looked through: for a workspace's folder; or, where there is none, for any folder, ``here``."""

    workspace: Path | None = None
    here: Path | None = None

    def preset_folders(self) -> list[Path]:
        """Folders of ``<preset>.yaml``, the first wins."""
        own = [self.workspace / "compute"] if self.workspace else []
        return [*own, *(place / COMPUTE for place in self._project), folder() / "compute", SHIPPED]

    def preset(self, name: str) -> Path | None:
        """The file of a preset; a name that leads out of these folders names none."""
        parts = PurePosixPath(name).parts
        if not parts or {"/", ".."} & set(parts) or "\0" in name or len(name) > LONGEST:
            return None
        beside = [self.workspace] if self.workspace else []
        files = (place / f"{name}.yaml" for place in (*beside, *self.preset_folders()))
        return next((path for path in files if os.path.isfile(path)), None)

    def presets(self) -> Iterator[tuple[str, Path]]:
        """Every preset once: its name and file, in the order in which they are looked for."""
        seen: set[str] = set()
        for place in self.preset_folders():
            for path in sorted(place.rglob("*.yaml")):
                name = path.relative_to(place).with_suffix("").as_posix()
                if name not in seen:
                    seen.add(name)
                    yield name, path

    def user_files(self) -> list[Path]:
        """Those of ``user.yaml`` that exist; later ones win."""
        own = [self.workspace] if self.workspace else []
        places = [folder(), *(place / COMPUTE.parent for place in reversed(self._project)), *own]
        return [place / USER for place in places if os.path.isfile(place / USER)]

    @cached_property
    def _project(self) -> Sequence[Path]:
        start = self.workspace or self.here
        return project(start) if start else ()


def project(start: Path) -> Sequence[Path]:
    """This folder and those above it, up to the root of its project; the folder alone where no root is found.

    The root is the nearest folder with a ``.git``; where there is none, with a ``pyproject.toml``, or else with
    ``configs/compute``. A folder above that everyone may write into is nobody's project, and the search ends there.
    """
    start = Path(os.path.abspath(start))
    private = itertools.takewhile(
        lambda place: place == start or not _is_everyones(place), (start, *start.parents)
    )
    places = list(private)
    roots = (number for mark in MARKS for number, place in enumerate(places) if os.path.exists(place / mark))
    return places[: next(roots, 0) + 1]


def _is_everyones(place: Path) -> bool:
    try:
        return bool(place.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return True
