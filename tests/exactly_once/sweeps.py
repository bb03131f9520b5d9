"""A sweep in a folder of its own, as a user runs it, and the log that its trials write themselves.

Whether a trial ran, and how often, is judged by that log alone: each start and each end is one appended line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
from eventually import DEADLINE_S, until

MARK = "EXACTLY_ONCE_TEST"
OTHER_HOST = "login-2"

_SCRIPT = """\
say() { echo "$1|$HYPERHERD_TRIAL_ID|$HYPERHERD_ATTEMPT|$$|$argument" >>"$HYPERHERD_WORKSPACE/log"; }
argument=$1
for word in $1; do case $word in x=*) x=${word#x=} ;; esac; done
say start
"""
GATE = 'until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done\n'


@dataclass(frozen=True)
class Line:
    """What a trial said: ``start`` or ``end``. ``x`` is the value that it was handed."""

    word: str
    trial: int
    attempt: int
    pid: int
    x: str

    @classmethod
    def of(cls, text: str) -> Line:
        word, trial, attempt, pid, argument = text.split("|")
        values = dict(part.split("=", 1) for part in argument.split())
        return cls(word, int(trial), int(attempt), int(pid), values["x"])


@dataclass(frozen=True)
class Sweep:
    """``place`` is ``local`` or ``slurm``; ``env`` is what ``herd`` and all that it starts are run with."""

    root: Path
    env: Mapping[str, str]
    place: str
    name: str = "sweep"

    def describe(self, values: Iterable[object], *, more: str = "") -> None:
        """The YAML: one parameter, ``x``, with these values."""
        listed = ", ".join(str(value) for value in values)
        text = f"name: {self.name}\nlauncher: launch.sh\ngrid: all\nparameters:\n  x: [{listed}]\n{more}"
        self.write(text)

    def write(self, yaml: str) -> None:
        (self.root / "hyperherd.yaml").write_text(yaml)

    def script(self, body: str = "") -> None:
        """The launch script: says that it starts, does ``body`` (bash; ``$x`` is its value), says that it ends."""
        launch = self.root / "launch.sh"
        launch.write_text(f"#!/bin/bash\n{_SCRIPT}{body}\nsay end\n")
        launch.chmod(0o755)

    def go(self) -> None:
        """Let the trials that wait at `GATE` end."""
        (self.root / "go").touch()

    def argv(self, command: str, *options: str) -> list[str]:
        return [*herding.HERD, *self.words(command, *options)]

    def words(self, command: str, *options: str) -> list[str]:
        where = ["--on", self.place] if command == "run" else []
        return [command, str(self.root), *options, *where]

    def herd(self, command: str, *options: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """A command to its end; ``code`` is the exit code that it must have, None for any."""
        return herding.herd(*self.words(command, *options), env=self.env, code=code)

    def start(self, *options: str, host: str = "") -> herding.Process:
        """``herd run`` in the background, if asked on a host of another name; its words are thrown away.

        Its output is no pipe: what it starts would keep that open.
        """
        argv = self.argv("run", "--detach", *options)
        if host:
            argv = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *argv]
        with (self.root / "said").open("a") as said:
            return herding.started(argv, env=self.env, output=said.fileno())

    def on(self, host: str, *options: str, code: int = 0) -> str:
        """``herd run`` to its end on a host of another name; what it said."""
        before = len(self.said())
        process = self.start(*options, host=host)
        assert process.wait(DEADLINE_S) == code, self.said()[before:]
        return self.said()[before:]

    def said(self) -> str:
        path = self.root / "said"
        return path.read_text() if path.exists() else ""

    def lines(self, word: str = "start") -> list[Line]:
        """What the trials have said so far; the last line may still be on its way."""
        path = self.root / "log"
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [line for line in map(Line.of, whole) if line.word == word]

    def starts(self) -> Counter[str]:
        """Value of ``x`` -> how often a trial with it has started."""
        return Counter(line.x for line in self.lines())

    def trials(self) -> list[dict[str, Any]]:
        """The trials as ``herd status --json`` tells them."""
        told: list[dict[str, Any]] = json.loads(self.herd("status", "--json").stdout)["trials"]
        return told

    def statuses(self) -> dict[int, str]:
        return {trial["index"]: trial["status"] for trial in self.trials()}

    def until_statuses(self, *words: str) -> None:
        """Until every trial has one of these statuses."""
        until(lambda: set(self.statuses().values()) <= set(words), f"all to be {' or '.join(words)}")

    def finish(self) -> None:
        """``herd run`` again and again until every trial has completed."""

        def completed() -> bool:
            self.herd("run", "--detach")
            until(lambda: not {"submitted", "queued", "running"} & set(self.statuses().values()), "the end")
            return set(self.statuses().values()) == {"completed"}

        until(completed, "all trials to complete")

    def living(self) -> list[int]:
        """Processes that were started, directly or not, by any command of this test."""
        return marked(f"{MARK}={self.env[MARK]}".encode())

    def content(self) -> dict[str, bytes]:
        """Every file of the workspace but its trials' log."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        told = {str(path.relative_to(self.root)): path.read_bytes() for path in files}
        return {name: data for name, data in told.items() if name not in ("log", "said")}

    def submissions(self) -> list[dict[str, Any]]:
        """``job_ids.json``."""
        records: list[dict[str, Any]] = json.loads((self.root / ".hyperherd/job_ids.json").read_text())
        return records

    def rewrite(self, records: list[dict[str, Any]]) -> None:
        (self.root / ".hyperherd/job_ids.json").write_text(json.dumps(records))


def environment(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """That of `herding`; marked, so that `end_all` finds what was started."""
    return {**herding.environment(base, folder), MARK: str(folder)}


def end_all(folder: Path) -> None:
    """Kill, by pid, everything that carries the mark of this folder, until nothing does."""
    while left := marked(f"{MARK}={folder}".encode()):
        for pid in left:
            kill(pid)
        time.sleep(0.02)


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Signal a process; False where it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def marked(mark: bytes) -> list[int]:
    """Living processes with this word (``NAME=VALUE``) in their environment."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _carries(pid, mark)]


def _carries(pid: int, mark: bytes) -> bool:
    try:
        living = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in b"ZX"
        return living and mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
