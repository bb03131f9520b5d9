"""`repeat`: each combination with each value of a parameter that only repeats it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.config import parse
from hyperherd.errors import ConfigError
from hyperherd.search import combinations
from hyperherd.sweep import naming

HEAD = "name: x\nlauncher: l\n"
TWO = "parameters: {lr: [0.1, 0.01], opt: [adam, sgd]}\n"


def described(text: str) -> list[dict[str, Any]]:
    spec = parse.spec(HEAD + text)
    made = [dict(c.params) for c in combinations.generate(spec)]
    assert combinations.count(spec) >= len(made)
    return made


@pytest.mark.parametrize(
    "repeat, values", [("3", [0, 1, 2]), ("[7, 8]", [7, 8]), ('"range(0,4)"', [0, 1, 2, 3]), ("1", [0])]
)
def test_a_number_counts_from_0_and_a_list_is_taken_as_it_is(repeat: str, values: list[int]) -> None:
    made = described(f"grid: all\nrepeat: {{seed: {repeat}}}\n{TWO}")
    assert [one["seed"] for one in made] == values * 4
    assert [one["lr"] for one in made[: 2 * len(values)]] == [0.1] * 2 * len(values)
    assert list(made[0]) == ["lr", "opt", "seed"]


def test_the_replicates_of_several_parameters_are_crossed() -> None:
    made = described(f"grid: all\nrepeat: {{seed: 2, fold: [a, b]}}\n{TWO}")
    assert [(one["seed"], one["fold"]) for one in made[:5]] == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (1, "b"),
        (0, "a"),
    ]


def test_one_parameter_at_a_time_varies_and_each_combination_is_repeated() -> None:
    made = described(
        "repeat: {seed: 2}\nparameters:\n"
        "  lr: {type: discrete, values: [0.1, 0.01], default: 0.1}\n"
        "  opt: {type: discrete, values: [adam, sgd], default: adam}\n"
    )
    assert [(one["lr"], one["opt"]) for one in made[::2]] == [(0.1, "adam"), (0.01, "adam"), (0.1, "sgd")]
    assert [one["seed"] for one in made] == [0, 1] * 3


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.sampled_from(["random", "sobol"]))
def test_a_sample_draws_combinations_and_the_first_stay_when_more_are_drawn(
    n: int, more: int, times: int, method: str
) -> None:
    def drawn(n: int) -> list[dict[str, Any]]:
        return described(
            f"sample: {{n: {n}, method: {method}}}\nrepeat: {{seed: {times}}}\nparameters:\n"
            "  lr: {type: continuous, low: 1e-5, high: 1e-1, scale: log}\n  opt: [adam, sgd]\n"
            "conditions: [{when: {opt: sgd, lr: {gt: 0.01}}, exclude: true}]\n"
        )

    few = drawn(n)
    assert len(few) == n * times and drawn(n + more)[: len(few)] == few
    assert all({**few[k], "seed": 0} == {**few[k - k % times], "seed": 0} for k in range(len(few)))


def test_a_condition_may_name_what_repeats() -> None:
    made = described(
        f"grid: all\nrepeat: {{seed: 2}}\n{TWO}conditions: [{{when: {{opt: sgd, seed: 1}}, exclude: true}}]\n"
    )
    assert [one["seed"] for one in made if one["opt"] == "sgd"] == [0, 0]


def test_what_repeats_stands_last_in_trial_names_as_any_parameter_would() -> None:
    spec = parse.spec(f"{HEAD}grid: all\nrepeat: {{seed: 2}}\n{TWO}")
    assert naming.names(spec, combinations.generate(spec)[:2], set()) == [
        "lr-0.1_opt-adam_seed-0",
        "lr-0.1_opt-adam_seed-1",
    ]


@pytest.mark.parametrize(
    "text, told",
    [
        (f"repeat: {{lr: 3}}\n{TWO}", "repeat.lr: 'lr' is in 'parameters' as well"),
        (f"repeat: {{seed: 0}}\n{TWO}", "repeat.seed: 0 repeats\n    1 to 10,000"),
        (f"repeat: {{seed: 10000000}}\n{TWO}", "repeat.seed: 10000000 repeats\n    1 to 10,000"),
        (f"repeat: {{seed: true}}\n{TWO}", "repeat.seed: a number or a list expected, not true"),
        (f"repeat: {{seed: []}}\n{TWO}", "repeat.seed: must not be empty"),
        (f"repeat: 3\n{TWO}", "repeat: a mapping expected, not 3"),
        (f"zip: [[lr, seed]]\nrepeat: {{seed: 2}}\n{TWO}", "zip: 'seed' is in 'repeat'"),
        ("repeat: {seed: 2}\nparameters: {}\n", "parameters: every parameter is in 'repeat'"),
    ],
)
def test_what_cannot_repeat_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse.spec(f"{HEAD}grid: all\n{text}" if "grid" not in text else HEAD + text)
    assert any(told in str(fault) for fault in raised.value.faults), [str(f) for f in raised.value.faults]


def test_a_list_of_names_for_the_grid_does_not_name_what_repeats() -> None:
    with pytest.raises(ConfigError, match="'seed' is in 'repeat', and goes with each combination"):
        parse.spec(f"{HEAD}grid: [lr, opt, seed]\nrepeat: {{seed: 2}}\n{TWO}")
