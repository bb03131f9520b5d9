"""A page of the documents as a story: files are written, commands typed, Python run, in the order of the page.

A block that begins with ``# ~/some/file`` or ``# file.yaml`` is that file. In what a command prints ``...`` stands for
any lines.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.(?:yaml|py))\n")
_COMMAND = re.compile(r"^\$ (.*)\n", flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """``language`` is the word behind the fence, ``file`` the file that it is, empty where it is none."""

    language: str
    text: str

    @property
    def file(self) -> str:
        found = _FILE.match(self.text)
        return found[1] if found else ""


@dataclass(frozen=True)
class Said:
    """A command, what the page says that it prints, and what it has printed."""

    command: str
    expected: str
    printed: str

    @property
    def true(self) -> bool:
        parts = re.split(r"^\.\.\.\n", self.expected, flags=re.MULTILINE)
        return re.fullmatch(r"(?:.*\n)*?".join(map(re.escape, parts)), self.printed) is not None


def blocks(page: str) -> list[Block]:
    return [Block(language, text) for language, text in _BLOCK.findall((DOCS / page).read_text())]


@dataclass(frozen=True)
class Teller:
    """Somebody at ``home`` who follows a page in the folder where this process stands, with its environment.

    ``cluster`` is Slurm's name of the cluster, which the pages call mini.
    """

    home: Path
    cluster: str

    def follow(self, page: str) -> Iterator[Said]:
        names: dict[str, Any] = {}
        for block in blocks(page):
            if block.file:
                path = Path(block.file.replace("~", str(self.home)))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(re.sub(r"\bmini\b", self.cluster, block.text))
            elif block.language == "python":
                exec(compile(block.text, page, "exec"), names)
            elif block.language == "console":
                _, *parts = _COMMAND.split(block.text)
                for command, expected in zip(parts[::2], parts[1::2], strict=True):
                    yield Said(command, expected, self.typed(command))

    def typed(self, command: str) -> str:
        """What a command prints, in the words of the page."""
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        printed = done.stdout.replace(str(self.home), "/home/ada")
        printed = re.sub(r"(  expected start.*\n)+", "  expected start: now\n", printed)
        printed = re.sub(rf"\b{self.cluster}\b", "mini", printed)
        return re.sub(r"detected on \S+ by herd \S+", "detected on 2026-11-21 by herd 1.0.0.", printed)
