"""Trainers as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import eventually

DEADLINE_S = 60.0
until = partial(eventually.until, deadline_s=DEADLINE_S)
LAUNCHERS = ("RANK", "WORLD_SIZE", "OMPI_", "PMI", "SLURM_", "TORCHELASTIC_", "HYPERHERD_")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without what a launcher around the tests may have said."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
    return plain | dict(more or {})


def argv(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(text), *map(str, arguments)]


def ended(
    text: str, *arguments: object, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    words = [*before, *argv(text, *arguments)]
    return subprocess.run(
        words, env=environment(env), capture_output=True, text=True, check=False, timeout=DEADLINE_S, cwd="/"
    )


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
