"""What every launcher promises the engine: this machine, both Slurms, and the launcher in memory.

A batch's elements do as their argument says: ``0`` and ``3`` end with that, ``wait`` runs until it is told to end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import attempt_files
import pytest
from eventually import until

from hyperherd.attempts import claims, listing, registers
from hyperherd.attempts.filenames import Unit
from hyperherd.attempts.registers import VOID
from hyperherd.jobs import Batch, Element, Ended, Files, Job, Phase, State
from hyperherd.launchers import splitting
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.direct import DirectLauncher
from hyperherd.launchers.memory import MemoryLauncher
from hyperherd.launchers.slurm import SlurmLauncher
from hyperherd.launchers.slurm.client import Client
from hyperherd.sweep.trial import Status, status_of

LAUNCH = """\
echo "$HYPERHERD_TRIAL_ID $1" >>ran
[[ $1 == wait ]] || exit "$1"
trap 'exit 9' TERM
while :; do sleep 0.05; done
"""
LAST_S = 60.0


class Place:
    """A launcher, and the folder of the batches that it is given; ``advance`` lets time pass where nobody else does."""

    def __init__(self, launcher: Launcher, root: Path, advance: Callable[[], None] = lambda: None) -> None:
        self.launcher = launcher
        self.root = root
        self.advance = advance
        self.jobs: list[Job] = []
        for name in ("jobs", "submissions", "logs/slurm"):
            (root / name).mkdir(parents=True)
        (root / "launch.sh").write_text(LAUNCH)

    def batch(self, *arguments: str, first: int = 0, at_once: int | None = None) -> Batch:
        token = f"t-{secrets.token_hex(6)}"
        files = Files(
            self.root / f"jobs/{token}.sbatch",
            self.root / f"submissions/{token}.state",
            attempt_files.made(self.root / "attempts", map(Unit, range(first, first + len(arguments)))),
            self.root / "logs",
            self.root / ".env",
        )
        elements = tuple(
            Element(index, Unit(index), 1, argument, (("HYPERHERD_TRIAL_ID", str(index)),))
            for index, argument in enumerate(arguments, first)
        )
        launch = self.root / "launch.sh"
        return Batch(token, "hyperherd_suite", self.root, launch, files, elements, at_once=at_once)

    def submit(self, batch: Batch) -> Job:
        batch.files.script.write_text(self.launcher.script(batch))
        job = Job(
            batch.token,
            batch.name,
            job_id=None,
            where=self.launcher.where(),
            submitted_at=time.time(),
            files=batch.files,
            offers={element.number: element.offer for element in batch.elements},
        )
        self.jobs.append(job)
        self.jobs[-1] = replace(job, job_id=self.launcher.submit(batch))
        return self.jobs[-1]

    def poll(self, job: Job) -> dict[int, State]:
        self.advance()
        return self.launcher.poll([job])[job.token]

    def until_all(self, job: Job, *phases: Phase) -> dict[int, State]:
        found: dict[int, State] = {}

        def seen() -> bool:
            found.update(self.poll(job))
            return all(state.phase in phases for state in found.values())

        until(seen, lambda: f"all of {job.token} {phases}: {self.poll(job)}", LAST_S, pause_s=0.05)
        return found

    def statuses(self, job: Job) -> list[tuple[Status, str]]:
        """As the engine makes them of the launcher's answer and the notes, once all have ended."""
        states = self.until_all(job, Phase.ENDED, Phase.ABSENT)
        listed = listing.read([job.files.attempts])
        return [
            status_of(
                states[number],
                listed.outcomes.get((unit, first)),
                started=claims.exists(job.files.attempts, unit, first),
            )
            for number, (unit, first) in job.offers.items()
        ]

    def ran(self) -> list[str]:
        path = self.root / "ran"
        return sorted(path.read_text().splitlines()) if path.exists() else []

    def end(self) -> None:
        for job in self.jobs:
            self.launcher.cancel(job, list(job.offers))


class InMemory(Place):
    """What a node would do is done here, when somebody asks how it stands."""

    def __init__(self, root: Path) -> None:
        self.memory = MemoryLauncher()
        super().__init__(self.memory, root, self._advance)

    def _advance(self) -> None:
        for one in self.memory.queue:
            at_once = one.batch.at_once or len(self.memory.queue)
            running = [
                two
                for two in self.memory.queue
                if two.batch is one.batch and two.state.phase is Phase.RUNNING
            ]
            if one.state.phase is Phase.QUEUED and len(running) < at_once and self.memory.start(one):
                with (self.root / "ran").open("a") as file:
                    file.write(f"{one.element.unit} {one.element.argument}\n")
            if one.state.phase is Phase.RUNNING and one.element.argument != "wait":
                self.memory.end(one, int(one.element.argument))


