"""Sources: what they propose is committed once, under numbers that are free, and what they were told stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hyperherd import log_result
from hyperherd.attempts.variables import RESULTS
from hyperherd.engine import source_history
from hyperherd.engine.pieces import RunRequest
from hyperherd.engine.sweep import Sweep
from hyperherd.fsio import Lock
from hyperherd.jobs import Element
from hyperherd.launchers.memory import MemoryLauncher
from hyperherd.search.source import History, Past, Source, propose, trial
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Status
from hyperherd.workspace import manifest, source_journal
from hyperherd.workspace.folder import Workspace

from .climbing import Climbing

YAML = "name: s\nlauncher: launch.sh\ngrid: all\nparameters:\n  x: {type: continuous, low: -50, high: 50, steps: 2}\n"


class KilledError(BaseException):
    """Where herd was killed."""


class Place:
    """A workspace whose trials score -(x - 4)², on the launcher in memory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "launch.sh").write_text("#!/bin/bash\n")
        (folder / "launch.sh").chmod(0o700)
        (folder / "hyperherd.yaml").write_text(YAML)
        self.launcher = MemoryLauncher()
        self.sweep = Sweep(Workspace(folder), {"memory": self.launcher})
        self.monkeypatch = monkeypatch

    def run(self, source: Source) -> list[float]:
        """``herd run``, without its end; the values of x that were submitted."""
        before = len(self.launcher.queue)
        self.sweep.carry_out(
            self.sweep.asked(self.sweep.describe(source=source), RunRequest()), lambda _: None
        )
        return [self.x(one.element) for one in self.launcher.queue[before:]]

    def x(self, element: Element) -> float:
        return float(dict(word.split("=") for word in element.argument.split())["x"])

    def end_all(self) -> None:
        def scored(element: Element) -> int:
            self.monkeypatch.setenv(RESULTS, dict(element.variables)[RESULTS])
            log_result("score", -((self.x(element) - 4) ** 2))
            return 0

        self.launcher.run_all(scored)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_a_source_from_outside_learns_from_what_trials_have_logged(place: Place) -> None:
    assert place.run(Climbing("score")) == [0.0, 10.0]
    assert place.run(Climbing("score")) == [], "both still run"
    place.end_all()
    for found in ([-1.0, 1.0], [2.0], [3.0], [4.0], [5.0], []):
        assert place.run(Climbing("score")) == found
        place.end_all()
    names = [one.name for one in manifest.read(place.sweep.workspace).trials]
    assert names == ["x-0", "x-10", "x--1", "x-1", "x-2", "x-3", "x-4", "x-5"]


def test_what_it_was_told_is_told_once_and_does_not_change(place: Place) -> None:
    place.run(Climbing("score"))
    place.end_all()
    place.run(Climbing("score"))
    place.monkeypatch.setenv(RESULTS, str(place.sweep.workspace.results / "1"))
    log_result("score", 1000.0)
    place.end_all()
    assert place.run(Climbing("score")) == [2.0], "trial 1 is not the best, whatever it says now"
    entries = source_journal.read(place.sweep.workspace)
    told = [one.hash for entry in entries for one in entry.told]
    assert len(told) == len(set(told)) == 4
    assert [[one.params["x"] for one in entry.gave] for entry in entries] == [[0, 10], [-1, 1], [2]]


def test_what_ends_while_it_thinks_it_was_not_told(place: Place) -> None:
    asked: list[History] = []

    class Thinks(Climbing):
        def described(self, history: History) -> list[Described]:
            asked.append(history)
            if len(asked) == 2:  # the first time for the description
                place.end_all()
            return super().described(history)

    place.run(Climbing("score"))
    assert place.run(Thinks("score")) == []
    entries = source_journal.read(place.sweep.workspace)
    assert [one.told for one in entries] == [()]
    assert place.run(Climbing("score")) == [-1.0, 1.0]


def test_a_history_with_the_number_of_one_moment_and_the_trials_of_another_is_read_again(
    place: Place,
) -> None:
    place.run(Climbing("score"))
    place.end_all()
    stored = manifest.read(place.sweep.workspace)
    torn = replace(stored, trials=stored.trials[:1])
    whole = source_history.history(place.sweep.workspace, Keeps("score"), None)
    assert source_history.is_whole(whole, stored)
    with place.monkeypatch.context() as patched:
        patched.setattr(manifest, "read", lambda workspace: torn)
        half = source_history.history(place.sweep.workspace, Keeps("score"), None)
    assert half.next_index == whole.next_index and not source_history.is_whole(half, stored)


class Keeps(Climbing):
    """Its trials stay, and it asks how none of them stands."""

    keeps, learns = True, False


def test_it_is_asked_without_the_lock(place: Place) -> None:
    place.sweep.workspace.state.mkdir()

    class Slow(Climbing):
        def described(self, history: History) -> list[Described]:
            with Lock(place.sweep.workspace.lock, wait_s=0):
                return super().described(history)

    assert place.run(Slow("score")) == [0.0, 10.0]


def test_where_others_have_added_trials_meanwhile_it_is_asked_again(place: Place) -> None:
    """The numbers of what it has proposed are taken."""
    asked: list[int] = []

    class Overtaken(Climbing):
        def described(self, history: History) -> list[Described]:
            asked.append(history.next_index)
            if len(asked) == 2:  # the first time for the description, before the run
                place.run(Climbing("score"))
            return super().described(history)

    assert place.run(Overtaken("score")) == [0.0, 10.0], "what the other has submitted, once"
    assert asked == [0, 0, 2]
    assert [one.index for one in manifest.read(place.sweep.workspace).trials] == [0, 1]


def test_what_was_given_stays_described_though_herd_is_killed_before_the_manifest_has_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as once, pytest.raises(KilledError):
        once.setattr("hyperherd.workspace.submissions.write", killed)
        place.run(Climbing("score"))
    assert len(source_journal.read(place.sweep.workspace)) == 1
    place.run(Climbing("score"))
    assert sorted(place.x(one.element) for one in place.launcher.queue) == [0.0, 10.0]
    place.end_all()
    assert place.run(Climbing("score")) == [-1.0, 1.0]


def test_a_damaged_entry_of_the_journal_is_told_and_nothing_is_asked(place: Place) -> None:
    place.run(Climbing("score"))
    path = place.sweep.workspace.state / "source/0.json"
    path.write_text("{")
    with pytest.raises(Exception, match=r"cannot be understood") as told:
        place.run(Climbing("score"))
    assert str(path) in str(told.value)


def test_a_grid_keeps_nothing_and_what_keeps_has_its_trials_as_they_are_now() -> None:
    one, two = trial({"x": 1}), trial({"x": 2})
    history = History((Past(one, Status.COMPLETED),), 1)

    class Fixed(Source):
        name = "fixed"

        def described(self, history: History) -> list[Described]:
            return [two]

    assert propose(Fixed(), history).trials == [two]
    kept = Fixed()
    kept.keeps = True
    assert propose(kept, history).trials == [two, one]
    assert propose(kept, history).only is None
    kept.alone = True
    assert propose(kept, history).only == frozenset({two.hash})


def test_the_journal_is_json_with_non_finite_numbers_tagged(place: Place) -> None:
    place.sweep.workspace.state.mkdir()
    source_journal.add(place.sweep.workspace, 0, "s", {}, [trial({"x": float("inf")})])
    (entry,) = source_journal.read(place.sweep.workspace)
    given, _ = source_journal.past([entry])
    assert [one.trial.params for one in given.values()] == [{"x": float("inf")}]
    assert json.loads((place.sweep.workspace.state / "source/0.json").read_text())["gave"][0]["params"]
