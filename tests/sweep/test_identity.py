"""A trial is the same trial when its values are, with their types."""

from __future__ import annotations

import itertools
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hyperherd.sweep.identity import canonical, trial_hash

DIFFERENT: list[Any] = [
    1,
    1.0,
    True,
    "1",
    "true",
    None,
    "null",
    0,
    0.0,
    -0.0,
    False,
    "",
    [],
    {},
    [1],
    [1.0],
    {"a": 1},
    "nan",
]
DIFFERENT += [math.nan, math.inf, -math.inf, "Infinity", 2**70, 1e22, 10**22, 0.1 + 0.2, 0.3]


def test_values_of_different_types_make_different_trials() -> None:
    hashes = [trial_hash({"x": value}, {}) for value in DIFFERENT]
    assert len(set(hashes)) == len(DIFFERENT)


def test_parameters_and_extras_are_not_mixed_up() -> None:
    assert trial_hash({"a": 1}, {}) != trial_hash({}, {"a": 1})


def test_a_hash_is_what_it_was_in_earlier_versions() -> None:
    assert canonical([{"b": 1.0, "a": ["x", None]}, {}]) == '[{"a":["x",null],"b":1.0},{}]'
    assert trial_hash({"lr": 0.001, "opt": "adam"}, {"n": 1}) == "29d7828efddc"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=4), values, max_size=5))
def test_the_order_of_keys_does_not_matter(params: dict[str, Any]) -> None:
    backwards = dict(reversed(params.items()))
    assert trial_hash(params, {}) == trial_hash(backwards, {})
    assert len(trial_hash(params, {})) == 12
    assert set(trial_hash(params, {})) <= set("0123456789abcdef")


def test_nested_values_keep_their_types_too() -> None:
    nested = [{"k": [value]} for value in DIFFERENT]
    assert all(canonical(a) != canonical(b) for a, b in itertools.combinations(nested, 2))
