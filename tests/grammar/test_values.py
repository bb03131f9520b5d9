"""One value: what is written is read back, by Hydra and by us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.errors import GrammarError
from hyperherd.grammar.scalars import scalar
from hyperherd.grammar.values import read, tag, untag, write

from .strategies import hydra_values, patient, scalars, texts, values

HYDRA = OverridesParser.create()
thorough = settings(patient, max_examples=examples(600))


def same(left: Any, right: Any) -> bool:
    """Equal in type and value, at any depth; NaN is equal to itself, -0.0 not to 0.0."""
    return repr(left) == repr(right)


@thorough
@given(hydra_values)
def test_hydra_reads_back_the_same_value_and_type(value: Any) -> None:
    assert same(HYDRA.parse_override(f"key={write(value)}").value(), value)


@thorough
@given(values)
def test_we_read_back_the_same_value_and_type_whatever_the_keys(value: Any) -> None:
    assert same(read(write(value)), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"),
        ("adam", "adam"),
        (True, "true"),
        (None, "null"),
        (1, "1"),
        (1.0, "1.0"),
        ("/data/run-1/x.yaml", "/data/run-1/x.yaml"),
        ("s3://bucket:9000/x", "s3://bucket:9000/x"),
        ("007", "007"),
        ([1, 2.5, "a"], "[1,2.5,a]"),
        ({"a": {"b-c": None}}, "{a:{b-c:null}}"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_a_value_that_needs_no_quotes_has_none(value: Any, text: str) -> None:
    assert write(value) == text


@pytest.mark.parametrize("text", ["", "1", "1e3", "true", "NULL", "nan", "+inf", "1_000", ".5", "5."])
def test_a_string_that_reads_as_something_else_is_quoted(text: str) -> None:
    assert write(text) == f"'{text}'"


def test_a_map_key_that_hydra_cannot_express_is_refused_by_hydra_and_read_by_us() -> None:
    for key in ["1", "", "it's", "é", "true"]:
        text = write({key: 1})
        assert read(text) == {key: 1}
        with pytest.raises(Exception, match=r"mismatched|token|viable|extraneous"):
            HYDRA.parse_override(f"a={text}")


def test_an_interpolation_goes_through_unchanged() -> None:
    text = write("${oc.env:HOME}/x")
    assert HYDRA.parse_override(f"a={text}").value() == "${oc.env:HOME}/x"


@thorough
@given(st.text("0123456789._eE+-infaINFA", max_size=8))
def test_a_word_is_a_number_exactly_where_it_is_one_for_hydra(word: str) -> None:
    try:
        expected = HYDRA.parse_override(f"a={word}").value()
    except OverflowError:
        return
    assert same(scalar(word), expected)


@pytest.mark.parametrize("text", ["1,2", "choice(1,2)", "[choice(1,2)]", "[1", "foo(1)", "a'b"])
def test_what_is_not_one_value_is_a_grammar_error(text: str) -> None:
    with pytest.raises(GrammarError):
        read(text)


def test_only_plain_builtins_are_written() -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        write(object())


tag_like = st.dictionaries(
    st.sampled_from(["$float", "$map", "x"]), st.one_of(scalars, st.just("nan")), max_size=2
)


@settings(patient, max_examples=examples(300))
@given(st.one_of(values, st.recursive(tag_like, lambda inner: st.dictionaries(st.just("$map"), inner))))
def test_tagged_values_survive_strict_json(value: Any) -> None:
    assert same(untag(json.loads(json.dumps(tag(value), allow_nan=False))), value)


@patient
@given(texts)
def test_finite_values_are_tagged_as_themselves(text: str) -> None:
    assert tag({"a": [text, 1, 1.5, None, True]}) == {"a": [text, 1, 1.5, None, True]}
