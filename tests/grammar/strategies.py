"""What the grammar's tests are fed with: values, and texts made by the grammar and then damaged."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hyperherd.grammar.scalars import scalar

patient = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
"""For a busy machine: no examples are refused for taking long, and none are kept on disk."""

ODD = "abtrueflsnin01.eE+-_ '\"\\$%{}[](),:=~#;&*?/|@!<>^`\n\té日"
characters = st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"]))
odd_words = [
    "",
    "true",
    "null",
    "1",
    "1e3",
    "NaN",
    "-inf",
    "007",
    "1_0",
    "???",
    "${a}",
    "a b",
    "1.",
    "\\'",
    "'",
]
texts = st.one_of(st.text(characters, max_size=12), st.sampled_from(odd_words))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)

key_characters = "abte01.- _:=[]{}(),\\\t/$@|?*%+"
hydra_keys = st.text(key_characters, min_size=1, max_size=6).filter(lambda key: isinstance(scalar(key), str))


def nested(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Scalars, and lists and maps of them."""
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=8,
    )


hydra_values = nested(hydra_keys)
values = nested(texts)

pieces = st.sampled_from(
    ["1", "-2", "3.5", "1e-3", "007", "a", "b-c", "true", "null", "x y", "'q'", '"it\'s"', "''", "a:b", "/p/x", "${x}",
     "\\,", "\\ ", "nan", "[]", "{}", "inf", "B", "\\\\", "'a\\'b'"]
)  # fmt: skip
calls = st.sampled_from(
    ["choice", "range", "sort", "shuffle", "int", "float", "str", "bool", "tag", "interval", "glob", "foo"]
)
named = ["start=", "stop=", "step=", "reverse=", "sweep=", "list=", "value="]
argument_names = st.sampled_from(["", "", "", "", *named])
separators = st.sampled_from([",", ",", ", ", " , "])


@st.composite
def _containers(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(inner, max_size=4))
    between = draw(separators)
    shape = draw(st.sampled_from(["list", "map", "call", "call"]))
    if shape == "list":
        return "[" + between.join(parts) + "]"
    if shape == "map":
        keys = draw(st.permutations(["k", "a b", "1", "x/y"]))
        return "{" + between.join(f"{key}:{part}" for key, part in zip(keys, parts, strict=False)) + "}"
    return draw(calls) + "(" + between.join(draw(argument_names) + part for part in parts) + ")"


numbers = st.sampled_from(["0", "1", "2", "5", "-3", "0.5", "2.0", "1e1"])
ranges = st.lists(numbers, min_size=1, max_size=3).map(lambda parts: f"range({','.join(parts)})")
elements = st.recursive(st.one_of(pieces, ranges), _containers, max_leaves=5)
keys = st.sampled_from(
    ["a", "a", "a.b", "+a", "++a.b", "~a", "g@p", "g/h", "g/h@p.q", "a.0", "$a", "a-b", "1a", "a/b.c"]
)


@st.composite
def overrides(draw: st.DrawFn) -> str:
    """An override by the grammar; a third of them with one character put in, taken out or changed."""
    text: str = draw(keys) + "=" + draw(separators).join(draw(st.lists(elements, max_size=3)))
    if draw(st.integers(0, 2)):
        return text
    position = draw(st.integers(0, len(text) - 1))
    put: str = draw(st.sampled_from(["", *ODD]))
    return text[:position] + put + text[position + draw(st.integers(0, 1)) :]
