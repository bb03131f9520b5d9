"""The fixture ``fake_slurm``: a fake cluster of its own for each test, and what a test can do to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fakeslurm import ending, knobs, processes, selection
from fakeslurm.store import Store, start_time

PROGRAMS = Path(__file__).parent / "bin"
Answer = TypeVar("Answer")

Record = dict[str, Any]
"""As the store's JSON has it."""


class FakeSlurm:
    """One fake cluster. ``env`` is the environment in which its programs are ``sbatch``, ``squeue`` and so on."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._knobs: Record = {}
        owner = {"pid": os.getpid(), "start": start_time(os.getpid())}
        (self.folder / "owner.json").write_text(json.dumps(owner))

    @property
    def env(self) -> dict[str, str]:
        """This process's environment, the programs first on PATH, without the variables of another Slurm."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return {
            **inherited,
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "FAKESLURM_DIR": str(self.folder),
            "FAKESLURM_PYTHON": sys.executable,
        }

    def run(
        self, *argv: object, check: bool = True, timeout: float = 30, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in `env`; a CompletedProcess with text."""
        options: dict[str, Any] = {
            "env": self.env,
            "capture_output": True,
            "text": True,
            "timeout": timeout,
            **kwargs,
        }
        return subprocess.run([str(word) for word in argv], check=check, **options)

    def knobs(self, **told: Any) -> None:
        """Turn some knobs (see `fakeslurm.knobs`); those of a program, ``sacct={"off": True}``, one by one."""
        merged = knobs.merged(self._knobs, told)
        knobs.write(self.folder, merged)
        self._knobs = merged
        self._wake()

    def reset(self) -> None:
        """All knobs as they were at first."""
        self._knobs = {}
        knobs.write(self.folder, {})
        self._wake()

    def calls(self, program: str | None = None) -> list[Record]:
        """The calls so far, oldest first: ``{"program", "argv", "pid", "time"}``."""
        try:
            text = (self.folder / "calls.jsonl").read_text()
        except FileNotFoundError:
            return []
        whole, _, _ = text.rpartition("\n")  # the last line may be in the midst of being written
        calls = [json.loads(line) for line in whole.splitlines()]
        return [call for call in calls if program in (None, call["program"])]

    def jobs(self) -> list[Record]:
        """Every job and array element: ``{"id", "name", "state", "raw", "restarts", "node", "history", ...}``.

        ``id`` is ``10_3``, for the elements of an array that wait together ``10_[4-9]``.
        """
        store = Store(self.folder)
        with store:
            pairs = store.all()
        shown = [(job, row) for job, row in pairs if row["task"] != ""]
        return [
            {
                "name": job["name"],
                "comment": job["comment"],
                **row,
                "id": selection.name(job, row, limit_shown=False, longest=0),
            }
            for job, row in shown
        ]

    def job(self, job_id: object) -> Record:
        """The one record that this id means."""
        return next(job for job in self.jobs() if job["id"] == str(job_id))

    def states(self) -> dict[str, str]:
        """id -> state word, one for each element."""
        states = {name: job["state"] for job in self.jobs() for name in _single_names(job)}
        dropped = {
            f"{job['id']}_{index}": "CANCELLED" for job in self._jobs() for index in job.get("dropped", [])
        }
        return {**dropped, **states}

    def controller_down(self) -> None:
        """slurmctld answers nobody, in the words recorded from the real one."""
        silent = "Unable to contact slurm controller (connect failure)"
        self.knobs(
            sbatch={"error": f"sbatch: error: Batch job submission failed: {silent}"},
            test_only={"error": f"allocation failure: {silent}"},
            squeue={"error": f"slurm_load_jobs error: {silent}"},
            scancel={"error": f"scancel: error: Kill job error on job id 1: {silent}", "rc": 8},
            scontrol={"error": f"slurm_load_ctl_conf error: {silent}"},
            sinfo={"error": f"slurm_load_partitions: {silent}"},
        )

    def controller_up(self) -> None:
        self.knobs(
            **{
                name: {"error": None, "rc": 1}
                for name in ("sbatch", "test_only", "squeue", "scancel", "scontrol", "sinfo")
            }
        )

    def preempt(self, job_id: object, *, start_at_once: bool = True) -> None:
        """SIGTERM, SIGKILL after ``kill_wait_s``; it waits again, or is PREEMPTED for good (``--no-requeue``)."""
        self._request(job_id, kind="preempt", delay_s=0 if start_at_once else None)

    def fail_node(self, job_id: object, *, start_at_once: bool = True) -> None:
        """Its node dies: everything is gone at once; then it waits again, or is NODE_FAIL for good."""
        self._request(job_id, kind="node_fail", delay_s=0 if start_at_once else None)

    def requeue(self, job_id: object, *, start_at_once: bool = True) -> None:
        """As ``scontrol requeue``, of running and of ended ones."""
        store = Store(self.folder)
        with store:
            for job, row in selection.touched(store, str(job_id)):
                if row["state"] == "RUNNING":
                    row["request"] = {"kind": "requeue", "delay_s": 0 if start_at_once else None}
                else:
                    ending.requeue(store, row, 0 if start_at_once else None)
                store.save(job, row)
            store.wake()

    def finish(self, job_id: object, state: str, exit_code: int = 0, signal: int = 0) -> None:
        """It ends in this state, at once: processes are killed (SIGKILL); what has ended gets another end."""
        end = {"state": state, "exit": exit_code, "signal": signal}
        self._end(job_id, {"kind": "finish", **end}, end)

    def vanish(self, job_id: object, *, kill: bool = True) -> None:
        """No program knows of it any more. ``kill`` False: what runs, runs on."""
        if kill:
            self._end(job_id, {"kind": "vanish"}, {"hidden": True, "state": "CANCELLED"})
        else:
            self._change(job_id, lambda row: row.update(hidden=True))

    def rebuild(self) -> None:
        """The cluster is made anew: it knows no job, and counts from 1 again. Nothing may run."""
        store = Store(self.folder)
        with store:
            for job_id in store.job_ids():
                shutil.rmtree(Path(store.jobs_folder, str(job_id)))
            Path(store.path("next_id")).unlink()

    def hold_queue(self) -> None:
        """Nothing starts until `release_queue`."""
        self.knobs(held=True)

    def release_queue(self) -> None:
        self.knobs(held=False)

    def wait(self, predicate: Callable[[], Answer], timeout: float = 10.0) -> Answer:
        """Ask again and again until the answer is true, and return it. TimeoutError with the jobs' states."""
        until = time.monotonic() + timeout
        while True:
            answer = predicate()
            if answer:
                return answer
            if time.monotonic() > until:
                raise TimeoutError(f"not within {timeout} s; jobs: {self.states()}\n{self.log()}")
            time.sleep(0.01)

    def wait_state(self, job_id: object, *wanted: str, timeout: float = 10.0) -> None:
        """Until this job or element is in one of these states."""
        self.wait(lambda: self.states().get(str(job_id)) in wanted, timeout)

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Until nothing waits and nothing runs."""
        self.wait(
            lambda: not any(state in ("PENDING", "RUNNING") for state in self.states().values()), timeout
        )

    def log(self) -> str:
        """What the runner said on stderr: tracebacks of the fake itself."""
        path = self.folder / "runner.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        """End everything that this cluster has started, by process id, and wait until it is gone."""
        if not self.folder.exists():
            return
        (self.folder / "closed").touch()
        runner = self._runner()
        self.wait(lambda: self._gone(runner))

    def _jobs(self) -> list[Record]:
        store = Store(self.folder)
        return [store.job(job_id) for job_id in store.job_ids()]

    def _gone(self, runner: tuple[int, int] | None) -> bool:
        found = processes.of_folder(str(self.folder))
        if runner and processes.alive(*runner):
            found.add(runner[0])
        processes.send(found, 9)
        return not found

    def _runner(self) -> tuple[int, int] | None:
        """(pid, start time) of the runner, None where none was started."""
        with suppress(FileNotFoundError):
            told = json.loads((self.folder / "runner.json").read_text())
            return told["pid"], told["start"]
        return None

    def _wake(self) -> None:
        store = Store(self.folder)
        with store:
            if store.runner_alive():
                store.wake()

    def _request(self, job_id: object, **request: Any) -> None:
        self._change(job_id, lambda row: row.update(request=request) if row["state"] == "RUNNING" else None)

    def _end(self, job_id: object, request: Record, fields: Record) -> None:
        def end(row: Record) -> None:
            if row["state"] == "RUNNING":
                row["request"] = request
            else:
                row.update(fields, end=row["end"] or time.time())

        self._change(job_id, end)
        self.wait(
            lambda: (
                "RUNNING" not in [state for name, state in self.states().items() if self._means(job_id, name)]
            )
        )

    def _means(self, job_id: object, name: str) -> bool:
        return name == str(job_id) or name.partition("_")[0] == str(job_id)

    def _change(self, job_id: object, change: Callable[[Record], None]) -> None:
        store = Store(self.folder)
        with store:
            found = selection.touched(store, str(job_id))
            for job, row in found:
                change(row)
                store.save(job, row)
            store.wake()
        if not found:
            raise LookupError(f"no job {job_id}; there are {[job['id'] for job in self.jobs()]}")


_FOREIGN = ("SLURM", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_")


def _single_names(job: Record) -> list[str]:
    number, _, task = job["id"].partition("_")
    return [f"{number}_{index}" for index in selection.indices_of(job)] if task else [number]


@pytest.fixture
def fake_slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSlurm]:
    """A fake cluster in a folder of its own; everything it started is gone after the test."""
    fake = FakeSlurm(tmp_path_factory.mktemp("fakeslurm"))
    try:
        yield fake
    finally:
        fake.close()
        shutil.rmtree(fake.folder)
