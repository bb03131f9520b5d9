"""What is kept of streams between looks says the same as reading all of them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.sweep.metrics import Metric
from hyperherd.workspace import cache, results, summaries
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.summaries import Summaries

VALUES = st.one_of(
    st.floats(-9, 9).map(lambda x: round(x, 2)),
    st.integers(-9, 9),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "text", True, None, [1.5]]),
)
LINES = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 30), VALUES).map(
            lambda one: json.dumps({"step": one[0], "value": one[1], "ts": 5.0}) + "\n"
        ),
        st.sampled_from(
            ['{"step": 1, "val', "\n", "[1]\n", '{"step": true, "value": 1}\n', '{"step": 0.5, "value": 2}\n']
        ),
    ),
    max_size=8,
)
GROWTH = st.lists(st.tuples(st.sampled_from(["loss", "loss.n1-7", "acc"]), LINES), min_size=1, max_size=5)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Workspace(tmp_path / "sweep")


def append(workspace: Workspace, name: str, text: str, index: int = 0) -> None:
    path = Path(results.stream_folder(workspace.results, index)) / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def rising(count: int, start: int = 0) -> str:
    return "".join(json.dumps({"step": k, "value": k / 8, "ts": 1.0 * k}) + "\n" for k in range(start, count))


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


def assert_as_read_anew(workspace: Workspace, found: dict[int, summaries.Summary], index: int = 0) -> None:
    streams = results.streams(workspace.results, index)
    mine = found[index].streams if index in found else {}
    assert mine.keys() == streams.keys()
    for metric, points in streams.items():
        assert same(mine[metric].last, points[-1].value) and mine[metric].step == points[-1].step
        for mode in ("max", "min"):
            for at in ("best", "last"):
                scored = Metric(metric, mode, at)
                values = [point.value for point in points]
                assert same(scored.score({}, mine[metric].telling), scored.score({}, values))
    assert (found[index].finals if index in found else {}) == results.finals(workspace.results, index)


@settings(max_examples=examples(150), deadline=None)
@given(GROWTH, st.booleans())
def test_streams_that_grow_come_to_what_reading_them_whole_would(
    tmp_path_factory: pytest.TempPathFactory, growth: list[tuple[str, list[str]]], forget: bool
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("sweep"))
    kept = Summaries(workspace)
    for name, lines in growth:
        append(workspace, name, "".join(lines) + ("" if not lines or lines[-1].endswith("\n") else "\n"))
        assert_as_read_anew(workspace, kept.read([0]))
        kept = Summaries(workspace) if forget else kept


def test_a_line_that_is_not_whole_yet_is_taken_once_it_is(workspace: Workspace) -> None:
    kept = Summaries(workspace)
    append(workspace, "loss", rising(3) + '{"step": 3, "val')
    assert kept.read([0])[0].streams["loss"].count == 3
    append(workspace, "loss", 'ue": 0.5, "ts": 3.0}\n' + rising(6, 4))
    assert kept.read([0])[0].streams["loss"].count == 6


def test_the_next_command_reads_only_what_was_added(workspace: Workspace) -> None:
    append(workspace, "loss", rising(1500))
    first = Summaries(workspace)
    before = first.read([0])
    first.keep()
    path = Path(results.stream_folder(workspace.results, 0)) / "loss.jsonl"
    with path.open("r+b") as file:
        file.write(b"#" * 100)  # whoever reads the beginning again finds fewer lines
    append(workspace, "loss", rising(1502, 1500))
    after = Summaries(workspace).read([0])
    assert after[0].streams["loss"].count == before[0].streams["loss"].count + 2


def test_what_was_kept_of_a_life_before_is_not_used(workspace: Workspace) -> None:
    append(workspace, "loss", rising(1500))
    first = Summaries(workspace)
    first.read([0])
    first.keep()
    path = Path(results.stream_folder(workspace.results, 0)) / "loss.jsonl"
    path.write_text(rising(1500).replace("0.125", "9.125"))
    workspace.generation("two").mkdir()
    found = Summaries(workspace).read([0])
    assert_as_read_anew(workspace, found)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x93\x01\x02\x03"])
def test_a_damaged_cache_is_read_anew(workspace: Workspace, damage: bytes) -> None:
    append(workspace, "loss", rising(1500))
    Summaries(workspace).keep()
    cache.write(workspace, summaries._NAME, damage)
    assert_as_read_anew(workspace, Summaries(workspace).read([0]))


def test_few_lines_leave_no_cache_behind(workspace: Workspace, tmp_path: Path) -> None:
    append(workspace, "loss", rising(10))
    few = Summaries(workspace)
    few.read([0])
    few.keep()
    assert not (tmp_path / "cache").exists()


def test_where_nothing_can_be_kept_all_is_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull + "/none")
    append(workspace, "loss", rising(1500))
    first = Summaries(workspace)
    assert_as_read_anew(workspace, first.read([0]))
    first.keep()
    assert_as_read_anew(workspace, Summaries(workspace).read([0]))
