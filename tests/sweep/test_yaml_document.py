"""YAML text -> plain values with lines: what the core schema says, and every fault with its place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperherd.config import document
from hyperherd.errors import ConfigError


def read(text: str) -> document.Document:
    return document.read(text, file="f.yaml")


def value(text: str) -> Any:
    return read(text).value


def faults(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        read(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-1E+5", -1e5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.0", 1.0),
        ("1", 1),
        ("-0", 0),
        ("0x1f", 31),
        ("0o17", 15),
        ("17", 17),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("04:00:00", "04:00:00"),
        ("1_000", "1_000"),
        ("1e", "1e"),
        ("0b1", "0b1"),
        ("'1'", "1"),
        ('"null"', "null"),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
        ("!!int 3", 3),
        ("-.inf", -math.inf),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found: Any = read(f"key: {text}").value
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(value("a: .nan")["a"])


def test_each_value_has_its_line() -> None:
    source = read("a:\n  b:\n    - 1\n    - 2\nc: {d: 3}\n")
    assert source.where(("a", "b", 1)) == "f.yaml:4: a.b[1]"
    assert source.where(("c", "d")) == "f.yaml:5: c.d"
    assert source.where(("a", "missing", "deep")) == "f.yaml:1: a.missing.deep"


def test_anchors_and_merge_keys_are_followed_and_own_keys_win() -> None:
    found = value(
        "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\nboth:\n  <<: [*b, {x: 9, z: 4}]\n"
    )
    assert found["use"] == {"x": 1, "y": 3}
    assert found["list"] == [{"x": 1, "y": 2}]
    assert found["both"] == {"x": 1, "y": 2, "z": 4}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "name: x\na: b: c\n",
            "f.yaml:2: not YAML: mapping values are not allowed here, at column 5:\n"
            "    a: b: c\n"
            "        ^\n"
            "    a text that holds ': ' needs quotes; or the indentation is off",
        ),
        (
            "a:\n\tb: 1\n",
            "f.yaml:2: not YAML: found character '\\t' that cannot start any token, at column 1:\n"
            "     b: 1\n"
            "    ^\n"
            "    YAML is indented with blanks, not with tabs",
        ),
        (
            "a: [1,\n  2\nb: 3\n",
            "f.yaml:3: not YAML: expected ',' or ']', but got ':' "
            "(while parsing a flow sequence that begins on line 1), at column 2:\n"
            "    b: 3\n"
            "     ^",
        ),
        (
            "a: 1\nb: 'open\n",
            "f.yaml:3: not YAML: found unexpected end of stream "
            "(while scanning a quoted scalar that begins on line 2), at column 1:\n"
            "    b: 'open\n"
            "    ^",
        ),
        ("a: 1\na: 2\n", "f.yaml:2: a: given twice (first on line 1)"),
        ("a: *x\n", "f.yaml:1: a: no &x before this"),
        ("a: &x [*x]\n", "f.yaml:1: a[0]: *x stands within what it names"),
        ("a: !thing 1\n", "f.yaml:1: a: '1' cannot be read as !thing"),
        ("a: !!set {b}\n", "f.yaml:1: a: the tag !!set is not known here\n    remove it"),
        ("a: !!int x\n", "f.yaml:1: a: 'x' cannot be read as !!int"),
        ("1: x\n", 'f.yaml:1: the key 1 is not text\n    put it in quotes: "1"'),
        ("? [a, b]\n: x\n", "f.yaml:1: the key ... is not text"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins here\n    remove the line '---'"),
        (
            "a: 1e999\n",
            'f.yaml:1: a: 1e999 is too large for a float\n    for text: "1e999"; for infinity: .inf',
        ),
        (
            "a: x\nb: \x07\n",
            "f.yaml:2: the character '\\x07' is not allowed in YAML\n"
            '    write it in double quotes as an escape, such as "\\x07"',
        ),
        ("a:\n  <<: 3\n", "f.yaml:2: a.<<: '<<' takes a mapping, or a list of mappings"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    assert faults(text) == told


def test_all_faults_beyond_syntax_are_told_at_once() -> None:
    told = faults("a: 1\na: 2\nb: *x\n3: y\nb: 4\n").splitlines()
    assert [line for line in told if line.startswith("f.yaml")] == [
        "f.yaml:2: a: given twice (first on line 1)",
        "f.yaml:3: b: no &x before this",
        "f.yaml:4: the key 3 is not text",
        "f.yaml:5: b: given twice (first on line 3)",
    ]


def test_a_few_lines_that_describe_billions_of_values_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "more than 1,000,000 values, those of aliases included" in faults("\n".join(lines))


@pytest.mark.parametrize("text", ["a: " + "[" * 400, "a: " + "[" * 400 + "]" * 400, "- " * 400 + "1"])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    assert "nested more than 100 deep" in faults(text)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab1:-[]{}#&*!|>'\"%@`,? \n\t.~<"), max_size=60))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        read(text)
    except ConfigError as error:
        assert all(fault.where.startswith("f.yaml:") for fault in error.faults)


# No program's argument can hold a zero byte, so no value may: that is a fault of its own.
texts = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_values)
def test_json_is_read_with_its_types(value: object) -> None:
    found = read("v: " + json.dumps(value)).value
    assert json.dumps(found) == json.dumps({"v": value})
