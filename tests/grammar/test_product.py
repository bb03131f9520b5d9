"""Several overrides: the combinations and the order of Hydra 1.3's basic sweeper, and where we go further."""

from __future__ import annotations

import itertools
import string
from collections import Counter
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf.errors import OmegaConfBaseException

from examples import examples
from hyperherd.errors import GrammarError, HerdError
from hyperherd.grammar import product
from hyperherd.grammar.sweep_values import Choice, Range
from hyperherd.grammar.sweeps import expand_value, parse

from .strategies import overrides, patient, pieces
from .test_sweeps import HYDRA, goes_further

outcomes: Counter[str] = Counter()


@st.composite
def plain_overrides(draw: st.DrawFn) -> str:
    """Overrides that are mostly right, with few keys, so that they replace each other."""
    key = draw(st.sampled_from(["a", "+a", "++a", "b.c", "g@p", "g", "~d"]))
    values = ",".join(draw(st.lists(pieces, min_size=1, max_size=3)))
    sweep = draw(
        st.sampled_from(
            [values, values, "range(3)", "range(5,1,-2)", "choice(a,2)", "sort(3,1,2)", "1,,2", "[1"]
        )
    )
    return key if key == "~d" and draw(st.booleans()) else f"{key}={sweep}"


lines = st.one_of(
    st.lists(plain_overrides(), max_size=4), st.lists(st.one_of(plain_overrides(), overrides()), max_size=3)
)


def texts(words: list[str], **options: Any) -> list[str]:
    return [" ".join(one.text for one in row) for row in product.read(words, **options).combinations()]


def hydras(words: list[str]) -> list[list[str]] | None:
    """The runs of Hydra's sweeper, None where it refuses or has none."""
    try:
        parsed = HYDRA.parse_overrides(words)
        return list(itertools.chain.from_iterable(BasicSweeper.split_arguments(parsed, None))) or None
    except (HydraException, OmegaConfBaseException, RecursionError, ValueError, AssertionError):
        return None


def is_ours(word: str) -> bool:
    """Whether by contract we make something else of it than Hydra: nested sweeps, more characters, exact decimals,
    strings that stay strings, and errors for what is empty.
    """

    def differs(value: Any) -> bool:
        if isinstance(value, Choice):
            return value.shuffled or any(differs(part.value) for part in value.items)
        return isinstance(value, Range) and (
            value.shuffled or not value.count() or isinstance(value.step, float)
        )

    try:
        override = parse(word)
        quoted_in_call = "(" in word and bool({"'", '"'} & set(word))
        return (
            goes_further(word, override)
            or differs(override.item.value)
            or quoted_in_call
            or "shuffle" in word
            or ("range" in word and "." in word)
        )
    except GrammarError:
        return False
    except ValueError:  # a step of 0
        return True


def compare(words: list[str]) -> None:
    if any(map(is_ours, words)):
        outcomes["of our own"] += 1
        return
    theirs = hydras(words)
    outcomes["refused" if theirs is None else "accepted"] += 1
    try:
        read = product.read(words)
        ours = [[one.hydra for one in row] for row in read.combinations()]
    except HerdError:
        assert theirs is None
    else:
        assert ours == theirs
        assert read.count() == len(ours)


def compare_many(examples: int) -> None:
    """Made-up sweeps against Hydra; prints how many it accepts and refuses."""
    outcomes.clear()
    settings(patient, max_examples=examples)(given(lines)(compare))()
    print(dict(outcomes))


def test_the_combinations_are_those_of_hydras_basic_sweeper_in_its_order() -> None:
    compare_many(examples(600))
    assert min(outcomes["accepted"], outcomes["refused"]) > outcomes.total() / 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [""]),
        (["a=1"], ["a=1"]),
        (["a=1,2", "b=x,y"], ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]),
        (["a=1", "b=2", "a=3,4"], ["a=3 b=2", "a=4 b=2"]),
        (["a=1", "+a=2", "++a=3", "a@p=4"], ["a=1 +a=2 ++a=3 a@p=4"]),
        (["lr=1e-3, 0.10", "n='x y'", "~db"], ["lr=1e-3 n='x y' ~db", "lr=0.10 n='x y' ~db"]),
        (
            ["a=zip(1,2)", "c=x,y", "b=zip(range(3,5))"],
            ["a=1 c=x b=3", "a=1 c=y b=3", "a=2 c=x b=4", "a=2 c=y b=4"],
        ),
        (["c=x,y", "a=zip(1,2)", "b=zip(3,4)"], ["c=x a=1 b=3", "c=x a=2 b=4", "c=y a=1 b=3", "c=y a=2 b=4"]),
    ],
)
def test_each_value_is_as_it_was_typed_and_the_last_key_changes_fastest(
    words: list[str], expected: list[str]
) -> None:
    assert texts(words) == expected


