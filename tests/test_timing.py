"""How long is left, by those that have ended: from notes as trials write them."""

from __future__ import annotations

from pathlib import Path

import attempt_files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.attempts.filenames import AttemptFolder, Outcome, Unit
from hyperherd.engine import timing
from hyperherd.engine.facts import Fact
from hyperherd.engine.timing import left_of_all_s, left_s
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.results import Point
from hyperherd.workspace.submissions import Submission


def fact(index: int, status: Status, gpus: int | None = None) -> Fact:
    trial = Trial(index, str(index), str(index), {}, {})
    return Fact(trial, Unit(index), status, submission=Submission(token="t", indices=(index,), gpus=gpus))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def noted(workspace: Workspace, index: int, attempt: int, took_s: float, code: int = 0) -> None:
    folder = AttemptFolder(workspace.generation("g") / "attempts")
    attempt_files.made(folder.path, [Unit(index)])
    folder.claim(Unit(index), attempt).touch()
    folder.note(Unit(index), attempt, Outcome(code)).write_text(f"t here {5000 - took_s:g} 5000\n")


def test_a_trial_took_what_all_of_its_attempts_took(workspace: Workspace) -> None:
    noted(workspace, 0, 1, 100, 75)
    noted(workspace, 0, 2, 50)
    noted(workspace, 1, 1, 70, 1)
    known = timing.times(workspace, {0: fact(0, Status.COMPLETED, 2), 1: fact(1, Status.FAILED, 2)})
    assert known.took == {0: 150, 1: 70} and known.done == {0} and known.exact
    assert known.gpu_s == 2 * 220
    assert known.median_s is None, "one that has completed tells too little"


def test_what_never_began_took_nothing_and_tasks_run_side_by_side(workspace: Workspace) -> None:
    noted(workspace, 0, 1, 3600)
    facts = {0: fact(0, Status.COMPLETED, 1), **{i: fact(i, Status.CANCELLED, 1) for i in range(1, 10)}}
    known = timing.times(workspace, facts)
    assert known.gpu_s == 3600 and known.exact and known.took == {0: 3600}


def test_of_many_a_sample_is_read_and_gpu_hours_are_projected(workspace: Workspace) -> None:
    many = 2 * timing.SAMPLE
    for index in range(many):
        noted(workspace, index, 1, 60)
    facts = {index: fact(index, Status.COMPLETED, 1) for index in range(many)}
    known = timing.times(workspace, facts)
    assert len(known.took) == timing.SAMPLE and not known.exact
    assert known.gpu_s == 60 * many and known.median_s == 60
    assert timing.times(workspace, facts, wanted=range(many)).exact


def points(*steps: float, each_s: float = 10.0) -> list[Point]:
    return [Point(step, 0.5, step * each_s) for step in steps]


def test_the_pace_of_its_steps_counts_more_than_what_others_took() -> None:
    assert left_s(55.0, 0.0, points(1, 2, 3, 4, 5), 10, 1000.0) == 45.0
    assert left_s(500.0, 0.0, points(1, 2, 3, 4, 5), 10, 1000.0) == 0.0, "it logs late: soon, not never"
    assert left_s(55.0, 0.0, points(5), 10, 100.0) == 45.0, "one step has no pace"
    assert left_s(155.0, 0.0, points(5), 10, 100.0) is None, "longer than others: nobody can say"
    assert left_s(55.0, None, [], None, 100.0) is None


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e5)), min_size=1, max_size=20),
    st.integers(0, 1000),
    st.floats(1, 1e5),
)
def test_the_sweep_takes_at_least_as_long_as_its_longest_and_less_with_more_at_once(
    left: list[float | None], waiting: int, median: float
) -> None:
    all_s = left_of_all_s(left, waiting, median)
    assert all_s is not None and all_s >= max(one for one in left if one is not None) if any(left) else True
    more = left_of_all_s([*left, median], waiting, median)
    assert more is not None and all_s is not None
    assert more <= max(all_s, median) * (1 + 1e-9)
    assert left_of_all_s(left, waiting, None) is None and left_of_all_s([], waiting, median) is None
