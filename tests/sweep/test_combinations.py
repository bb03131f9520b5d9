"""Which combinations a spec describes: grids, zip, conditions, each one once."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperherd.config import parse
from hyperherd.errors import ExpressionError
from hyperherd.search import combinations, grid
from hyperherd.search.conditions import same
from hyperherd.sweep.identity import canonical
from hyperherd.sweep.spec import Missing, Parameter, SweepSpec

HEAD = "name: x\nlauncher: l\n"


def made(text: str) -> list[dict[str, object]]:
    return [dict(c.params) for c in combinations.generate(parse.spec(HEAD + text))]


def rows(text: str) -> list[str]:
    return [" ".join(str(value) for value in params.values()) for params in made(text)]


def with_extras(text: str) -> list[tuple[dict[str, object], dict[str, object]]]:
    return [(dict(c.params), dict(c.extras)) for c in combinations.generate(parse.spec(HEAD + text))]


ABC = """
parameters:
  a: {type: discrete, values: [1, 2], default: 2}
  b: {type: discrete, values: [x, y, z], default: x}
  c: {type: discrete, values: [p, q], default: p}
"""


def test_all_is_the_full_product_with_the_last_parameter_the_fastest() -> None:
    assert rows("grid: all" + ABC) == [f"{a} {b} {c}" for a in (1, 2) for b in "xyz" for c in "pq"]


def test_a_list_is_the_product_of_the_named_with_the_others_at_their_defaults() -> None:
    assert rows("grid: [a, c]" + ABC) == ["1 x p", "1 x q", "2 x p", "2 x q"]


def test_the_first_name_of_a_list_changes_slowest() -> None:
    assert rows("grid: [c, a]" + ABC) == ["1 x p", "2 x p", "1 x q", "2 x q"]
    assert rows("grid: [c, b, a]" + ZIP) == ["1 x p", "1 y p", "2 x q", "2 y q"]


def test_without_a_grid_each_varies_alone_after_the_defaults() -> None:
    assert rows(ABC) == ["2 x p", "1 x p", "2 y p", "2 z p", "2 x q"]


def test_a_continuous_default_between_the_steps_is_run_first() -> None:
    text = "parameters: {a: {type: continuous, low: 0, high: 1, steps: 3, default: 0.3}}"
    assert rows(text) == ["0.3", "0.0", "0.5", "1.0"]


ZIP = """
zip: [[a, c]]
parameters:
  a: {type: discrete, values: [1, 2], default: 1}
  b: {type: discrete, values: [x, y], default: x}
  c: {type: discrete, values: [p, q], default: p}
