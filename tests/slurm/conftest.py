"""A batch in a workspace of its own, and a cluster to run it on: the fake Slurm, then the real one."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attempt_files
import pytest
from eventually import until
from fakeslurm.fixture import FakeSlurm

from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Batch, Element, Files, Job, State
from hyperherd.launchers.shipped import native
from hyperherd.launchers.slurm import SlurmLauncher
from hyperherd.launchers.slurm.client import Client

_ENDING = secrets.token_hex(4)


def own(token: str) -> str:
    """A token of this process of the tests: by its token a script finds, and ends, what an earlier attempt has left."""
    return f"{token}-{_ENDING}"


def batch_in(
    folder: Path,
    launch: str = "exit 0",
    *,
    indices: Sequence[int] = (0,),
    token: str = "t1",
    options: Mapping[str, str | int | bool | None] | None = None,
    extra_args: tuple[str, ...] = (),
    **more: Any,
) -> Batch:
    """A batch whose folders exist, as the engine makes them; its launch script is written."""
    token = own(token)
    state = folder / ".hyperherd"
    for name in ("jobs", "submissions", "logs/slurm"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (folder / "launch.sh").write_text(launch)
    files = Files(
        script=state / "jobs" / f"{token}.sbatch",
        register=state / "submissions" / f"{token}.state",
        attempts=attempt_files.made(state / "attempts", map(Unit, indices)),
        logs=state / "logs",
        env_file=folder / ".env",
    )
    elements = tuple(Element(index, Unit(index), 1, f"x={index}", ()) for index in indices)
    asked = native().request(options or {}, extra_args)
    return Batch(token, "hyperherd_x", folder, folder / "launch.sh", files, elements, request=asked, **more)


class Cluster:
    """A launcher on one of the clusters, with what tests ask of it again and again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.launcher = SlurmLauncher(nodes=None, client=Client.of_environment(self.environment))

    def submit(self, batch: Batch) -> Job:
        batch.files.script.write_text(self.launcher.script(batch))
        submitted_at = time.time()
        job_id = self.launcher.submit(batch)
        return self.job(batch, job_id, submitted_at)

    def job(self, batch: Batch, job_id: str | None, submitted_at: float) -> Job:
        return Job(
            token=batch.token,
            name=batch.name,
            job_id=job_id,
            where=self.launcher.where(),
            submitted_at=submitted_at,
            files=batch.files,
            offers={element.number: element.offer for element in batch.elements},
        )

    def poll(self, job: Job) -> dict[int, State]:
        return self.launcher.poll([job])[job.token]

    def until(
        self, job: Job, done: Callable[[dict[int, State]], bool], timeout_s: float = 60
    ) -> dict[int, State]:
        """Poll until the states satisfy the predicate."""

        def found() -> list[dict[int, State]]:
            states = self.poll(job)
            return [states] if done(states) else []

        (states,) = until(found, lambda: f"another state than {self.poll(job)}", timeout_s, pause_s=0.05)
        return states

    def until_words(self, job: Job, *words: str) -> dict[int, State]:
        return self.until(job, lambda states: all(state.word in words for state in states.values()))

    def run(self, *argv: str) -> str:
        return subprocess.run(
            argv, env=self.environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout


@pytest.fixture
def fake(fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The fake Slurm only, for what a real one cannot be told to do."""
    return Cluster(fake_slurm.env)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slurm)])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Either Slurm."""
    return Cluster(request.getfixturevalue("fake_slurm" if request.param == "fake" else "slurm").env)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """A workspace with a blank, a quote and a per cent sign in its path."""
    folder = tmp_path / "my 50% 'sweep'"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
