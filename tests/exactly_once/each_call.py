"""A command with one fault in it: before its k-th call of a kind it is killed, or that call fails (strace, `--inject`).

The calls are those by which a process changes the world. What the command itself starts runs without faults.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import herding
from eventually import DEADLINE_S

CALLS = (
    *(
        "write",
        "pwrite64",
        "fsync",
        "fdatasync",
        "ftruncate",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
    ),
    *("symlink", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "kill"),
)
FAULTS = {
    "killed": "signal=KILL",
    "no space": "error=ENOSPC",
    "an I/O error": "error=EIO",
    "no right": "error=EACCES",
}
ERRORS = tuple(fault for fault in FAULTS if fault != "killed")
TRACED = ("strace", "-qq", "--decode-fds=path", f"--trace={','.join(CALLS)}")


@dataclass(frozen=True)
class Instant:
    """``fault`` happens at the ``number``-th ``call``."""

    call: str
    number: int
    fault: str

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.number}"

    def before(self) -> tuple[str, ...]:
        """The words before the command."""
        return (
            *TRACED,
            "--output=/dev/null",
            f"--inject={self.call}:{FAULTS[self.fault]}:when={self.number}",
        )


def instants(words: Sequence[str], env: Mapping[str, str], trace: Path) -> list[Instant]:
    """A kill before every call of the command, and each error once for each kind of call and of file. The command is
    carried out, without a fault.
    """
    ran((*TRACED, f"--output={trace}"), words, env)
    numbers: Counter[str] = Counter()
    kinds: set[tuple[str, str]] = set()
    found = []
    for line in trace.read_text().splitlines():
        if not (made := re.match(r"(\w+)\((.*)", line)):
            continue
        call, arguments = made.groups()
        numbers[call] += 1
        found.append(Instant(call, numbers[call], "killed"))
        if (kind := (call, _kind(arguments))) not in kinds and call != "kill":
            kinds.add(kind)
            found += [Instant(call, numbers[call], error) for error in ERRORS]
    return found


def _kind(arguments: str) -> str:
    """The first path among them, without what is drawn anew each time."""
    path = re.search(r"[<\"](/[^>\"]*)", arguments)
    return re.sub(r"[0-9a-f]{4,}|\d+", "", path[1]) if path else ""


def ran(
    before: Sequence[str], words: Sequence[str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """``herd WORDS`` behind these words, to its end."""
    argv = [*before, *herding.HERD, *words]
    return subprocess.run(argv, env=dict(env), capture_output=True, text=True, timeout=DEADLINE_S)