"""


def test_zipped_parameters_go_together() -> None:
    assert rows("grid: all" + ZIP) == ["1 x p", "1 y p", "2 x q", "2 y q"]
    assert rows("grid: [a, c]" + ZIP) == ["1 x p", "2 x q"]
    assert rows("grid: [b]" + ZIP) == ["1 x p", "1 y p"]
    assert rows(ZIP) == ["1 x p", "2 x q", "1 y p"]


def test_equal_combinations_are_kept_once_and_types_tell_them_apart() -> None:
    assert [repr(p["a"]) for p in made("grid: all\nparameters: {a: [1, 1.0, true, '1', 1, 1.0]}")] == [
        "1",
        "1.0",
        "True",
        "'1'",
    ]
    text = "grid: all\nparameters: {a: [1, 2], b: [x, y]}\nconditions: [{when: {a: 1}, force: {b: x}}]\n"
    assert rows(text) == ["1 x", "2 x", "2 y"]


def conditioned(condition: str) -> str:
    return (
        "grid: all\nparameters: {lr: [0.1, 0.01, null], opt: [sgd, adam], n: [1, 2]}\nconditions:\n"
        + condition
    )


@pytest.mark.parametrize(
    ("when", "kept"),
    [
        ("lr: 0.1", {0.1}),
        ("lr: [0.1, null]", {0.1, None}),
        ("lr: {eq: 0.01}", {0.01}),
        ("lr: {ne: 0.01}", {0.1, None}),
        ("lr: {gt: 0.01}", {0.1}),
        ("lr: {ge: 0.01}", {0.1, 0.01}),
        ("lr: {lt: 0.1}", {0.01}),
        ("lr: {le: 1e-1}", {0.1, 0.01}),
        ("lr: {in: [0.1]}", {0.1}),
        ("lr: {not_in: [0.1]}", {0.01, None}),
        ("lr: null", {None}),
        ("expr: lr == 0.1 or lr == null", {0.1, None}),
        ("lr: '1e-1'", {0.1}),
        ("lr: {le: '1e-2'}", {0.01}),
        ("lr: {in: ['0.1', '1e-2']}", {0.1, 0.01}),
    ],
)
def test_when_compares_as_people_read_it(when: str, kept: set[object]) -> None:
    left = made(conditioned(f"  - {{when: {{{when}}}, exclude: true}}\n"))
    assert {p["lr"] for p in left} == {0.1, 0.01, None} - kept


def test_a_text_that_is_a_number_is_one_where_the_parameter_has_numbers_and_never_this_text() -> None:
    text = "grid: all\nparameters: {a: [%s], b: [1, 2]}\nconditions: [{when: {a: '1'}, force: {b: '2'}}]\n"
    assert [p["b"] for p in made(text % "1, 2")] == [2, 1, 2]
    assert [p["b"] for p in made(text % "1, '1'")] == [1, 2, 2]


def test_several_keys_of_when_are_all_needed() -> None:
    left = made(conditioned("  - {when: {lr: 0.1, opt: sgd, expr: n == 2}, exclude: true}\n"))
    assert len(left) == 11
    assert {"lr": 0.1, "opt": "sgd", "n": 2} not in left


def test_exclude_with_parameters_drops_only_those() -> None:
    left = made(conditioned("  - {when: {opt: sgd}, exclude: {lr: [0.1, null], n: {gt: 1}}}\n"))
    assert [p for p in left if p["opt"] == "sgd"] == [{"lr": 0.01, "opt": "sgd", "n": 1}]
    assert len([p for p in left if p["opt"] == "adam"]) == 6


def test_conditions_apply_in_order_and_see_what_was_forced_before() -> None:
    text = "  - {when: {opt: sgd}, force: {n: 7}}\n  - {when: {n: 7}, set: {seen: true}}\n"
    assert {
        extras.get("seen", False)
        for params, extras in with_extras(conditioned(text))
        if params["opt"] == "sgd"
    } == {True}


def test_set_and_force_take_literals_and_expressions() -> None:
    text = """
