"""``${...}`` means what it means to OmegaConf, and what does not resolve says where it stands."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperherd.launcherfinder import interpolation
from hyperherd.launcherfinder.interpolation import InterpolationError

from .described import patient

SET = {"HH_SET": "v 1", "HH_NUMBER": "12", "HH_NAME": "HH_SET"}

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 10**6),
    st.sampled_from([0.5, 1e-3, 1e30, -2.0]),
    st.sampled_from(["", "plain", "1", "true", "a b", "gpu:a100:4", "$x {y}", "c:\\d", "a}"]),
)
ENVIRONMENT = [
    "${oc.env:HH_SET}",
    "${oc.env:HH_NUMBER}",
    "${oc.env:HH_UNSET}",
    "${oc.env:HH_UNSET,plain}",
    "${oc.env:HH_UNSET,10}",
    "${oc.env:HH_UNSET,null}",
    "${oc.env:HH_UNSET,true}",
    "${oc.env:HH_UNSET, two words }",
    "${oc.env:HH_UNSET,'a, b'}",
    "${oc.env:${oc.env:HH_NAME}}",
    "${oc.env:HH_UNSET,${oc.env:HH_UNSET,deep}}",
    "${oc.env:HH_UNSET,/scratch/${oc.env:HH_NUMBER}}",
    "${oc.env:HH_SET,${oc.env:HH_UNSET}}",
]
KEYS = [
    *("${a}", "${b}", "${c}", "${c.d}", "${c.e}", "${c.f}", "${.a}", "${.b}", "${.d}", "${.e}", "${..a}"),
    *(
        "${..b}",
        "${..c.d}",
        "${...a}",
        "${nothing}",
        "${.nothing}",
        "${c.nothing}",
        "${a.d}",
        "${ b }",
        "${l.0}",
    ),
    *(
        "${oc.select:a}",
        "${oc.select:c.d,4}",
        "${oc.select:nothing}",
        "${oc.select:nothing,4}",
        "${oc.select:.d,x}",
    ),
    *("${l}", "${oc.select:c}", "${oc.select:c.d,${c}}", "${oc.env:HH_SET,${nothing}}"),
    *("${oc.select:nothing,${a}}", "${oc.select:nothing,'${a}, b'}", "${oc.env:HH_UNSET,${b}}", "${c.${k}}"),
]
texts = st.lists(
    st.sampled_from([*ENVIRONMENT, *KEYS, *KEYS, "\\${a}", "\\\\${b}", "x", " / ", ":", "\\", "}"]),
    min_size=1,
    max_size=3,
).map("".join)
entries = st.one_of(values, texts)
documents = st.fixed_dictionaries(
    {
        "a": entries,
        "b": entries,
        "c": st.fixed_dictionaries({"d": entries, "e": entries, "f": entries}),
        "k": st.sampled_from(["d", "e", "${oc.env:HH_UNSET,f}", "missing"]),
        "l": st.lists(
            st.one_of(values, st.sampled_from(["${a}", "${.0}", "${..b}", "${c.d}"])), min_size=1, max_size=2
        ),
    }
)


@pytest.fixture(autouse=True, scope="module")
def environment() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SET.items():
            patch.setenv(name, value)
        yield


def theirs(document: Any) -> Any:
    """OmegaConf's answer; the class for a refusal."""
    try:
        return OmegaConf.to_container(OmegaConf.create(document), resolve=True)
    except (OmegaConfBaseException, RecursionError):
        return InterpolationError


def ours(document: Any) -> Any:
    try:
        return interpolation.resolve(document, SET)
    except InterpolationError:
        return InterpolationError


