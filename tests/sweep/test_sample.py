"""Random and Sobol draws: repeatable, the same when more are drawn, evenly spread."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.config import parse
from hyperherd.search import combinations, sobol
from hyperherd.sweep.identity import canonical

HEAD = "name: x\nlauncher: l\n"
PARAMETERS = """
parameters:
  lr: {type: continuous, low: 1e-5, high: 1e-1, scale: log}
  wd: {type: continuous, low: 0, high: 1}
  opt: [adam, sgd, lion]
"""


def drawn(n: int, method: str, seed: int = 0, parameters: str = PARAMETERS) -> list[dict[str, Any]]:
    text = HEAD + f"sample: {{n: {n}, method: {method}, seed: {seed}}}" + parameters
    return [dict(c.params) for c in combinations.generate(parse.spec(text))]


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["random", "sobol"]), st.integers(-5, 5))
def test_the_first_draws_stay_when_more_are_drawn(n: int, more: int, method: str, seed: int) -> None:
    conditions = "conditions: [{when: {opt: sgd, lr: {gt: 0.001}}, exclude: true}, "
    conditions += "{when: {opt: lion}, force: {wd: 0}}]\n"
    few = drawn(n, method, seed, PARAMETERS + conditions)
    assert len(few) == n
    assert drawn(n + more, method, seed, PARAMETERS + conditions)[:n] == few


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_draws_are_within_their_ranges_rounded_and_depend_on_the_seed(method: str) -> None:
    found = drawn(200, method)
    assert all(
        1e-5 <= p["lr"] <= 1e-1 and 0 <= p["wd"] <= 1 and p["opt"] in ("adam", "sgd", "lion") for p in found
    )
    assert all(p["lr"] == float(f"{p['lr']:.12g}") for p in found)
    assert found != drawn(200, method, seed=1)
    assert found == drawn(200, method)


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_a_logarithmic_parameter_is_spread_over_its_decades(method: str) -> None:
    lrs = [p["lr"] for p in drawn(400, method)]
    for decade in range(-5, -1):
        share = sum(10**decade <= lr < 10 ** (decade + 1) for lr in lrs) / len(lrs)
        assert 0.15 < share < 0.35


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_a_continuous_parameter_is_drawn_from_all_of_its_range_and_not_from_steps(method: str) -> None:
    some = drawn(40, method)
    assert len({one["lr"] for one in some}) == len({one["wd"] for one in some}) == 40
    zipped = "zip: [[lr, wd]]" + PARAMETERS.replace("high: 1}", "high: 1, steps: 3}").replace(
        "log}", "log, steps: 3}"
    )
    assert len({(one["lr"], one["wd"]) for one in drawn(8, method, parameters="\n" + zipped)}) == 3


def test_random_draws_of_a_parameter_stay_when_another_is_added() -> None:
    more = PARAMETERS + "  new: [1, 2]\n"
    before = [p["lr"] for p in drawn(20, "random")]
    assert [p["lr"] for p in drawn(20, "random", parameters=more)] == before


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_a_small_space_is_drawn_once_and_then_ends(method: str) -> None:
    found = drawn(50, method, parameters="\nparameters: {a: [1, 2, 3], b: [x, y]}\n")
    assert sorted(map(canonical, found)) == sorted(
        canonical({"a": a, "b": b}) for a, b in itertools.product((1, 2, 3), "xy")
    )


def test_zipped_parameters_are_drawn_together() -> None:
    text = (
        "\nzip: [[a, b]]\nparameters: {a: [1, 2, 3], b: [x, y, z], c: {type: continuous, low: 0, high: 1}}\n"
    )
    assert {(p["a"], p["b"]) for p in drawn(30, "sobol", parameters=text)} == {(1, "x"), (2, "y"), (3, "z")}


@pytest.mark.parametrize("seed", ["a", "b", "0/lr"])
def test_each_of_2_to_the_k_slices_of_a_dimension_holds_one_of_as_many_points(seed: str) -> None:
    seeds = [f"{seed}{i}" for i in range(sobol.MAX_DIMENSIONS)]
    for k in (1, 4, 7):
        points = list(itertools.islice(sobol.points(seeds), 2**k))
        for dimension in range(sobol.MAX_DIMENSIONS):
            assert sorted(int(point[dimension] * 2**k) for point in points) == list(range(2**k))


@pytest.mark.parametrize("columns", [1, 2, 8, 32, 64])
def test_the_first_two_dimensions_have_one_point_in_each_box_of_any_shape(columns: int) -> None:
    points = itertools.islice(sobol.points(["a", "b"]), 64)
    assert len({(int(x * columns), int(y * (64 // columns))) for x, y in points}) == 64


def test_direction_numbers_are_those_of_the_published_table() -> None:
    qmc = pytest.importorskip("scipy.stats.qmc")
    size = 64
    expected = qmc.Sobol(sobol.MAX_DIMENSIONS, scramble=False, bits=sobol.BITS).random(size)
    seeds = [str(i) for i in range(sobol.MAX_DIMENSIONS)]
    scale = 2**sobol.BITS
    found = [[int(x * scale) for x in point] for point in itertools.islice(sobol.points(seeds), size)]
    shifts = found[0]
    for point, unshifted in zip(found, expected, strict=True):
        assert [x ^ shift for x, shift in zip(point, shifts, strict=True)] == [
            int(x * scale) for x in unshifted
        ]
