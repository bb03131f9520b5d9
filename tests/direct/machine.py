"""A folder with what the engine makes before it submits, and real supervisors that are gone after each test."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import attempt_files
import eventually

from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.fsio import processes
from hyperherd.fsio.processes import Identity
from hyperherd.jobs import Batch, Element, Files, Job, Phase, State
from hyperherd.launchers.direct import DirectLauncher, process_trees

until = partial(eventually.until, deadline_s=60.0)


@dataclass
class Sweep:
    """``log`` is the trials' own: `says` makes the bash that appends a line to it.

    Tokens get an ending of their own: `processes` finds by them, among the processes of all tests that run now.
    """

    root: Path
    ending: str = field(default_factory=lambda: secrets.token_hex(4))
    tokens: list[str] = field(default_factory=list)
    direct: DirectLauncher = field(default_factory=lambda: DirectLauncher(grace_s=0.5))

    def __post_init__(self) -> None:
        for name in ("submissions", "logs", "jobs", "folder"):
            (self.root / name).mkdir(parents=True)
        self.says("true")

    @property
    def log(self) -> Path:
        return self.root / "log"

    def says(self, bash: str) -> None:
        """The launch script; in it ``say WORDS`` appends a line to the trials' log."""
        start = f'say() {{ echo "$*" >>"$LOG"; }}\ni=$HYPERHERD_TRIAL_ID\n{bash}\n'
        (self.root / "launch.sh").write_text(start)

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def files(self, token: str) -> Files:
        r, token = self.root, f"{token}-{self.ending}"
        script, register = r / f"jobs/{token}.sbatch", r / f"submissions/{token}.state"
        return Files(script, register, AttemptFolder(r / "attempts"), r / "logs", r / ".env")

    def batch(self, token: str, trials: int | Sequence[int], *, attempt: int = 1, **more: Any) -> Batch:
        indices = range(trials) if isinstance(trials, int) else trials
        elements = tuple(
            Element(i, Unit(i), attempt, f"lr={i}", (("HYPERHERD_TRIAL_ID", str(i)), ("LOG", str(self.log))))
            for i in indices
        )
        launch, files = self.root / "launch.sh", self.files(token)
        attempt_files.made(files.attempts.path, [element.unit for element in elements])
        return Batch(
            f"{token}-{self.ending}", "hyperherd_t", self.root / "folder", launch, files, elements, **more
        )

    def submit(self, token: str, trials: int | Sequence[int], *, attempt: int = 1, **more: Any) -> Job:
        batch = self.batch(token, trials, attempt=attempt, **more)
        batch.files.script.write_text(self.direct.script(batch))
        self.tokens.append(batch.token)
        self.direct.submit(batch)
        return self.job(batch)

    def job(self, batch: Batch) -> Job:
        offers = {element.number: element.offer for element in batch.elements}
        return Job(batch.token, batch.name, None, self.direct.where(), time.time(), batch.files, offers)

    def poll(self, job: Job) -> dict[int, State]:
        return self.direct.poll([job])[job.token]

    def phases(self, job: Job) -> set[Phase]:
        return {state.phase for state in self.poll(job).values()}

    def words(self, job: Job) -> list[str]:
        return [state.word for _, state in sorted(self.poll(job).items())]

    def finish(self, job: Job) -> None:
        """Wait for the end of the job and of its supervisor."""
        until(lambda: self.phases(job) == {Phase.ENDED}, f"the end of {job.token}: {self.poll(job)}")
        until(lambda: not processes.alive(self.supervisor(job)), "the end of the supervisor")

    def supervisor(self, job: Job) -> Identity:
        return Identity.parse(job.files.register.read_text().strip())

    def log_of(self, job: Job) -> str:
        path = job.files.logs / "local" / f"{job.token}.log"
        return path.read_text() if path.exists() else ""

    def processes(self) -> list[process_trees.Process]:
        """Everything alive that this sweep has started."""
        ours = tuple(f"{token}/" for token in self.tokens)
        return [
            process
            for process in process_trees.scan()
            if not process.zombie and (process.supervisor in self.tokens or process.mark.startswith(ours))
        ]

    def end(self) -> None:
        while left := self.processes():
            process_trees.kill(left)
            time.sleep(0.01)


def kill(identity: Identity) -> None:
    os.kill(identity.pid, signal.SIGKILL)
    until(lambda: not processes.alive(identity), "the end of a killed process")
