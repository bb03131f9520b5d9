"""A process with one fault in it, at its k-th call of a kind (strace, `--inject`): see `FAULTS`.

The calls are those by which a process changes the world. What the process itself starts runs without faults.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import herding
from eventually import DEADLINE_S

CALLS = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2"),
    *(
        "link",
        "linkat",
        "symlink",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "chmod",
        "fchmod",
        "kill",
    ),
)
ERRORS = {"no space": "ENOSPC", "an I/O error": "EIO", "no right": "EACCES"}
CUT = "a cut write"
"""Killed, and of its last write only the first half is there."""
TAKEN_BACK = "what was not synced is taken back"
"""Killed, and the machine with it: files that it has written and not synced are empty, those that it has made or
replaced in folders that it has not synced are as before.
"""
FAULTS = ("killed", *ERRORS, CUT, TAKEN_BACK)


@dataclass(frozen=True)
class Instant:
    """``fault`` happens before the ``number``-th ``call`` is carried out."""

    call: str
    number: int
    fault: str

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.number}"

    def before(self, trace: Path) -> tuple[str, ...]:
        """The words before the program; it keeps its pid."""
        effect = f"error={ERRORS[self.fault]}" if self.fault in ERRORS else "signal=KILL"
        return (*traced(trace), f"--inject={self.call}:{effect}:when={self.number}")

    def after(self, trace: Path, state: Path, before: Path) -> None:
        """What else the fault does to the state folder, which was as ``before`` at first."""
        calls = list(_calls(trace))
        if self.fault == CUT:
            _cut(calls, state)
        elif self.fault == TAKEN_BACK:
            _take_back(calls, state, before)

    def missed(self, trace: Path) -> bool:
        """Whether an error came to a call that changes nothing: how often a program opens files differs a little."""
        lines = (line for line in trace.read_text(errors="replace").splitlines() if "(INJECTED)" in line)
        return self.fault in ERRORS and not any(call.changes for call in map(_call, lines) if call)


def traced(trace: Path) -> tuple[str, ...]:
    """The words before a program of which nothing but a trace is wanted; it is whole once the program `has_ended`."""
    calls = f"--trace={','.join(CALLS)}"
    return ("strace", "-DDD", "-qq", "--signal=none", "--decode-fds=path", calls, f"--output={trace}")


def has_ended(trace: Path) -> bool:
    """Whether the program was there, and is traced no more."""
    return trace.exists() and not any(
        _says(path, bytes(trace)) for path in Path("/proc").glob("[0-9]*/cmdline")
    )


def _says(cmdline: Path, word: bytes) -> bool:
    try:
        return b"--output=" + word in cmdline.read_bytes().split(b"\0")
    except OSError:
        return False


@dataclass(frozen=True)
class _Call:
    """``answer`` is empty where the call was not carried out."""

    name: str
    arguments: str
    answer: str

    @property
    def changes(self) -> bool:
        return self.name != "openat" or ("O_CREAT" in self.arguments and '"/dev/' not in self.arguments)

    @property
    def path(self) -> str:
        """Of the file that it opens, or of the first one it names; empty where there is none."""
        found = re.search(r"<(/[^>]*)>", self.answer) or re.search(r"\d<(/[^>]*)>", self.arguments)
        found = found or re.search(r'"(/[^"]*)"', self.arguments)
        return found[1] if found else ""


def _calls(trace: Path) -> Iterator[_Call]:
    return filter(None, map(_call, trace.read_text(errors="replace").splitlines()))


def _call(line: str) -> _Call | None:
    if not (made := re.match(r"(\w+)\((.*?)(?:\)\s+= (.*))?$", line)):
        return None
    name, arguments, answer = made.groups()
    return _Call(name, arguments, "" if answer is None or answer.startswith(("?", "-1")) else answer)


def instants(trace: Path) -> list[Instant]:
    """A kill before every call in a trace, and each other fault once for each kind of call and of file."""
    numbers: Counter[str] = Counter()
    kinds: set[tuple[str, str]] = set()
    found = []
    cut = False
    for call in _calls(trace):
        numbers[call.name] += 1
        if not call.changes:
            continue
        at = call.name, numbers[call.name]
        found.append(Instant(*at, "killed"))
        if cut:
            found.append(Instant(*at, CUT))
        kind = (call.name, re.sub(r"[0-9a-f]{4,}|\d+", "", call.path))
        anew = kind not in kinds and call.name != "kill"
        cut = anew and call.name in ("write", "pwrite64")
        if anew:
            kinds.add(kind)
            found += [Instant(*at, fault) for fault in (*ERRORS, TAKEN_BACK)]
    return found


def _cut(calls: Sequence[_Call], state: Path) -> None:
    written = [call for call in calls if call.name in ("write", "pwrite64") and call.answer]
    if written and Path(written[-1].path).is_relative_to(state) and (path := Path(written[-1].path)).exists():
        os.truncate(path, path.stat().st_size - int(written[-1].answer) // 2)


def _take_back(calls: Iterable[_Call], state: Path, before: Path) -> None:
    unsynced, made = _not_synced(call for call in calls if call.answer)
    for path in (Path(path) for path in unsynced | made):
        old = before / os.path.relpath(path, state)
        if not path.is_relative_to(state) or not path.is_file():
            continue
        if str(path) not in made:
            os.truncate(path, 0)
        elif old.exists():
            path.write_bytes(old.read_bytes())
        else:
            path.unlink()


def _not_synced(calls: Iterable[_Call]) -> tuple[set[str], set[str]]:
    """The files whose content, and those whose name, is not on the disk for sure."""
    content: set[str] = set()
    names: set[str] = set()
    for call in calls:
        if call.name in ("fsync", "fdatasync"):
            content.discard(call.path)
            names -= {path for path in names if os.path.dirname(path) == call.path}
        elif call.name in ("openat", "write", "pwrite64") and call.changes:
            content.add(call.path)
            names |= {call.path} if "O_EXCL" in call.arguments else set()
        elif call.name.startswith("rename"):
            old, new = re.findall(r'"(/[^"]*)"', call.arguments)
            content = {new if path == old else path for path in content}
            names = {new if path == old else path for path in names}
    return content, names


def shim(path: Path, program: str, before: Sequence[str]) -> None:
    """Make an executable that runs this program (empty: what its arguments say), the first time behind these words.

    The pid of that first one is then in ``PATH.first/pid``.
    """
    once, words = shlex.quote(f"{path}.first"), shlex.join([*before, *([program] if program else [])])
    text = f"""\
#!/bin/bash
mkdir {once} 2>/dev/null || exec {program} "$@"
echo $$ >{once}/pid
exec {words} "$@"
"""
    path.write_text(text)
    path.chmod(0o755)


_WITH_PYTHON = (
    "import runpy, sys; sys.executable = sys.argv.pop(1); runpy.run_module('hyperherd', run_name='__main__')"
)


def ran(
    words: Sequence[str], env: Mapping[str, str], *, before: Sequence[str] = (), python: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """``herd WORDS`` behind the words ``before`` it, to its end; ``python`` is what it starts other Pythons with."""
    herd = [sys.executable, "-c", _WITH_PYTHON, str(python)] if python else herding.HERD
    argv = [*before, *herd, *words]
    return subprocess.run(argv, env=dict(env), capture_output=True, text=True, timeout=DEADLINE_S)
