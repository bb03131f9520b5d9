"""Trial names: readable, unique, safe as a folder's name, and never changed by what comes later."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hyperherd.config import parse
from hyperherd.search.combinations import generate
from hyperherd.sweep import naming
from hyperherd.sweep.identity import canonical, trial_hash
from hyperherd.sweep.spec import Parameter, SweepSpec
from hyperherd.sweep.trial import Combination

HEAD = "name: x\nlauncher: l\ngrid: all\n"


def named(text: str, taken: tuple[str, ...] = ()) -> list[str]:
    made = parse.spec(HEAD + text)
    return naming.names(made, generate(made), taken)


def of(*values: Any, taken: tuple[str, ...] = ()) -> list[str]:
    """The names of one parameter's values."""
    made = SweepSpec("x", "l", (Parameter("p", values, "p"),), grid="all")
    return naming.names(made, [Combination({"p": value}, {}) for value in values], taken)


def hash_of(value: Any) -> str:
    return trial_hash({"p": value}, {})


def test_a_name_is_abbreviations_and_values_in_the_order_of_the_parameters() -> None:
    text = """
parameters:
  learning_rate: {type: continuous, low: 1e-5, high: 1e-3, scale: log, steps: 3, abbrev: lr}
  opt: [adam]
  +model.depth: [18]
  data: {type: discrete, values: [/data/big.tar], labels: [big]}
"""
    assert named(text) == [f"lr-{lr}_opt-adam_model.depth-18_data-big" for lr in ("1e-05", "0.0001", "0.001")]


def test_values_are_written_as_short_text() -> None:
    assert of(0.000316227766017, 64, True, None, [64, 32], {"a": 1}, "a b", 0.5) == [
        "p-0.0003162",
        "p-64",
        "p-true",
        "p-null",
        "p-64-32",
        "p-a-1",
        "p-a-b",
        "p-0.5",
    ]


def test_a_tie_is_broken_by_as_many_digits_as_it_takes() -> None:
    assert of(0.12341, 0.12342, 0.5) == ["p-0.12341", "p-0.12342", "p-0.5"]
    assert of(0.1234567891, 0.1234567892) == ["p-0.1234567891", "p-0.1234567892"]
    assert of(0.30000000000000004, 0.3) == ["p-0.30000000000000004", "p-0.3"]
    assert of(1, 1.0) == ["p-1", "p-1.0"]


def test_a_tie_that_digits_cannot_break_is_broken_by_the_hash() -> None:
    assert of("a b", "a-b", "c") == [f"p-a-b-{hash_of('a b')}", f"p-a-b-{hash_of('a-b')}", "p-c"]
    assert of("1", 1) == [f"p-1-{hash_of('1')}", f"p-1-{hash_of(1)}"]


def test_names_that_differ_in_capitals_only_are_a_tie() -> None:
    assert of("Adam", "adam") == [f"p-Adam-{hash_of('Adam')}", f"p-adam-{hash_of('adam')}"]


def test_a_new_trial_gets_out_of_the_way_of_those_that_are_there() -> None:
    assert of(0.12342, taken=("p-0.1234",)) == ["p-0.12342"]
    assert of("adam", taken=("p-ADAM",)) == [f"p-adam-{hash_of('adam')}"]
    assert of("adam", taken=("p-adam", f"p-adam-{hash_of('adam')}")) == [f"p-adam-{hash_of('adam')}-2"]


def test_the_same_parameters_with_other_extras_have_another_name() -> None:
    text = "parameters: {a: [1, 2]}\nconditions: [{when: {a: 1}, force: {a: 2}, set: {x: 1}}]\n"
    first, second = named(text)
    assert first != second
    assert first == f"a-2-{trial_hash({'a': 2}, {'x': 1})}"


def test_a_long_name_is_cut_at_a_character_and_has_the_hash_behind_it() -> None:
    long = "ä" * 300
    (name,) = of(long)
    assert len(name.encode()) <= 200
    assert name == "p-" + "ä" * 92 + f"-{hash_of(long)}"


def test_letters_of_any_script_are_kept_and_all_else_is_replaced() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    assert of("été", "日本", decomposed, "a/b\\c:d*e", "..", "x\ny", "$HOME", "😀") == [
        "p-été",
        "p-日本",
        "p-é",
        "p-a-b-c-d-e",
        "p-..",
        "p-x-y",
        "p-HOME",
        "p-",
    ]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a b", "A-B", "a-b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
unique_values = st.lists(values, min_size=1, max_size=8, unique_by=canonical)


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode()) <= 200
    assert not name.startswith((".", "-"))
    assert all(c.isalnum() or c in "._+-" for c in name)
    assert unicodedata.normalize("NFC", name) == name


@settings(deadline=None)
@given(
    unique_values, unique_values, st.text(max_size=5).filter(bool), st.lists(st.text(max_size=10), max_size=4)
)
def test_names_are_unique_and_safe_whatever_the_values_are(
    left: list[Any], right: list[Any], abbrev: str, taken: list[str]
) -> None:
    made = SweepSpec(
        "x", "l", (Parameter("a", tuple(left), abbrev), Parameter("b", tuple(right), "b")), grid="all"
    )
    found = generate(made)
    first = naming.names(made, found, taken)
    again = naming.names(made, found, [*taken, *first])
    together = [name.casefold() for name in (*taken, *first, *again)]
    assert len(set(together)) == len({name.casefold() for name in taken}) + 2 * len(found)
    for name in (*first, *again):
        assert_safe(name)


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=30, unique_by=canonical))
def test_close_floats_have_different_names(floats: list[float]) -> None:
    names = of(*floats)
    assert len(set(names)) == len(floats)
