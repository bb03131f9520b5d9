"""A file system with little room, which root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system of its own: ``disk("size=256k")``."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        answer = subprocess.run(argv, capture_output=True, text=True) if os.geteuid() == 0 else None
        if answer is None or answer.returncode:
            pytest.skip(
                f"no file system may be mounted here: {answer.stderr.strip() if answer else 'not root'}"
            )
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
