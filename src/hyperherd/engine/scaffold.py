"""``herd init``: the two files of a new workspace, which work as written."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from hyperherd.errors import HerdError
from hyperherd.workspace import layout

LAUNCH = "launch.sh"


def make(directory: Path, *, config: Path | None, launcher: Path | None, force: bool) -> list[Path]:
    """Write both files. Raises `HerdError` where one is there already and ``force`` was not said: then neither is
    written.
    """
    targets = [directory / layout.CONFIG, directory / LAUNCH]
    present = [str(target) for target in targets if target.exists()]
    if present and not force:
        raise HerdError(
            f"{' and '.join(present)} would be replaced", hint="herd init -f replaces, or name another folder"
        )
    contents = [
        config.read_bytes()
        if config
        else _template(layout.CONFIG).replace("NAME", _name(directory)).encode(),
        launcher.read_bytes() if launcher else _template(LAUNCH).encode(),
    ]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for target, content in zip(targets, contents, strict=True):
            target.write_bytes(content)
        targets[1].chmod(0o755)
    except OSError as error:
        raise HerdError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or directory),
            hint="name a folder in which you may write: herd init FOLDER",
        ) from error
    return targets


def _template(name: str) -> str:
    return (
        resources.files("hyperherd.engine").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
    )


def _name(directory: Path) -> str:
    """The folder's name as a sweep's: one plain path component."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", directory.resolve().name).strip("._-") or "my_sweep"
