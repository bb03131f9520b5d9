"""``herd`` from outside, in a workspace of its own, and the log that its trials write themselves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
from eventually import until

GATE = 'until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done\n'
"""Bash: wait for `Herd.go`."""

_START = """\
#!/bin/bash
say() { printf '%s %s %s %s\\n' "$1" "$HYPERHERD_TRIAL_ID" "$HYPERHERD_ATTEMPT" "${2--}" >>"$HYPERHERD_WORKSPACE/log"; }
say start "${CUDA_VISIBLE_DEVICES-}"
"""


@dataclass(frozen=True)
class Line:
    """What a trial said in the log: ``start`` (with its GPUs) or ``end``."""

    word: str
    trial: int
    attempt: int
    gpus: str

    @classmethod
    def of(cls, text: str) -> Line:
        word, trial, attempt, *gpus = text.split(" ")
        return cls(word, int(trial), int(attempt), " ".join(gpus))


@dataclass(frozen=True)
class Herd:
    """``on`` is what ``herd run --on`` is told, ``env`` what ``herd`` and all that it starts are run with."""

    root: Path
    env: Mapping[str, str]
    on: str
    name: str

    def yaml(self, body: str) -> None:
        """``hyperherd.yaml`` but for the name and the launch script."""
        (self.root / "hyperherd.yaml").write_text(
            f"name: {self.name}\nlauncher: launch.sh\n{body}", encoding="utf-8"
        )

    def describe(self, values: Iterable[object], more: str = "") -> None:
        """One parameter, ``x``, with these values."""
        self.yaml(f"grid: all\nparameters:\n  x: [{', '.join(map(str, values))}]\n{more}")

    def launch(self, body: str = "") -> None:
        """The launch script: says that it starts, does ``body`` (bash), says that it ends."""
        path = self.root / "launch.sh"
        path.write_text(f"{_START}{body}\nsay end\n")
        path.chmod(0o755)

    def go(self) -> None:
        """Let the trials that wait at `GATE` end."""
        (self.root / "go").touch()

    def __call__(self, command: str, *options: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """A command to its end; ``code`` is the exit code that it must have, None for any."""
        where = ("--on", self.on) if command == "run" and "--on" not in options else ()
        return herding.herd(command, self.root, *where, *options, env=self.env, code=code)

    def json(self, command: str, *options: str, code: int = 0) -> Any:
        """The one JSON document on its stdout."""
        flag = () if command == "snapshot" else ("--json",)
        return json.loads(self(command, *options, *flag, code=code).stdout)

    def submit(self, *options: str) -> None:
        """``herd run`` that does not stay."""
        self("run", "--detach", *options)

    def lines(self, word: str = "start") -> list[Line]:
        """What the trials have said so far; the last line may still be on its way."""
        return [line for line in self.log() if line.word == word]

    def log(self) -> list[Line]:
        path = self.root / "log"
        text = path.read_text() if path.exists() else ""
        return [Line.of(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def started(self) -> list[int]:
        """The trials that have started, in order of their numbers, one that ran twice twice."""
        return sorted(line.trial for line in self.lines())

    def most_at_once(self) -> int:
        """How many trials were between their start and their end at the same time, by their own log."""
        now = most = 0
        for line in self.log():
            now += 1 if line.word == "start" else -1
            most = max(most, now)
        return most

    def trials(self) -> dict[int, dict[str, Any]]:
        """index -> the trial as ``herd status --json`` tells it."""
        return {trial["index"]: trial for trial in self.json("status")["trials"]}

    def statuses(self) -> dict[int, str]:
        return {index: trial["status"] for index, trial in self.trials().items()}

    def until_statuses(self, *words: str) -> None:
        """Until every trial has one of these statuses."""
        self.until(lambda: set(self.statuses().values()) <= set(words), f"all to be {' or '.join(words)}")

    def until(self, true: Callable[[], object], what: str) -> None:
        until(true, what)

    def until_started(self, count: int) -> None:
        until(lambda: len(self.lines()) >= count, f"{count} trials to start")

    def content(self) -> dict[str, bytes]:
        """Every file of the workspace, with its content."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def job_ids(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = json.loads((self.root / ".hyperherd/job_ids.json").read_text())
        return records

    def tool(self, *argv: str) -> str:
        """A program of Slurm's."""
        return herding.ran(argv, env=self.env).stdout


def clean(base: Mapping[str, str]) -> dict[str, str]:
    """Without the variables of an allocation in which the tests may run."""
    return {name: value for name, value in base.items() if not name.startswith("SLURM_")}
