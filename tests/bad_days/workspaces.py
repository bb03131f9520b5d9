"""A workspace as its user has it: two files, a command line, and what is in the folder before and after."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import eventually
import herding
import pytest

from hyperherd.cli.main import main

DEADLINE_S = 120.0
until = partial(eventually.until, deadline_s=DEADLINE_S)
HERD = herding.HERD
LIVE = {"submitted", "queued", "running"}

YAML = """\
name: {name}
launcher: launch.sh
grid: all
parameters:
  x: {values}
{more}"""

LAUNCH = """\
#!/bin/bash
echo "$HYPERHERD_TRIAL_ID $SLURM_ARRAY_TASK_ID $1" >>"$HYPERHERD_WORKSPACE/log"
"""
GATE = 'until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done\n'


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Workspace:
    """``env`` is what ``herd`` and all that it starts are run with."""

    root: Path
    env: Mapping[str, str]

    def write(
        self, values: str = "[1, 2, 3]", *, more: str = "", launch: str = LAUNCH, name: str = "days"
    ) -> None:
        """Both files as they work, with one parameter, ``x``."""
        self.root.mkdir(exist_ok=True)
        self.yaml(YAML.format(name=name, values=values, more=more))
        (self.root / "launch.sh").write_text(launch)
        (self.root / "launch.sh").chmod(0o755)

    def yaml(self, text: str) -> None:
        (self.root / "hyperherd.yaml").write_text(text)

    def herd(self, *words: str, code: int | None = 0) -> Done:
        """A command in this process, which is quick; ``code`` is the exit code that it must have, None for any.

        An exception that is no answer to a user comes through, and fails the test.
        """
        out, err = io.StringIO(), io.StringIO()
        surroundings = mock.patch.dict(os.environ, {**self.env, "PWD": str(self.root)}, clear=True)
        spoken = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with surroundings, inside(self.root), spoken[0], spoken[1], pytest.raises(SystemExit) as ended:
            main(words)
        done = Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert code is None or done.code == code, done
        return done

    def program(self, *words: str, before: tuple[str, ...] = (), code: int | None = 0) -> Done:
        """A command in a process of its own; ``before`` are words before it, such as `another_user.NOBODY`."""
        ended = herding.herd(
            *words, before=before, folder=self.root, env=self.env, code=code, limit_s=DEADLINE_S
        )
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def statuses(self) -> dict[int, str]:
        return {trial["index"]: trial["status"] for trial in self.herd("status", "--json").json["trials"]}

    def until_ended(self) -> dict[int, str]:
        """The statuses once nothing waits or runs."""

        def ended() -> list[dict[int, str]]:
            found = self.statuses()
            return [] if LIVE & set(found.values()) else [found]

        (found,) = until(ended, lambda: f"the end of all: {self.statuses()}", pause_s=0.1)
        return found

    def content(self) -> dict[str, bytes | None]:
        """Every path below the workspace; None for a folder."""
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in self.root.rglob("*")
        }

    def files(self) -> dict[str, bytes]:
        """The files of `content`, without what trials write themselves (``log``, ``started``)."""
        found = self.content().items()
        return {name: data for name, data in found if data is not None and name not in ("log", "started")}

    def ran(self) -> list[tuple[int, int, str]]:
        """What the trials say themselves: index, SLURM_ARRAY_TASK_ID, ``$1``."""
        log = self.root / "log"
        rows = (line.split(" ", 2) for line in log.read_text().splitlines()) if log.exists() else ()
        return [(int(index), int(task), argument) for index, task, argument in rows]


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """The current folder (contextlib.chdir is of Python 3.11)."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def environment(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """That of `herding`, in which Python leaves no files of its own."""
    return {**herding.environment(base, folder), "PYTHONDONTWRITEBYTECODE": "1"}
