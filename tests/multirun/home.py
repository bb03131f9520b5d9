"""A folder with a script of a user's, and a program `app` that it calls; both judged from outside.

What `app` was given is judged by what it writes down itself, a file for each run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
from eventually import until
from exactly_once.sweeps import MARK, marked

APP = """\
#!/bin/bash
# Writes down the folder and its words, a NUL behind each; exits 7 for a word that is a line of the file fail.
file=$SEEN/${HYPERHERD_TRIAL_ID-none}.${SLURM_ARRAY_TASK_ID-none}.$$
printf '%s\\0' "$PWD" "$@" >"$file.part" && mv "$file.part" "$file"
echo "given $# words"
[[ -z ${GATE-} ]] || until [[ -e $GATE ]]; do sleep 0.05; done
for word; do [[ -e $SEEN/../fail ]] && grep -qxF -e "$word" "$SEEN/../fail" && exit 7; done
exit 0
"""


@dataclass(frozen=True)
class Home:
    """``folder`` holds the scripts; ``place`` is ``local`` or ``slurm``; ``env`` is what all is run with."""

    folder: Path
    env: Mapping[str, str]
    place: str

    def script(self, text: str, name: str = "job.sh") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    def run(
        self, *argv: str, code: int | None = 0, cwd: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """A program to its end; ``code`` is the exit code that it must have, None for any."""
        folder = cwd or self.folder
        env = {**self.env, "PWD": str(folder), **more}
        done = herding.ran(argv, folder=folder, env=env, code=code)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def herd(
        self, *words: str, code: int | None = 0, cwd: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run(*herding.HERD, *words, code=code, cwd=cwd, **more)

    def multirun(
        self, *words: str, script: str = "job.sh", code: int | None = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`herd multirun`, until all has ended."""
        return self.herd("multirun", script, "--on", self.place, "--wait", *words, code=code, cwd=cwd)

    def begin(self, *words: str, script: str = "job.sh", code: int | None = 0) -> None:
        """`herd multirun` that returns at once."""
        self.herd("multirun", script, "--on", self.place, "--detach", *words, code=code)

    def document(self, *words: str, cwd: Path | None = None) -> Any:
        return json.loads(self.herd(*words, "--json", cwd=cwd).stdout)

    def statuses(self, script: str = "job.sh") -> list[str]:
        return [trial["status"] for trial in self.document("status", script)["trials"]]

    def until_ended(self, script: str = "job.sh") -> list[str]:
        live = {"submitted", "queued", "running"}
        until(lambda: not live & set(self.statuses(script)), "all to end")
        return self.statuses(script)

    def fail(self, *words: str) -> None:
        """From now on `app` fails when it is given one of these."""
        (self.folder.parent / "fail").write_text("".join(f"{word}\n" for word in words))

    def runs(self) -> dict[str, list[str]]:
        """What `app` was given in each run: ``trial.task.pid`` -> words."""
        files = sorted(path for path in self.seen.iterdir() if path.suffix != ".part")
        return {path.name: path.read_bytes().decode().split("\0")[1:-1] for path in files}

    def given(self) -> list[list[str]]:
        """The same without who ran, sorted."""
        return sorted(self.runs().values())

    def folders(self) -> set[str]:
        """Where `app` has run."""
        return {path.read_bytes().decode().split("\0")[0] for path in self.seen.iterdir()}

    def living(self) -> list[int]:
        """Processes that were started, directly or not, by any command of this test."""
        return marked(f"{MARK}={self.env[MARK]}".encode())

    @property
    def seen(self) -> Path:
        return self.folder.parent / "seen"

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def make(tmp_path: Path, env: Mapping[str, str], place: str) -> Home:
    for name in ("work", "seen", "bin"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin/app"
    program.write_text(APP)
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), env["PATH"]])
    return Home(tmp_path / "work", {**env, "PATH": path, "SEEN": str(tmp_path / "seen")}, place)
