"""The grammar of Hydra 1.3: what it accepts, what it means, and where we go further."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser import types as hydra_types
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.errors import GrammarError
from hyperherd.grammar.sweep_values import SWEEPS, Choice, Glob, Interval, Range, plain, spell
from hyperherd.grammar.sweeps import MOST_VALUES, Override, expand_value, parse

from .strategies import characters, elements, overrides, patient

HYDRA = OverridesParser.create()
CASES = json.loads((Path(__file__).parent / "hydra_grammar.json").read_text())["cases"]

OURS = {
    "a=range(0,1,0.1)": [f"a=0.{digit}" for digit in range(10)],
    "a=range(1,3),range(5,7)": ["a=1", "a=2", "a=5", "a=6"],
    "a=choice(choice(1,2),3)": ["a=1", "a=2", "a=3"],
    "a=choice(1,range(2))": ["a=1", "a=0", "a=1"],
    "a=1,choice(2)": ["a=1", "a=2"],
    "a=~/x": ["a=~/x"],
    "a=x&y": ["a=x&y"],
    "a=é": ["a=é"],
    "a=日本": ["a=日本"],
    "a=~": ["a=~"],
    "a=range(5,1)": None,
    "a=range(3,1,0.5)": None,
}
"""Where we go further than Hydra, by contract; None is an error."""


def expanded(override: Override) -> list[str]:
    return [f"{override.name}={spell(choice.value)}" for choice in override.choices()]


def wanted(case: dict[str, Any]) -> list[str] | None:
    if case["input"] in OURS:
        return OURS[case["input"]]
    return case.get("basic_sweep")


@pytest.mark.parametrize("case", CASES, ids=[case["input"] for case in CASES])
def test_each_recorded_input_expands_as_in_hydra_or_as_the_contract_says(case: dict[str, Any]) -> None:
    expected = wanted(case)
    if expected is None:
        with pytest.raises(GrammarError):
            expanded(parse(case["input"]))
        return
    found = expanded(parse(case["input"]))
    if "note" in case and case["value_type"] == "ELEMENT":
        assert sorted(found[0]) == sorted(expected[0])
    elif "note" in case:
        assert sorted(found) == sorted(expected)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.get("error")], ids=lambda case: case["input"]
)
def test_each_recorded_input_has_hydras_key_and_package(case: dict[str, Any]) -> None:
    override = parse(case["input"])
    prefixes = {"CHANGE": "", "ADD": "+", "FORCE_ADD": "++", "DEL": "~"}
    assert override.prefix == prefixes[case["type"]]
    assert (override.key, override.package) == (case["key"], case["package"])
    assert override.is_sweep == (case["value_type"] not in (None, "ELEMENT"))


def neutral(value: Any) -> Any:
    """Values of both sides in one form, by which they can be compared."""
    if isinstance(value, hydra_types.ChoiceSweep):
        return "choice", [neutral(part) for part in value.list], value.shuffle
    if isinstance(value, Choice):
        return "choice", [neutral(part.value) for part in value.items], value.shuffled
    if isinstance(value, (hydra_types.RangeSweep, Range)):
        shuffled = value.shuffle if isinstance(value, hydra_types.RangeSweep) else value.shuffled
        return "range", repr(value.start), repr(value.stop), repr(value.step), shuffled
    if isinstance(value, (hydra_types.IntervalSweep, Interval)):
        return "interval", repr(value.start), repr(value.end), sorted(value.tags)
    if isinstance(value, (hydra_types.Glob, Glob)):
        return ("glob",)
    if isinstance(value, hydra_types.QuotedString):
        return neutral(value.text)
    if isinstance(value, list):
        return [neutral(part) for part in value]
    if isinstance(value, dict):
        return {repr(key): neutral(part) for key, part in value.items()}
    return repr(plain(value))


def goes_further(text: str, override: Override) -> bool:
    """Whether Hydra may refuse by contract what we accept: nested sweeps, and more characters unquoted."""

    def nests(value: Any) -> bool:
        if isinstance(value, Choice):
            return any(isinstance(part.value, SWEEPS) or nests(part.value) for part in value.items)
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return any(map(nests, parts))

    return nests(override.item.value) or any(
        character in ";#&~" or character > "\x7f" for character in text[1:]
    )


outcomes: Counter[str] = Counter()


@settings(patient, max_examples=examples(500))
@given(overrides())
def compare_with_hydra(text: str) -> None:
    try:
        theirs = HYDRA.parse_override(text)
    except (HydraException, RecursionError):
        theirs = None
    outcomes["refused" if theirs is None else "accepted"] += 1
    if theirs is None:
        try:
            ours = parse(text)
        except GrammarError:
            return
        assert goes_further(text, ours), f"Hydra refuses {text!r}"
        return
    ours = parse(text)
    if "shuffle" not in text:
        assert neutral(ours.item.value) == neutral(theirs._value)
    assert ours.name == theirs.get_key_element()


def test_what_hydra_accepts_means_the_same_here_and_what_it_refuses_is_refused() -> None:
    outcomes.clear()
    compare_with_hydra()
    print(dict(outcomes))
    assert min(outcomes["accepted"], outcomes["refused"]) > outcomes.total() / 5


@patient
@given(st.one_of(overrides(), st.text(characters, max_size=30), elements.map("a={}".format)))
def test_any_text_is_read_or_refused_with_a_caret_inside_it(text: str) -> None:
    try:
        parse(text).choices()
    except GrammarError as error:
        assert 0 <= error.position <= len(text)
        assert error.reason and "\n" not in error.reason


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a=[1,2", 6, "',' or ']' is missing at the end"),
        ("a=chioce(1,2)", 2, "did you mean 'choice'?"),
        ("a=f(x)", 2, "put into quotes"),
        ("a=1,", 4, "a value is missing at the end"),
        ("a=1,,2", 4, "a value is missing before ','"),
        ("a=1,", 4, "the empty string is ''"),
        ("a=1,,2", 4, "the empty string is ''"),
        ("a=,1", 2, "a value is missing before ','"),
        ("a=choice(1,)", 11, "a value is missing before ')'"),
        ("a=]", 2, "']' closes nothing"),
        ("a=[1]]", 5, "']' closes nothing"),
        ("a=[1]x", 5, "'x' stands behind a value that is complete"),
        ("a='x'y", 5, "'y' stands behind a value that is complete"),
        ("a=x'y'", 3, "quotes must be around the whole value"),
        ("a=['x' 'y']", 6, "',' or ']' is missing"),
        ("a={b}", 4, "':' is missing before '}'"),
        ("a={[1]:2}", 3, "a key cannot begin with '['"),
        ("a=(1)", 2, "a value cannot begin with '('"),
        ("a=b=c", 3, "'=' must be quoted"),
        ("a=b=c", 3, "in a shell: \"a='b=c'\""),
        ("a=x y(1)", 5, "'(' must be quoted"),
        ("a=__randseed(3)__,1", 2, "__randseed(3)__ is only a part of this value"),
        ("a=log(0.1,0.2)", 2, "write the values: 1e-4,1e-3,1e-2"),
        ("a=loguniform(0.1,0.2)", 2, "write the values: 1e-4,1e-3,1e-2"),
        ("a=linspace(0,1,5)", 2, "range(start,stop,step)"),
        ("a=randint(0,5)", 2, "__randseed(3)__"),
        ("a=list(1,2)", 2, "choice(a,b,c)"),
        ("a=foo(1,2)", 2, "the functions are choice, "),
        ("a b=1", 1, "cannot stand in a name"),
        ("a='x", 2, "never closed"),
        ("a=x<y", 3, "quotes"),
        ("a=range(a)", 2, "range(start,stop,step)"),
        ("a=range(5,1)", 2, "empty sweep"),
        ("a=1,interval(0,1)", 4, "cannot be listed"),
        ("a=glob(*)", 2, "cannot be listed"),
        ("a=range(1e12)", 2, str(MOST_VALUES)),
        ("a=range(0,inf)", 2, "cannot have inf"),
        ("a=range(1,2,0)", 2, "zero"),
        ("a=range(1.5,2,0)", 2, "zero"),
        ("a={x:choice(1,2)}", 2, "inside of a list or map"),
        ("a", 1, "name=value"),
        ("a=" + "[" * 200, 102, "too deeply"),
        ("a=" + "int(" * 200, 402, "too deeply"),
    ],
)
def test_a_refusal_points_at_the_fault_and_says_what_would_work(text: str, position: int, words: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse(text).choices()
    assert caught.value.position == position
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("range(0,5)", [0, 1, 2, 3, 4]),
        (" range(0, 1, 0.1)", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ("range(0.3,0,-0.1)", [0.3, 0.2, 0.1]),
        ("a,b,c", ["a", "b", "c"]),
        ("choice('1','2')", ["1", "2"]),
        ("1,1.0,'1',true,null", [1, 1.0, "1", True, None]),
        ("choice([1,2],{a: 'b'})", [[1, 2], {"a": "b"}]),
        ("choice(1,choice(2,range(3,5)))", [1, 2, 3, 4]),
        ("sort(3,1,2,reverse=true)", [3, 2, 1]),
        ("float(range(1,4))", [1.0, 2.0, 3.0]),
        ("str(1,2)", ["1", "2"]),
        ("adam", ["adam"]),
        ("été", ["été"]),
    ],
)
def test_a_sweep_in_a_string_is_a_list_of_values(text: str, values: list[Any]) -> None:
    found = expand_value(text)
    assert repr(found) == repr(values)
    assert all(type(value) in (int, float, str, bool, list, dict, type(None)) for value in found)


def test_a_shuffle_has_all_values_and_the_same_order_for_the_same_seed() -> None:
    found = expand_value("shuffle(range(20))", seed=1)
    assert sorted(found) == list(range(20))
    assert found == expand_value("shuffle(range(20))", seed=1)
    assert found != expand_value("shuffle(range(20))", seed=2)
    assert expand_value("shuffle([1,2,3,4,5,6])", seed=3) == expand_value("shuffle([1,2,3,4,5,6])", seed=3)


def test_each_value_keeps_its_source_and_a_computed_one_is_written_anew() -> None:
    written = [
        choice.text for choice in parse("a=1e-3, 'x y' ,[1, 2],hello world,int(2.5),[float(1)]").choices()
    ]
    assert written == ["1e-3", "'x y'", "[1, 2]", "hello world", "2", "[1.0]"]


@patient
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 40), st.integers(0, 3))
def test_a_decimal_range_has_the_values_that_one_counts_by_hand(
    start: int, stop: int, step: int, digits: int
) -> None:
    scale = 10**digits
    expected = [float(f"{count}e-{digits}") for count in range(start, stop, step)]
    assume(expected)
    text = f"range({start / scale!r},{stop / scale!r},{step / scale!r})"
    assert expand_value(text) == expected
