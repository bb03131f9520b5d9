"""Where descriptions of machines are kept: the workspace, the user's configuration folder, and those that ship."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hyperherd.errors import HerdError

HOSTS = "launchers.yaml"
PYTHON = "launchers.py"
USER = "user.yaml"
LONGEST = 200
"""Of the name of a preset: file systems take no longer ones."""
SHIPPED = Path(__file__).parent / "compute"


def folder() -> Path:
    """The configuration folder: ``$HYPERHERD_CONFIG_DIR``, else ``hyperherd`` in the XDG one. It may not be there.

    Raises `HerdError` where the user has no home.
    """
    own, base = os.environ.get("HYPERHERD_CONFIG_DIR", ""), os.environ.get("XDG_CONFIG_HOME", "")
    try:
        if own:
            return Path(own).expanduser()
        return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "hyperherd"
    except RuntimeError as error:
        hint = "name the folder of your configuration: export HYPERHERD_CONFIG_DIR=/path"
        raise HerdError(f"no configuration folder: {error}", hint=hint) from error


@dataclass(frozen=True)
class Sources:
    """What is looked through, for a workspace's folder or for none."""

    workspace: Path | None = None

    def preset_folders(self) -> list[Path]:
        """Folders of ``<preset>.yaml``, the first wins."""
        own = [self.workspace / "compute", self.workspace / "configs/compute"] if self.workspace else []
        return [*own, folder() / "compute", SHIPPED]

    def preset(self, name: str) -> Path | None:
        """The file of a preset; a name that leads out of these folders names none."""
        parts = PurePosixPath(name).parts
        if not parts or {"/", ".."} & set(parts) or "\0" in name or len(name) > LONGEST:
            return None
        beside = [self.workspace] if self.workspace else []
        files = (place / f"{name}.yaml" for place in (*beside, *self.preset_folders()))
        return next((path for path in files if path.is_file()), None)

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
        own = [self.workspace / "configs", self.workspace] if self.workspace else []
        return [place / USER for place in (folder(), *own) if (place / USER).is_file()]
