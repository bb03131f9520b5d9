"""The files of an attempts folder, for tests: its folders made as the engine makes them, and the names in them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hyperherd.attempts.filenames import AttemptFolder, Unit


def made(path: Path, units: Iterable[Unit] = (Unit(0),)) -> AttemptFolder:
    """A folder for the attempts of these."""
    folder = AttemptFolder(path)
    for unit in units:
        folder.block(unit).mkdir(parents=True, exist_ok=True)
    return folder


def names(folder: AttemptFolder | Path) -> list[str]:
    """Of all claims, notes and marks."""
    path = folder.path if isinstance(folder, AttemptFolder) else folder
    return sorted(name for block in path.iterdir() for name in os.listdir(block))