@pytest.mark.parametrize(
    ("words", "position", "said"),
    [
        (["a=zip(1,2)", "b=zip(1)"], 2, "a has 2"),
        (["a=zip(1,2)", "b=1,2"], 2, "the only one"),
        (["a=choice(zip(1,2),3)", "b=zip(1,2)"], 9, "inside of another sweep"),
        (["a=1,__randseed(3)__"], 4, "stands alone"),
        (["a=[__randperm__]"], 3, "stands alone"),
        (["a=__randseed(0)__"], 2, "empty sweep"),
        (["a=1", "b=[1"], 4, "']' is missing"),
    ],
)
def test_a_refusal_points_at_the_fault(words: list[str], position: int, said: str) -> None:
    with pytest.raises(GrammarError) as caught:
        product.read(words)
    assert caught.value.position == position
    assert said in str(caught.value)


def test_all_words_at_fault_are_told_at_once() -> None:
    with pytest.raises(HerdError) as caught:
        product.read(["a=[1", "b=1", "c=,"])
    assert "a=[1\n" in str(caught.value)
    assert "c=,\n" in str(caught.value)


def test_a_key_given_again_keeps_the_last_and_says_what_is_not_used() -> None:
    found = product.read(["a=1,2", "b=1", "a=3", "+b=2", "a=4"])
    assert [one.text for one in next(found.combinations())] == ["a=4", "b=1", "+b=2"]
    assert found.notes() == [
        "a=1,2 is not used: a=4 comes later, and a key counts once",
        "a=3 is not used: a=4 comes later, and a key counts once",
    ]
    assert product.read(["a=1", "+a=1", "~b"]).notes() == []


def test_what_is_too_many_to_be_counted_is_refused() -> None:
    with pytest.raises(HerdError, match="combinations"):
        product.read([f"k{number}=range(1000000)" for number in range(800)]).count()


def test_a_count_lists_nothing() -> None:
    assert product.read([f"{key}=range(1000000)" for key in "abc"]).count() == 10**18
    rows = product.read(["a=range(1000)", *(f"{key}=range(1000)" for key in "bcd")]).combinations()
    assert " ".join(one.text for one in next(rows)) == "a=0 b=0 c=0 d=0"


@pytest.mark.parametrize("word", ["__randseed(5)__", "__randperm(5)__"])
def test_each_combination_of_the_other_keys_becomes_n_runs_with_a_seed_of_its_own(word: str) -> None:
    rows = list(product.read(["a=1,2", f"seed={word}", "b=x,y,z"]).combinations())
    seeds = [row[1].value for row in rows]
    assert len(rows) == len(set(seeds)) == 30
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert [row[1].text for row in rows] == [f"seed={seed}" for seed in seeds]
    assert Counter((row[0].text, row[2].text) for row in rows) == {
        (f"a={a}", f"b={b}"): 5 for a in "12" for b in "xyz"
    }


@pytest.mark.parametrize("word", ["__randseed__", "__randperm__", "__randseed(1)__"])
def test_without_a_number_it_is_one_run(word: str) -> None:
    assert len(texts(["a=1,2", f"seed={word}"])) == 2


def test_seeds_are_repeatable_with_a_seed_and_else_differ() -> None:
    words = ["s=__randseed(3)__", "a=shuffle(range(9))", "t=__randperm__"]
    assert texts(words, seed=1) == texts(words, seed=1) != texts(words, seed=2)
    assert texts(words) != texts(words)
    rows = product.read(words, seed=1).combinations()
    assert len({row[place].value for row in rows for place in (0, 2)}) == 54


def test_more_random_seeds_than_there_are_is_an_error() -> None:
    with pytest.raises(HerdError, match="random seeds"):
        product.read(["a=range(1000000)", "s=__randseed(9999)__"]).combinations()


def test_a_zip_alone_in_a_text_is_refused() -> None:
    with pytest.raises(GrammarError, match="zip"):
        expand_value("zip(1,2)")


@pytest.mark.parametrize(
    "character", [*string.ascii_letters[:1], *string.digits[:1], *string.punctuation, "é", "日"]
)
def test_what_hydra_reads_in_quotes_only_is_told(character: str) -> None:
    word = f"note=x{character}y"
    try:
        told = product.read([word]).notes()
    except HerdError:
        return
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        assert told == [f"a Hydra program reads {character} in quotes only, as in note='...': {word}"]
    else:
        assert told == []
    assert product.read([f"note='x{character}y'"]).notes() == []