@pytest.fixture(params=["memory", "local", "fake", pytest.param("real", marks=pytest.mark.slurm)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    root = tmp_path / "folder"
    if request.param == "memory":
        made: Place = InMemory(root)
    elif request.param == "local":
        monkeypatch.setenv("HYPERHERD_SLOTS_DIR", str(tmp_path / "slots"))
        made = Place(DirectLauncher(grace_s=0.5), root)
    else:
        slurm = request.getfixturevalue("fake_slurm" if request.param == "fake" else "slurm")
        made = Place(SlurmLauncher(nodes=None, client=Client.of_environment(slurm.env)), root)
    yield made
    made.end()


def test_each_element_runs_once_and_its_end_is_told(place: Place) -> None:
    job = place.submit(place.batch("0", "3", "0"))
    completed, failed = (Status.COMPLETED, ""), (Status.FAILED, "exit 3")
    assert place.statuses(job) == [completed, failed, completed]
    assert place.ran() == ["0 0", "1 3", "2 0"]


def test_a_job_with_an_id_is_found_by_its_token_and_another_is_not(place: Place) -> None:
    job = place.submit(place.batch("wait"))
    gives_ids = place.launcher.traits.gives_ids
    assert (job.job_id is not None) == gives_ids
    unknown = [replace(job, job_id=None), replace(job, job_id=None, token="t-never")]
    assert place.launcher.find(unknown) == ({job.token: job.job_id} if gives_ids else {})


def test_a_register_names_its_job_once_an_element_has_begun(place: Place) -> None:
    job = place.submit(place.batch("0"))
    place.until_all(job, Phase.ENDED)
    owner = registers.settled(job.files.register)
    assert owner == job.job_id if place.launcher.traits.gives_ids else owner not in (None, "", VOID)


def test_what_was_given_up_runs_nothing(place: Place) -> None:
    batch = place.batch("0")
    registers.settle(batch.files.register, VOID)
    job = place.submit(batch)
    place.until_all(job, Phase.ENDED)
    assert place.ran() == []
    assert listing.read([batch.files.attempts]).claims == set()


def test_an_attempt_that_another_has_claimed_does_not_run(place: Place) -> None:
    batch = place.batch("0", "0")
    assert claims.take(batch.files.attempts, Unit(0), 1, "another", "77")
    job = place.submit(batch)
    until(lambda: place.poll(job) and place.ran() == ["1 0"], "the other element", LAST_S, pause_s=0.05)
    place.until_all(replace(job, offers={1: job.offers[1]}), Phase.ENDED)
    assert place.ran() == ["1 0"]


def test_what_runs_can_be_cancelled(place: Place) -> None:
    job = place.submit(place.batch("wait"))
    until(lambda: place.poll(job) and place.ran() == ["0 wait"], "its start", LAST_S, pause_s=0.05)
    assert place.until_all(job, Phase.RUNNING)[0].end is None
    assert place.launcher.cancel(job, [0]) == {}
    state = place.until_all(job, Phase.ENDED)[0]
    assert state.end is Ended.CANCELLED
    assert place.launcher.cancel(job, [0]) == {}


def test_what_waits_can_be_cancelled_and_never_runs(place: Place) -> None:
    job = place.submit(place.batch("wait", "0", at_once=1))
    until(lambda: place.poll(job) and place.ran() == ["0 wait"], "its start", LAST_S, pause_s=0.05)
    assert place.poll(job)[1].phase is Phase.QUEUED
    assert place.launcher.cancel(job, [1]) == {}
    assert place.launcher.cancel(job, [0]) == {}
    states = place.until_all(job, Phase.ENDED)
    assert [states[index].end for index in (0, 1)] == [Ended.CANCELLED, Ended.CANCELLED]
    assert place.ran() == ["0 wait"]


def test_every_element_that_is_asked_about_is_answered_and_no_other(place: Place) -> None:
    first, second = place.submit(place.batch("0", "0")), place.submit(place.batch("0", first=2))
    place.until_all(first, Phase.ENDED)
    place.until_all(second, Phase.ENDED)
    one = replace(first, offers={1: first.offers[1]})
    answer = place.launcher.poll([one, second])
    assert {token: set(states) for token, states in answer.items()} == {first.token: {1}, second.token: {2}}
    assert place.launcher.poll([]) == {}


def test_a_script_is_the_same_each_time_and_has_every_element(place: Place) -> None:
    batch = place.batch("0", "3")
    assert place.launcher.script(batch) == place.launcher.script(batch)
    assert place.launcher.script(batch) != place.launcher.script(batch.only(batch.elements[:1]))


def test_pieces_hold_each_element_once_in_order_and_number_them_apart(place: Place) -> None:
    batch = place.batch(*["0"] * 40, first=990)
    limits = place.launcher.limits(batch)
    pieces = list(splitting.pieces(batch.elements, limits))
    assert [one.unit for one in _flat(pieces)] == [one.unit for one in batch.elements]
    for piece in pieces:
        assert len({element.number for element in piece}) == len(piece)


def test_what_can_be_left_out_has_an_answer(place: Place) -> None:
    batch = place.batch("0")
    assert place.launcher.check(batch) == {}
    assert not place.launcher.foresee(batch).refused
    assert place.launcher.where() == place.launcher.where() != ""
    assert place.launcher.chosen() is place.launcher


def _flat(pieces: Sequence[Sequence[Element]]) -> list[Element]:
    return [element for piece in pieces for element in piece]
