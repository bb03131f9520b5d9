"""Commands of one user share what a scheduler has said; what counts of it, and when each asks for itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import herding
import pytest
from eventually import until
from fakeslurm.fixture import FakeSlurm

from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.engine import shared_looks
from hyperherd.engine.shared_looks import BUDGET, ONE_SHOT_S, Looks
from hyperherd.errors import SchedulerSilentError
from hyperherd.fsio import processes
from hyperherd.jobs import Files, Job, Offer, Phase, State
from hyperherd.launchers.memory import MemoryLauncher

RUNS = State(Phase.RUNNING, "RUNS")


class Scheduler(MemoryLauncher):
    """Everything that it is asked about runs; it counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        self._answer()
        self.asked.append({job.token for job in jobs})
        return {job.token: dict.fromkeys(job.offers, RUNS) for job in jobs}


@dataclass
class Time:
    at: float = 1_800_000_000.0


def job(token: str, submitted_at: float = 1_700_000_000.0) -> Job:
    folder = Path("/a folder")
    files = Files(folder / "s", folder / "r", AttemptFolder(folder / "attempts"), folder, folder / ".env")
    return Job(
        token, "name", "7", "memory", submitted_at, files, {0: Offer(Unit(0), 1), 5: Offer(Unit(5, 2), 1)}
    )


def wanted(token: str, known: int = 2) -> list[tuple[Job, dict[int, int]]]:
    return [(job(token), {0: known, 5: 0})]


def somebody_elses(looks: Looks, token: str) -> None:
    """Another command that lives waits for this job, too."""
    assert looks.folder
    place = looks.folder / "memory-memory"
    place.mkdir(parents=True, exist_ok=True)
    want = shared_looks.Want(str(processes.me()), tuple(wanted(token)))
    shared_looks._write(place / "another.wants", want)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def watching(tmp_path: Path, time: Time) -> Looks:
    return Looks(tmp_path / "hyperherd", 24.0, watches=True, now=lambda: time.at)


def test_whoever_asks_first_asks_for_all_and_the_others_take_that(watching: Looks, time: Time) -> None:
    scheduler = Scheduler()
    somebody_elses(watching, "b")
    assert watching.poll(scheduler, wanted("a")) == {"a": {0: RUNS, 5: RUNS}}
    time.at += 20
    assert watching.poll(scheduler, wanted("b")) == {"b": {0: RUNS, 5: RUNS}}
    assert scheduler.asked == [{"a", "b"}]
    time.at += 5
    watching.poll(scheduler, wanted("b"))
    assert len(scheduler.asked) == 2, "the answer has become too old"


def test_an_answer_is_not_taken_once_more_is_known_nor_for_a_later_job_or_one_that_nobody_asked_about(
    watching: Looks, time: Time
) -> None:
    scheduler = Scheduler()
    watching.poll(scheduler, wanted("a"))
    time.at += 1
    watching.poll(scheduler, wanted("a", known=3))
    watching.poll(scheduler, [(job("a", submitted_at=time.at), {0: 3, 5: 0})])
    watching.poll(scheduler, wanted("c"))
    assert scheduler.asked == [{"a"}, {"a"}, {"a"}, {"c"}]


def test_what_looks_once_asks_anew_unless_the_budget_is_spent(watching: Looks, time: Time) -> None:
    scheduler, said = Scheduler(), list[str]()
    once = replace(watching, age_s=0.0, watches=False)
    for number in range(BUDGET + 5):
        once.poll(scheduler, wanted("a"), said.append)
        assert len(scheduler.asked) == min(number + 1, BUDGET)
        time.at += 0.5
    assert said[0] == f"memory was asked {BUDGET} times in the last minute: this is what it said 0 s ago"
    time.at += ONE_SHOT_S
    once.poll(scheduler, wanted("a"))
    assert len(scheduler.asked) == BUDGET + 1, "no answer is older than that"


def test_what_was_started_or_stopped_is_asked_about_anew(
    watching: Looks, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler()
    watching.poll(scheduler, wanted("a"))
    assert watching.folder
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(watching.folder.parent))
    shared_looks.forget()
    time.at += 1
    watching.poll(scheduler, wanted("a"))
    assert len(scheduler.asked) == 2


@pytest.mark.parametrize("content", ["", "{", '{"said": 3}', '{"said": {"a": {"0": {"known": 1}}}}'])
def test_a_damaged_answer_is_none(watching: Looks, content: str) -> None:
    scheduler = Scheduler()
    watching.poll(scheduler, wanted("a"))
    assert watching.folder
    (watching.folder / "memory-memory/answer.json").write_text(content)
    assert watching.poll(scheduler, wanted("a")) == {"a": {0: RUNS, 5: RUNS}}
    assert len(scheduler.asked) == 2


def test_a_scheduler_that_is_silent_is_so_for_each(watching: Looks, time: Time) -> None:
    scheduler = Scheduler()
    watching.poll(scheduler, wanted("a"))
    scheduler.silent = True
    time.at += 30
    with pytest.raises(SchedulerSilentError):
        watching.poll(scheduler, wanted("a"))


def test_what_a_command_wanted_that_has_ended_is_not_asked_about(watching: Looks) -> None:
    scheduler = Scheduler()
    somebody_elses(watching, "b")
    assert watching.folder
    path = watching.folder / "memory-memory/another.wants"
    gone = str(replace(processes.me(), pid=2**22 + 1, start=1))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"owner": gone}))
    watching.poll(scheduler, wanted("a"))
    assert scheduler.asked == [{"a"}] and not path.exists()


@pytest.mark.parametrize("base", ["", "relative", "/proc/1"])
def test_without_a_folder_of_ones_own_each_asks_for_itself(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", base)
    scheduler, looks = Scheduler(), Looks.shared(30.0)
    if base != "/proc/1" or os.getuid():
        assert looks.folder is None
    for _ in range(2):
        looks.poll(scheduler, wanted("a"))
    assert len(scheduler.asked) == 2


def test_two_runs_that_wait_on_slurm_ask_as_often_as_one(tmp_path: Path, fake_slurm: FakeSlurm) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    env = {
        **herding.environment(fake_slurm.env, tmp_path),
        "XDG_RUNTIME_DIR": str(runtime),
        "HYPERHERD_POLL_S": "2",
    }
    waiting = []
    for name in ("one", "two"):
        root = tmp_path / name
        root.mkdir()
        (root / "launch.sh").write_text("#!/bin/bash\nuntil [[ -e go ]]; do sleep 0.05; done\n")
        (root / "launch.sh").chmod(0o755)
        (root / "hyperherd.yaml").write_text(
            f"name: {name}\nlauncher: launch.sh\ngrid: all\nparameters: {{x: [1]}}\n"
        )
        argv = [*herding.HERD, "run", str(root), "--on", "slurm", "--wait"]
        with (root / "said").open("w") as said:
            waiting.append(herding.started(argv, env=env, output=said.fileno()))

    def both() -> bool:
        tokens = {row["comment"] for row in fake_slurm.jobs()}
        path = next(runtime.glob("hyperherd/*/answer.json"), None)
        return path is not None and len(tokens) == 2 and tokens <= json.loads(path.read_text())["said"].keys()

    until(both, "one answer about both sweeps")
    for name in ("one", "two"):
        (tmp_path / name / "go").touch()
    assert [process.wait(60) for process in waiting] == [0, 0]
