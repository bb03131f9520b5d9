"""Files laid over files: what wins, what adds up, and that a fault is told where its value was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.config import document
from hyperherd.errors import ConfigError, HerdError
from hyperherd.launcherfinder import layers
from hyperherd.launcherfinder.layers import Layered

from .described import patient, told, write

names = st.sampled_from(["a", "b", "tags", "slurm"])
leaves = st.one_of(st.none(), st.integers(0, 9), st.lists(st.sampled_from("xyz"), max_size=2, unique=True))
mappings = st.recursive(
    st.dictionaries(names, leaves, max_size=3),
    lambda inner: st.dictionaries(names, st.one_of(leaves, inner), max_size=3),
)


def layer(text: str, file: str = "top.yaml") -> Layered:
    return Layered.of(document.read(text, file=file))


def chain(files: dict[str, str], name: str) -> Layered:
    return layers.inherited(name, lambda wanted: layer(files[wanted], f"{wanted}.yaml"))


def expected(over: Any, base: Any) -> dict[str, Any]:
    """What a reader of the rules works out."""
    made = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            made[key] = expected(over[key], base[key])
        elif key == "tags" and isinstance(base[key], list) and isinstance(over[key], list):
            made[key] = base[key] + [one for one in over[key] if one not in base[key]]
    return made


@patient
@given(mappings, mappings)
def test_mappings_are_merged_key_by_key_and_anything_else_is_replaced(over: Any, base: Any) -> None:
    assert Layered(over).over(Layered(base)).values == expected(over, base)


def test_a_chain_of_bases_is_laid_from_the_bottom_up() -> None:
    files = {"c": "x: 1\ny: 1\nz: 1", "b": "base: c\ny: 2\nz: 2", "a": "base: b\nz: 3"}
    assert chain(files, "a").values == {"x": 1, "y": 2, "z": 3}


def test_what_is_interpolated_is_what_the_last_layer_says() -> None:
    files = {"base": "gpus: 1\ngres: gpu:${.type}:${.gpus}\ntype: a40", "a": "base: base\ngpus: 4"}
    assert chain(files, "a").resolved().values["gres"] == "gpu:a40:4"


def test_null_takes_a_value_away_and_tags_add_up_without_twins() -> None:
    files = {
        "base": "gres: gpu:1\ntags: [slow, old]\nhooks: [1]",
        "a": "base: base\ngres: null\ntags: [old, new]\nhooks: [2]",
    }
    assert chain(files, "a").values == {"gres": None, "tags": ["slow", "old", "new"], "hooks": [2]}


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a": "base: a"}, "a -> a"),
        ({"a": "base: b", "b": "base: c", "c": "base: b"}, "b -> c -> b"),
        ({"a": "base: b", "b": "base: a"}, "a -> b -> a"),
    ],
)
def test_a_circle_of_bases_is_shown_whole(files: dict[str, str], circle: str) -> None:
    with pytest.raises(ConfigError, match=f"goes in a circle: {circle}"):
        chain(files, "a")


def test_a_base_that_is_not_there_is_told_at_the_line_that_names_it() -> None:
    def find(name: str) -> Layered:
        if name == "a":
            return layer("x: 1\nbase: b", "a.yaml")
        raise HerdError(f"no such thing as {name}")

    with told("a.yaml:2: base: no such thing as b"):
        layers.inherited("a", find)


def test_faults_are_told_where_the_value_was_written() -> None:
    files = {"base": "\n\nmem: ${nope}\ninner:\n  x: 1", "a": "other: 1\nbase: base\ninner: {y: 2}"}
    made = chain(files, "a")
    assert made.fault(("inner", "x"), "odd").where == "base.yaml:5: inner.x"
    assert made.fault(("inner", "y"), "odd").where == "a.yaml:3: inner.y"
    assert made.fault(("inner", "z"), "odd").where == "a.yaml:3: inner"
    assert made.fault(("nothing",), "odd").where == "a.yaml:1"
    with told("base.yaml:3: mem: '${nope}' names nothing"):
        made.resolved()


def test_what_was_interpolated_from_another_file_is_told_where_the_text_stands() -> None:
    with told("base.yaml:1: gres: '${.kind}' names nothing"):
        chain({"base": "gres: gpu:${.kind}", "a": "base: base\nnodes: 1"}, "a").resolved()


def test_every_value_that_is_still_missing_and_each_interpolation_that_leads_nowhere_are_told_at_once() -> (
    None
):
    text = "account: ???\nslurm:\n  qos: ???\nmem: ${nope}\ngres: gpu:${oc.evn:X}\ntime: ${mem}"
    with told("top.yaml:1: account", "top.yaml:3: slurm.qos", "no value yet"):
        layer(text).resolved()
    with pytest.raises(ConfigError) as every:
        layer(text).resolved()
    assert [fault.where.rpartition(" ")[2] for fault in every.value.faults] == [
        "account",
        "slurm.qos",
        "mem",
        "gres",
    ]


@pytest.mark.parametrize("text", ["[1]", "word", "7"])
def test_what_is_no_mapping_is_told_with_its_line(text: str) -> None:
    with told("top.yaml:1: a mapping expected"):
        layer(text)


def test_an_empty_file_says_nothing() -> None:
    assert layer("").values == layer("# words\n").values == {}


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "cannot be read"),
        (tmp_path / "none.yaml", "No such file"),
        (write(tmp_path / "bad.yaml", "a: [1"), "bad.yaml:1: not YAML"),
        (write(tmp_path / "twice.yaml", "a: 1\na: 2\n"), "twice.yaml:2"),
    ):
        with told(words):
            layers.read(path)
    (tmp_path / "latin").write_bytes("a: é".encode("latin-1"))
    with told("not UTF-8"):
        layers.read(tmp_path / "latin")


def test_the_user_has_a_name_even_where_nobody_has_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    assert layer("x: /scratch/${oc.env:USER}").resolved().values["x"] != "/scratch/"