grid: all
parameters: {depth: [2], width: [8, 16]}
conditions:
  - when: {width: 16}
    force: {depth: {expr: width // 4}}
    set: {mlp.hidden: {expr: depth * width}, +tags: [a, b], mlp.note: 'it is big'}
"""
    assert with_extras(text) == [
        ({"depth": 2, "width": 8}, {}),
        ({"depth": 4, "width": 16}, {"mlp.hidden": 64, "+tags": ["a", "b"], "mlp.note": "it is big"}),
    ]


def test_the_same_parameters_with_other_extras_are_another_combination() -> None:
    text = "grid: all\nparameters: {a: [1, 2]}\nconditions: [{when: {a: 1}, force: {a: 2}, set: {x: 1}}]\n"
    assert with_extras(text) == [({"a": 2}, {"x": 1}), ({"a": 2}, {})]


def test_an_expression_that_fails_names_the_condition_and_the_combination() -> None:
    text = "grid: all\nparameters: {a: [1], b: [1, 0]}\nconditions:\n"
    text += "  - {name: ratio, when: {expr: a / b > 1}, exclude: true}\n"
    with pytest.raises(ExpressionError) as raised:
        made(text)
    assert str(raised.value) == (
        "hyperherd.yaml:6: conditions[0].when.expr (condition 'ratio'): "
        "division by zero in `a / b > 1`, where a=1, b=0\n"
        "  guard it, as in 'b != 0 and a / b > 1'"
    )


@settings(deadline=None)
@given(
    st.floats(-1e12, 1e12, allow_subnormal=False),
    st.floats(1e-6, 1e12),
    st.integers(2, 50),
    st.sampled_from(["linear", "log"]),
)
def test_steps_begin_and_end_exactly_and_rise(low: float, width: float, count: int, scale: str) -> None:
    low = abs(low) + 1e-9 if scale == "log" else low
    high = low + width
    found = grid.steps(low, high, scale, count)
    assert (found[0], found[-1], len(found)) == (low, high, count)
    assert all(a <= b for a, b in itertools.pairwise(found))
    assert all(value == float(f"{value:.12g}") for value in found[1:-1] if low < value < high)


def test_steps_are_the_numbers_that_people_expect() -> None:
    assert grid.steps(0, 1, "linear", 11) == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert grid.steps(1e-6, 1, "log", 7) == (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
    assert grid.steps(1, 10, "linear", 4) == (1.0, 4.0, 7.0, 10.0)
    assert grid.steps(1, 10, "log", 1) == (1.0,)


@st.composite
def specs(draw: st.DrawFn) -> SweepSpec:
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    found = []
    for place, length in enumerate(lengths):
        values = tuple(draw(st.permutations([0, 1.0, "x", None, True]))[:length])
        found.append(Parameter(f"p{place}", values, f"p{place}", default=draw(st.sampled_from(values))))
    names = [p.name for p in found]
    grids: st.SearchStrategy[Any] = st.sampled_from(["all", None]) | st.lists(
        st.sampled_from(names), unique=True
    ).map(tuple)
    zips: tuple[tuple[str, ...], ...] = ()
    equal = [p.name for p in found if len(p.values) == lengths[0]]
    if len(equal) > 1 and draw(st.booleans()):
        zips = (tuple(equal),)
        grids = st.sampled_from(["all", None])
    return SweepSpec("x", "l", tuple(found), grid=draw(grids), zips=zips)


@settings(deadline=None)
@given(specs())
def test_as_many_are_made_as_are_counted_in_the_order_of_the_parameters(made_spec: SweepSpec) -> None:
    raw = list(grid.combinations(made_spec))
    assert len(raw) == combinations.count(made_spec)
    assert all(list(params) == [p.name for p in made_spec.parameters] for params in raw)
    assert all(
        any(canonical(params[p.name]) == canonical(v) for v in p.values)
        for params in raw
        for p in made_spec.parameters
    )
    unique = [canonical(c.params) for c in combinations.generate(made_spec)]
    assert unique == list(dict.fromkeys(map(canonical, raw)))


@settings(deadline=None)
@given(specs())
def test_one_at_a_time_differs_from_the_defaults_in_one_axis(made_spec: SweepSpec) -> None:
    if made_spec.grid is not None or made_spec.zips:
        return
    first, *rest = grid.combinations(made_spec)
    defaults = {p.name: p.default for p in made_spec.parameters if not isinstance(p.default, Missing)}
    assert canonical(first) == canonical(defaults)
    for params in rest:
        assert sum(canonical(params[name]) != canonical(defaults[name]) for name in defaults) == 1


def test_a_product_of_astronomic_size_is_counted_without_being_made() -> None:
    huge = tuple(Parameter(f"p{i}", tuple(range(1000)), f"p{i}") for i in range(10))
    assert combinations.count(SweepSpec("x", "l", huge, grid="all")) == 1000**10


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
nested = st.recursive(
    scalars, lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=2), i, max_size=3)
)


@settings(deadline=None)
@given(nested, nested)
def test_same_is_symmetric_and_holds_for_a_value_and_itself(left: Any, right: Any) -> None:
    assert same(left, left)
    assert same(left, right) == same(right, left)


def test_true_is_not_one_and_text_is_not_a_number() -> None:
    assert not same(True, 1)
    assert not same("1", 1)
    assert same(1, 1.0)
    assert same([1, {"a": 2}], [1.0, {"a": 2}])
    assert same(0.1 + 0.2, 0.3)
    assert same(math.nan, math.nan)
