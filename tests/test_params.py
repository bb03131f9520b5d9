"""What a trainer was told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hyperherd
from examples import examples
from hyperherd.attempts.variables import PARAMS
from hyperherd.grammar.overrides import words
from hyperherd.grammar.values import tag
from hyperherd.runtime.params import parse_overrides

SOURCES = str(Path(hyperherd.__file__).parents[1])

odd = st.one_of(st.sampled_from(" '\"\\$%{}[](),:=~#\n\té1.e-"), st.characters(exclude_categories=["Cs"]))
texts = st.one_of(st.text(odd, max_size=10), st.sampled_from(["", "1", "1.0", "true", "null", "a b", "it's"]))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
params = st.dictionaries(st.sampled_from(["lr", "model.depth", "+a.b", "x"]), values, max_size=4)
patient = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the trainer was called with, and what herd exported; nothing by default."""
    monkeypatch.delenv(PARAMS, raising=False)

    def called(*arguments: str, params: dict[str, Any] | str | None = None) -> None:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        if params is not None:
            text = params if isinstance(params, str) else json.dumps(tag(params), allow_nan=False)
            monkeypatch.setenv(PARAMS, text)

    return called


@settings(patient, max_examples=examples(200))
@given(params, st.booleans())
def test_what_was_sent_arrives_as_one_argument_and_as_words(
    command_line: Any, sent: dict[str, Any], exported: bool
) -> None:
    for arguments in ([" ".join(words(sent))], words(sent)):
        command_line(*arguments, params=sent if exported else "{}")
        assert repr(sorted(parse_overrides().items())) == repr(sorted(sent.items()))


def test_words_that_a_shell_cut_at_blanks_are_joined_again(command_line: Any) -> None:
    command_line("a=1", "b='x", "y'", "c=[1,", "2]", "d='z'")
    assert parse_overrides() == {"a": 1, "b": "x y", "c": [1, 2], "d": "z"}


def test_a_quote_that_is_never_closed_spoils_no_other_word(command_line: Any) -> None:
    command_line("a=1", "b='x", "c=2")
    assert parse_overrides() == {"a": 1, "b": "'x", "c": 2}


def test_a_value_has_the_type_that_hydra_gives_it() -> None:
    text = "a=1 b=1.0 c=1e-3 d=true e=null f=adam g='1' h=[1,'2',x] i={k: 1} j= k=-inf l=007"
    assert parse_overrides(text) == {
        "a": 1, "b": 1.0, "c": 0.001, "d": True, "e": None, "f": "adam", "g": "1", "h": [1, "2", "x"],
        "i": {"k": 1}, "j": "", "k": float("-inf"), "l": "007",
    }  # fmt: skip


def test_names_are_kept_as_written_and_the_last_of_a_name_wins() -> None:
    assert parse_overrides("+model.depth=1 db@x=y a=1 a=2") == {"+model.depth": 1, "db@x": "y", "a": 2}


def test_options_and_words_without_an_equals_sign_are_skipped(command_line: Any) -> None:
    assert parse_overrides("a=1 --cfg job --opt=x =5") == {"a": 1}
    command_line("out", "a=1 b=2", "--verbose")
    assert parse_overrides() == {"a": 1, "b": 2}
    command_line()
    assert parse_overrides() == {}


def test_the_text_decides_where_the_launch_script_changed_a_value(command_line: Any) -> None:
    command_line("lr=0.5 n=3", params={"lr": 0.1, "n": 3, "unsent": 1})
    assert parse_overrides() == {"lr": 0.5, "n": 3}


@pytest.mark.parametrize("exported", ["", "not json", "[1]", "3", '{"a": {"$float": 1}}'])
def test_an_export_that_is_not_ours_is_ignored(command_line: Any, exported: str) -> None:
    command_line("a=1", params=exported)
    assert parse_overrides() == {"a": 1}


def test_a_value_that_cannot_be_read_is_its_plain_text() -> None:
    text = "a=1,2 b=f(x) c=x'y d=p=q e=a<b g=[1"
    assert parse_overrides(text) == {"a": "1,2", "b": "f(x)", "c": "x'y", "d": "p=q", "e": "a<b", "g": "[1"}


@patient
@given(st.text(odd, max_size=40))
def test_odd_input_never_raises(text: str) -> None:
    parse_overrides(text)


def test_very_long_numbers_and_deep_nesting_never_raise() -> None:
    parsed = parse_overrides(f"a={'1' * 5000} b={'[' * 5000} c={'[' * 5000 + ']' * 5000}")
    assert parsed["a"] == "1" * 5000


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); from hyperherd import parse_overrides;"
        "print(*sorted(set(sys.modules) - before))"
    )
    program = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {SOURCES!r}); {code}"]
    loaded = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()
    assert not {"re", "json", "dataclasses", "enum", "typing", "inspect", "difflib"} & set(loaded)


def test_a_shell_hands_the_words_over_unchanged() -> None:
    sent = {"a": "x  y", "b": "q\"'", "c": "$HOME `id` *", "d": "two\nlines", "e": ["1", 1, 1.0], "f": "é"}
    argv = " ".join(shlex.quote(word) for word in words(sent))
    code = (
        f"import sys; sys.path.insert(0, {SOURCES!r});"
        "from hyperherd import parse_overrides; print(ascii(parse_overrides()))"
    )
    script = f'eval "set -- $HYPERHERD_ARGV"; {shlex.quote(sys.executable)} -I -c {shlex.quote(code)} "$@"'
    answer = subprocess.run(
        ["bash", "-c", script], env={"HYPERHERD_ARGV": argv}, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == ascii(sent)
