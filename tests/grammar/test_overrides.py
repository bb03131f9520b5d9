"""A string of overrides and its words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.grammar.overrides import is_complete, split, words

from .strategies import characters, patient, values

names = st.sampled_from(["a", "b.c", "+d.e", "++f", "~g", "g@p.q", "h/i", "_x-1"])


@settings(patient, max_examples=examples(600))
@given(st.dictionaries(names, values, max_size=5))
def test_the_words_come_back_exactly(overrides: dict[str, Any]) -> None:
    sent = words(overrides)
    assert split(" ".join(sent)) == sent
    assert all(is_complete(word) for word in sent)


@patient
@given(st.text(characters, max_size=40))
def test_any_text_is_split_without_losing_a_character(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  a=1\n\tb=2 ", ["a=1", "b=2"]),
        ("a=[1, 2] b={x: 'p q', y: (1, 2)} c", ["a=[1, 2]", "b={x: 'p q', y: (1, 2)}", "c"]),
        ("a='x \\' y' b=1", ["a='x \\' y'", "b=1"]),
        ("a=x\\ y b=1", ["a=x\\ y", "b=1"]),
        ("a=it's b=that's c=1", ["a=it's", "b=that's", "c=1"]),
        ("a='open b=1", ["a='open", "b=1"]),
        ("a=[1 b=[2, 3]", ["a=[1", "b=[2, 3]"]),
        ("a=choice(1, 2) --cfg job", ["a=choice(1, 2)", "--cfg", "job"]),
        ("a=${x: y} b=1", ["a=${x: y}", "b=1"]),
        ("a=b\\", ["a=b\\"]),
    ],
)
def test_blanks_part_words_but_in_quotes_brackets_and_behind_a_backslash(
    text: str, expected: list[str]
) -> None:
    assert split(text) == expected
