"""Trials that only repeat each other, taken together: mean, spread, n, and which setting is the best."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hyperherd.engine import compared
from hyperherd.engine.compared import Results
from hyperherd.errors import UsageError
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.trial import Status
from hyperherd.views import documents, result_tables

from . import boards


def found(*values: Any, repeats: tuple[str, ...] = ("seed",), seeds: int = 2) -> Results:
    """Trials of lr 1, 1, 2, 2, ... with seeds 0, 1, ... and these accuracies (None: not logged)."""
    views = [
        boards.view(i, Status.COMPLETED, {"lr": 1 + i // seeds, "opt": "adam", "seed": i % seeds})
        for i in range(len(values))
    ]
    metrics = {i: {"accuracy": value} for i, value in enumerate(values) if value is not None}
    return boards.results(metrics, *views, repeats=repeats)


def test_a_setting_has_mean_standard_deviation_and_n_of_how_many() -> None:
    told = found(0.5, 0.7, 0.9, None)
    head, rows = result_tables.exported_settings(told, told.settings_best_first())
    assert head == ["trials", "n", "of", "lr", "opt", "accuracy", "accuracy_sd"]
    assert rows[0] == ["2-3", 1, 2, 2, "adam", 0.9, None]
    assert rows[1][:6] == ["0-1", 2, 2, 1, "adam", 0.6] and math.isclose(
        rows[1][6], 0.2**0.5 / 10**0.5, rel_tol=1e-9
    )
    head, rows = result_tables.settings(told, told.settings())
    assert head == ["trials", "n", "lr", "accuracy ↑"], "what does not vary, and what repeats, is left out"
    assert rows == [["0-1", "2/2", "1", "0.60 ±0.14"], ["★ 2-3", "1/2", "2", "0.9"]]


def test_one_lucky_seed_of_many_is_not_the_best() -> None:
    lucky = found(0.99, None, None, 0.8, 0.8, 0.9, seeds=3)
    assert lucky.best and [view.index for view in lucky.best.trials] == [3, 4, 5]
    half = found(0.99, 0.98, None, 0.8, 0.8, 0.9, seeds=3)
    assert half.best and [view.index for view in half.best.trials] == [0, 1, 2]
    alone = found(0.5, None, None, seeds=3)
    assert alone.best and alone.best.score and alone.best.score.n == 1


def test_a_setting_that_diverged_is_not_the_best_and_stands_last() -> None:
    told = found(math.nan, 0.9, 0.5, 0.5)
    assert told.best and told.best.params["lr"] == 2
    assert [one.params["lr"] for one in told.settings_best_first()] == [2, 1]


def test_what_conditions_set_tells_settings_apart() -> None:
    one, other = (boards.view(i, Status.COMPLETED, {"lr": 1, "seed": i}) for i in range(2))
    object.__setattr__(other.trial, "extras", {"warmup": 5})
    assert len(boards.results({}, one, other, repeats=("seed",)).settings()) == 2


def test_without_repeats_each_trial_is_a_setting_of_its_own() -> None:
    told = found(0.5, 0.7, repeats=())
    assert [len(one.trials) for one in told.settings()] == [1, 1]
    assert told.best and told.best.trials[0].index == 1


def test_the_document_has_the_groups_when_they_are_asked_for() -> None:
    told = found(0.5, 0.7)
    assert "groups" not in documents.res(told)
    document = documents.res(told, told.settings())
    assert document["repeats"] == ["seed"] and document["best"] == 0
    assert document["groups"] == [
        {
            "trials": [0, 1],
            "params": {"lr": 1, "opt": "adam"},
            "n": 2,
            "metrics": {"accuracy": {"mean": 0.6, "sd": pytest.approx(0.1414213), "n": 2}},
        }
    ]


@pytest.mark.parametrize(
    "by, order",
    [("accuracy", [1, 2, 0, 3]), ("-accuracy", [0, 2, 1, 3]), ("lr", [0, 1, 2, 3]), ("-lr", [2, 3, 0, 1])],
)
def test_rows_are_sorted_by_a_metric_largest_first_or_by_a_parameter(by: str, order: list[int]) -> None:
    told = found(0.5, 0.9, 0.7, None, repeats=())
    assert [view.index for view in compared.ordered(told, by)] == order


def test_by_the_sweeps_own_metric_the_best_come_first() -> None:
    told = found(0.5, 0.9, 0.7, None, repeats=())
    losses = Results(told.snapshot, told.metrics, Metric("accuracy", "min"))
    assert [view.index for view in compared.ordered(losses, "accuracy")] == [0, 2, 1, 3]
    assert [view.index for view in compared.ordered(losses, "-accuracy")] == [1, 2, 0, 3]


def test_a_name_that_is_neither_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="--sort acuracy: no such metric or parameter") as raised:
        compared.ordered(found(0.5), "acuracy")
    assert "accuracy" in raised.value.hint


def test_best_is_by_mode() -> None:
    told = found(0.5, 0.7, 0.9, 0.9)
    smallest = Results(told.snapshot, told.metrics, Metric("accuracy", "min"), repeats=("seed",))
    assert smallest.best and smallest.best.params["lr"] == 1


def test_numbers_that_no_float_holds_are_infinite_and_break_nothing() -> None:
    huge = found(1.7e308, 1.7e308, 10**400, 0.5)
    assert [one.score and one.score.n for one in huge.settings()] == [2, 2]
    head, rows = result_tables.settings(huge, huge.settings())
    assert rows[0][-1] == "inf" and len(head) == len(rows[0])