def typed(value: Any) -> Any:
    """``True`` is not ``1``."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, list) else (type(value), value)


@patient
@given(documents)
def test_every_document_becomes_what_omegaconf_makes_of_it(document: Any) -> None:
    kept = copy.deepcopy(document)
    assert typed(ours(document)) == typed(theirs(document))
    assert document == kept


@pytest.mark.parametrize("text", ["x${c}", "${oc.env:HH_SET}${c}", "${c} x", "${a} x", "${c}"])
def test_a_text_that_would_hold_what_it_stands_in_is_refused_as_omegaconf_does(text: str) -> None:
    document = {"a": "${c}", "b": 1, "c": {"d": 1, "f": text}}
    assert theirs(document) is InterpolationError
    with pytest.raises(InterpolationError, match=r"itself|stands in"):
        interpolation.resolve(document, SET)


@pytest.mark.parametrize(
    "text", [*ENVIRONMENT, *KEYS, r"\${a}", r"\\${b}", r"\\\${b}", r"\d\${b}", "$a {b}", "${a}-${b}"]
)
def test_each_form_alone_becomes_what_omegaconf_makes_of_it(text: str) -> None:
    document = {"a": 2, "b": "word", "c": {"d": True, "e": None, "f": text}, "k": "d", "l": [1]}
    assert typed(ours(document)) == typed(theirs(document))


def test_a_lone_interpolation_keeps_the_type_and_takes_whole_mappings() -> None:
    document = {"n": 2, "b": True, "m": {"x": "${n}", "y": [1]}, "copies": ["${n}", "${b}", "${m}", "${n}.0"]}
    assert interpolation.resolve(document, {})["copies"] == [2, True, {"x": 2, "y": [1]}, "2.0"]


def test_what_a_variable_holds_is_never_resolved_again() -> None:
    assert interpolation.resolve({"a": "${oc.env:X}"}, {"X": "${b}"}) == {"a": "${b}"}


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"a": "${b}", "b": "${a}"}, ("a",), "a -> b -> a"),
        ({"a": "${a}"}, ("a",), "a -> a"),
        ({"a": "${oc.select:a,1}"}, ("a",), "a -> a"),
        ({"a": {"b": "${a}"}}, ("a", "b"), "a.b -> a.b"),
        ({"a": [1, "x${nope}"]}, ("a", 1), "'${nope}' names nothing"),
        ({"a": "${gpu_typ}", "gpu_type": 1}, ("a",), "did you mean 'gpu_type'?"),
        ({"a": "${..b}", "b": 1}, ("a",), "leads out of the file"),
        ({"a": "x ${b", "b": 1}, ("a",), "'${b' is not closed"),
        ({"a": "${}"}, ("a",), "'${}' names nothing"),
        ({"a": "${oc.env:HH_NOBODY}"}, ("a",), "export HH_NOBODY=..."),
        ({"a": "${oc.evn:X}"}, ("a",), "did you mean 'oc.env'?"),
        ({"a": "${now:%Y}"}, ("a",), "no resolver 'now'"),
        ({"a": "${oc.env:X,1,2}"}, ("a",), "takes a name and a default, not 3"),
        ({"a": "${b}", "b": "???"}, ("a",), "'${b}' names what has no value yet (???)"),
        ({"a": "${b.c}", "b": None}, ("a",), "'${b.c}' names nothing"),
    ],
)
def test_what_leads_nowhere_says_where_it_stands(document: Any, path: Any, words: str) -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolation.resolve(document, {})
    assert caught.value.path == path
    assert words in str(caught.value)


def test_a_key_that_was_selected_in_vain_is_not_taken_for_a_circle() -> None:
    document = {"a": "${oc.select:b,1}", "b": "${nope}"}
    with pytest.raises(InterpolationError, match="names nothing"):
        interpolation.resolve(document, {})
    assert interpolation.resolve({"a": "${oc.select:b,1}", "b": "${oc.select:nope,2}"}, {}) == {
        "a": 2,
        "b": 2,
    }


def test_a_chain_without_end_is_refused() -> None:
    with pytest.raises(InterpolationError, match="too many times"):
        interpolation.resolve({f"k{n}": f"${{k{n + 1}}}" for n in range(2000)}, {})


@patient
@given(st.text(alphabet="${}.:,'\"\\ abc1", max_size=12))
def test_any_text_resolves_or_is_refused_in_words(text: str) -> None:
    document = {"t": text, "a": 1, "b": {"c": "x"}}
    try:
        interpolation.resolve(document, {})
    except InterpolationError as error:
        assert error.what
