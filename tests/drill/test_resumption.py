"""What two courses of a trial tell: when the second is cut short, whether they are the same, what is advised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.drill import resumption
from hyperherd.drill.resumption import Compared, Course, Cut, Moment, Report, Terms
from hyperherd.sweep.trial import Status
from hyperherd.views import drill as drilling
from hyperherd.views.columns import Screen
from hyperherd.workspace.results import Point


def course(steps: Sequence[int], finals: Mapping[str, Any] | None = None, **more: Any) -> Course:
    """One that logged ``loss`` at these steps, a second apart."""
    points = [Point(step, 1 / (step + 1), 100.0 + number) for number, step in enumerate(steps)]
    found = {"loss": 0.5} if finals is None else finals
    return Course("x", Status.COMPLETED, "", 2, None, found, {"loss": points} if points else {}, **more)


def report(cut: Cut, killed: Course | None = None) -> Report:
    straight = course(range(1, 31))
    killed = killed or course(range(1, 31))
    same = resumption.compared(straight, killed, Terms())
    return Report("local", 0, "x", 1, straight, killed, cut, same)


WELL = Cut("USR2", Moment("loss", 15, 0.0), 120, 15, save_s=1.0, exit_code=75, began=1, last=16, resumed=17)


def test_a_run_that_ended_well_before_its_last_step_has_lost_its_exit_code() -> None:
    killed = replace(course(range(1, 17)), attempts=1)
    (told,) = report(replace(WELL, exit_code=0, resumed=None), killed).faults
    assert told.startswith("after USR2 it ended with 0 at step 16 of 30: ")
    assert "`set -e`" in told
    (told,) = report(replace(WELL, exit_code=0, last=30, resumed=None), killed).faults
    assert told.startswith("after USR2 it went on to its end: ")


def test_without_steps_a_signal_that_nobody_heard_may_have_come_before_the_trainer_listened() -> None:
    blind = replace(WELL, moment=Moment("", None, 1.25), unheard=True, exit_code=0, last=None, resumed=None)
    (told,) = report(blind, replace(course([]), attempts=1)).faults
    assert told.startswith(
        "after USR2 it went on to its end: nothing in it handled USR2 when it came, 1.2 s after"
    )
    assert "did not listen yet: log a metric with step=" in told
    (told,) = report(replace(blind, late=True)).faults
    assert "would have killed it: nothing in it handled USR2 when it came" in told
    (told,) = report(replace(WELL, unheard=True, last=30), replace(course(range(1, 31)), attempts=1)).faults
    assert "; nothing in it handles USR2: it saved nothing" in told


@given(st.integers(), st.lists(st.integers(0, 10**6), min_size=1, unique=True).map(sorted))
def test_the_step_is_one_of_the_middle_third_and_the_same_for_the_same_seed(
    seed: int, steps: list[int]
) -> None:
    drawn = resumption.moment(course(steps), Random(seed))
    assert drawn == resumption.moment(course(steps), Random(seed))
    assert drawn.step in steps
    if len(steps) > 2:
        place = steps.index(int(drawn.step or 0))
        assert len(steps) // 3 <= place < 2 * len(steps) / 3
    assert 0 <= drawn.after_s <= 1


def test_without_steps_the_moment_is_in_the_middle_third_of_the_time() -> None:
    drawn = resumption.moment(replace(course([]), duration_s=90.0), Random(0))
    assert drawn.step is None and 30 <= drawn.after_s <= 60


@pytest.mark.parametrize(
    "one, other, rtol, same",
    [
        (0.1, 0.1, 0, True),
        (0.1, math.nextafter(0.1, 1), 0, False),
        (0.1, 0.1001, 0.01, True),
        (1, 1.0, 0, True),
        (math.nan, math.nan, 0, True),
        (math.inf, -math.inf, 0.5, False),
        (True, 1, 0, False),
        ("a", "a", 0, True),
        ([1, {"b": math.nan}], [1, {"b": math.nan}], 0, True),
        ([1], [2], 0.9, False),
    ],
)
def test_numbers_are_the_same_to_the_last_digit_unless_said_otherwise(
    one: Any, other: Any, rtol: float, same: bool
) -> None:
    assert Terms(rtol=rtol).same(one, other) is same


def test_a_metric_that_only_one_of_them_has_is_not_the_same_and_an_ignored_one_is_not_asked_about() -> None:
    straight, killed = course([1], {"a": 1, "time/s": 2}), course([1], {"time/s": 3})
    told = resumption.compared(straight, killed, Terms(("time/*",)))
    assert [(one.metric, one.same) for one in told] == [("a", False), ("time/s", None)]


def test_without_final_metrics_the_last_values_of_the_streams_are_compared() -> None:
    (only,) = resumption.compared(course([1, 2], {}), course([1, 3], {}), Terms())
    assert (only.metric, only.straight, only.killed, only.same) == ("loss", 1 / 3, 1 / 4, False)
    assert only.absolute == pytest.approx(1 / 12) and only.relative == pytest.approx(1 / 4)


def test_points_belong_to_the_attempt_in_which_they_were_logged() -> None:
    points = [Point(1, 0, 10.0), Point(2, 0, 11.0), Point(2, 0, 20.0), Point(3, 0, 30.0)]
    assert resumption.split(points, 15.0, 25.0) == (points[:2], points[2:3])
    assert resumption.split(points, None, None) == (points, [])


@pytest.mark.parametrize("save_s, seconds", [(0.0, 60), (0.1, 90), (15.0, 90), (15.1, 120), (200.0, 480)])
def test_twice_the_save_and_a_minute_are_recommended_in_half_minutes(save_s: float, seconds: int) -> None:
    assert report(replace(WELL, save_s=save_s)).recommended_s == seconds


def test_what_resumes_has_no_fault_and_has_lost_nothing() -> None:
    assert (report(WELL).faults, report(WELL).lost) == ([], 0)


def test_steps_that_were_done_again_are_counted() -> None:
    assert report(replace(WELL, resumed=11)).lost == 6


@pytest.mark.parametrize(
    "cut, fault",
    [
        (replace(WELL, resumed=1), "attempt 2 began with step 1 again: the trainer does not resume"),
        (replace(WELL, resumed=1, signal="KILL"), "nothing had been saved by then"),
        (replace(WELL, resumed=20), "attempt 2 began with step 20: 3 were never run"),
        (
            replace(WELL, last=30, resumed=None, signal="KILL"),
            "SIGKILL came too late: the run that was killed had",
        ),
        (replace(WELL, last=30, resumed=29), "SIGUSR2 came too late: "),
        (replace(WELL, resumed=None), "the attempt after it logged no steps, and 14 were left"),
        (
            replace(WELL, began=9),
            "the run that was killed began at step 9: it found another run's checkpoints",
        ),
        (replace(WELL, late=True), "it had not ended 120 s after USR2"),
    ],
)
def test_steps_tell_what_is_wrong(cut: Cut, fault: str) -> None:
    assert fault in " ".join(report(cut).faults)


def test_where_steps_were_never_run_it_does_not_say_that_none_was_lost() -> None:
    told = drilling.text(report(replace(WELL, resumed=20)), Screen())
    assert "Attempt 2 began with step 20: 3 steps between the two were never run." in told
    assert "no step was lost" not in told


def differing(**finals: tuple[float, float]) -> str:
    """What is said of these final metrics, straight and killed."""
    straight, killed = (course(range(1, 31), {m: v[k] for m, v in finals.items()}) for k in (0, 1))
    told = replace(report(WELL, killed), straight=straight)
    (fault,) = replace(told, compared=resumption.compared(straight, killed, Terms())).faults
    return fault


@pytest.mark.parametrize(
    "name",
    [
        "time",
        "time/seconds",
        "train_time",
        "elapsed_s",
        "duration",
        "wall-clock",
        "steps_per_second",
        "fps",
        "eta",
    ],
)
def test_where_only_times_differ_they_are_to_be_left_out(name: str) -> None:
    said = differing(**{name: (1.0, 2.0), "loss": (0.5, 0.5)})
    assert "random generator" not in said
    assert said.endswith(f"leave them out of the comparison: herd drill --ignore {name}")


@pytest.mark.parametrize(
    "name", ["loss", "accuracy", "estimate", "timestep_loss", "classes", "mse", "secant"]
)
def test_what_is_no_time_may_be_the_data_order(name: str) -> None:
    assert "is the data order or a random generator not restored?" in differing(**{name: (1.0, 2.0)})


def test_of_times_and_others_the_others_come_first_and_the_times_are_to_be_left_out() -> None:
    said = differing(**{"a/time": (1.0, 2.0), "loss": (0.5, 0.6)})
    assert "numbers: loss 0.5 and 0.6; a/time 1.0 and 2.0: is the data order" in said
    assert said.endswith("(What differs in any case: --ignore a/time)")


def test_a_pattern_to_ignore_that_matches_no_metric_is_said_with_those_there_are() -> None:
    straight = course([1], {"a": 1, "time/s": 2})
    (told,) = resumption.not_met(straight, straight, Terms(("tme/*", "a", "loss")))
    assert told == "--ignore 'tme/*' matches no metric; there are: a, loss, time/s."
    assert resumption.not_met(course([], {}), course([], {}), Terms(("tme/*",))) == []


def test_without_metrics_nothing_is_called_the_same() -> None:
    straight = replace(report(WELL, course([], {})), straight=course([], {}), compared=())
    assert "no metric was logged" in " ".join(straight.faults)


def test_where_every_metric_is_ignored_nothing_is_called_the_same() -> None:
    told = replace(report(WELL), compared=[Compared("loss", 1.0, 2.0, None)])
    assert told.faults == ["every metric is left out of the comparison: name fewer with --ignore"]
