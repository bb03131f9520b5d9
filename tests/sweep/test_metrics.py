"""Which trial is the best: one rule for all that look."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.sweep.metrics import Metric

NUMBERS = st.floats() | st.none()


@pytest.mark.parametrize(
    ("metric", "finals", "stream", "score"),
    [
        (Metric("a"), {}, [], None),
        (Metric("a"), {"b": 1}, [], None),
        (Metric("a"), {"a": 1}, [5, 6], 1.0),
        (Metric("a"), {}, [1, 3, 2], 2.0),
        (Metric("a", at="best"), {}, [1, 3, 2], 3.0),
        (Metric("a", "min", "best"), {"a": 0.5}, [1, 3, 2], 0.5),
        (Metric("a", at="best"), {}, [1, math.nan, 0.5], 1.0),
        (Metric("a"), {"a": "text"}, [1, None, True, "2"], 1.0),
        (Metric("a", "min", "best"), {}, [math.inf, -math.inf], -math.inf),
    ],
)
def test_what_counts_of_a_trial(
    metric: Metric, finals: dict[str, object], stream: list[object], score: float | None
) -> None:
    assert metric.score(finals, stream) == score


@pytest.mark.parametrize("at", ["last", "best"])
def test_of_values_that_are_no_numbers_nothing_is_the_best(at: str) -> None:
    metric = Metric("a", at=at)  # type: ignore[arg-type]
    assert math.isnan(metric.score({}, [math.nan, math.nan]) or 0)
    assert metric.best({0: math.nan, 1: None}) is None


@given(st.dictionaries(st.integers(0, 9), NUMBERS), st.sampled_from(["max", "min"]))
def test_the_best_is_the_first_of_those_that_are_sorted(scores: dict[int, float | None], mode: str) -> None:
    metric = Metric("a", mode)  # type: ignore[arg-type]
    ordered = sorted(scores, key=lambda index: metric.best_first(scores[index]))
    best = metric.best(scores)
    if best is not None:
        assert scores[best] == scores[ordered[0]]
        assert not any(metric.best_first(scores[i]) < metric.best_first(scores[best]) for i in scores)
    else:
        assert all(one is None or math.isnan(one) for one in scores.values())
