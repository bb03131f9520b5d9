"""What is read back of the files that trainers wrote: every writer's, the torn line skipped, the next one kept."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import WorkspaceError
from hyperherd.workspace import layout, results
from hyperherd.workspace.results import Point


def lines(path: Path, *records: object) -> None:
    """Write records as JSON lines; a text goes in as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [record if isinstance(record, str) else json.dumps(record) + "\n" for record in records]
    path.write_text("".join(texts))


def final(name: str, value: object, ts: float) -> dict[str, object]:
    return {"name": name, "value": value, "ts": ts}


def point(step: object, value: object, ts: float) -> dict[str, object]:
    return {"step": step, "value": value, "ts": ts}


def test_finals_are_merged_from_all_journals_and_the_newest_counts(tmp_path: Path) -> None:
    lines(tmp_path / "3/final/a-1.jsonl", final("acc", 0.1, 5.0), final("loss", 9, 1.0))
    lines(tmp_path / "3/final/b-2.jsonl", final("acc", 0.2, 4.0), final("loss", 8, 2.0))
    assert results.finals(tmp_path, 3) == {"acc": 0.1, "loss": 8}


def test_within_one_file_the_later_line_counts_though_the_clock_was_set_back(tmp_path: Path) -> None:
    lines(tmp_path / "3/final/a-1.jsonl", final("acc", 0.1, 5.0), final("acc", 0.2, 4.0))
    lines(tmp_path / "3/stream/acc.jsonl", point(0, 0.1, 5.0), point(0, 0.2, 4.0))
    assert results.finals(tmp_path, 3) == {"acc": 0.2}
    assert results.streams(tmp_path, 3) == {"acc": [Point(0, 0.2, 4.0)]}


def test_a_copy_that_was_left_behind_is_overruled_by_the_journals(tmp_path: Path) -> None:
    lines(tmp_path / "3.json", {"acc": 0.1})
    lines(tmp_path / "3/final/a-1.jsonl", final("acc", 0.1, 1.0), final("acc", 0.2, 2.0))
    assert results.finals(tmp_path, 3) == {"acc": 0.2}


def test_what_0_1_3_left_is_kept_and_a_new_attempt_adds_to_it(tmp_path: Path) -> None:
    lines(tmp_path / "3.json", '{"acc": 0.1, "loss": NaN}')
    lines(tmp_path / "3/final/a-1.jsonl", final("acc", 0.2, 2.0))
    found = results.finals(tmp_path, 3)
    assert found["acc"] == 0.2
    assert math.isnan(found["loss"])  # type: ignore[arg-type]


def test_a_result_file_that_0_1_3_broke_hides_nothing_else(tmp_path: Path) -> None:
    lines(tmp_path / "3.json", '{"acc": 0.1}0.2}')
    lines(tmp_path / "4.json", {"acc": 0.3})
    assert results.all_finals(tmp_path) == {4: {"acc": 0.3}}


def test_all_finals_has_every_trial_that_logged_one_whoever_wrote_it(tmp_path: Path) -> None:
    lines(tmp_path / "10.json", {"acc": 1})
    lines(tmp_path / "9/final/a-1.jsonl", final("acc", 2, 1.0))
    lines(tmp_path / "8/stream/loss.jsonl", point(0, 1, 1.0))
    lines(tmp_path / "notes.txt", "mine")
    (tmp_path / ".9.json.host-1-ab.tmp").touch()
    assert results.all_finals(tmp_path) == {9: {"acc": 2}, 10: {"acc": 1}}


def test_nothing_logged_is_nothing_and_not_an_error(tmp_path: Path) -> None:
    assert results.finals(tmp_path, 3) == {}
    assert results.streams(tmp_path, 3) == {}
    assert results.all_finals(tmp_path / "absent") == {}


def test_what_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "3.json").mkdir()
    with pytest.raises(WorkspaceError, match=r"cannot read") as caught:
        results.finals(tmp_path, 3)
    assert caught.value.where == str(tmp_path / "3.json")


def test_streams_of_all_writers_are_merged_by_step_and_the_newest_counts(tmp_path: Path) -> None:
    lines(tmp_path / "3/stream/train%2Floss.jsonl", point(0, 1.0, 1.0), point(2, 3.0, 9.0))
    lines(tmp_path / "3/stream/train%2Floss.n1%2Ecluster-77.jsonl", point(1, 2.0, 2.0), point(2, 0.0, 3.0))
    assert results.streams(tmp_path, 3) == {
        "train/loss": [Point(0, 1.0, 1.0), Point(1, 2.0, 2.0), Point(2, 3.0, 9.0)]
    }


def test_a_stream_of_0_1_3_lies_in_folders_and_may_look_like_a_writers(tmp_path: Path) -> None:
    lines(tmp_path / "3/stream/train/loss.jsonl", '{"step": 1, "value": NaN, "ts": 7.5}\n')
    lines(tmp_path / "3/stream/recall.top-5.jsonl", point(1, 0.5, 8))
    found = results.streams(tmp_path, 3)
    assert sorted(found) == ["recall.top-5", "train/loss"]
    assert math.isnan(found["train/loss"][0].value)  # type: ignore[arg-type]


TORN = [
    '{"step": 1, "val',
    '{"step": 1}\n',
    "[1, 2]\n",
    "\x00\x00\n",
    "\n",
    "loss 3\n",
    '{"step": true, "value": 1}\n',
]


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_line_is_skipped_and_the_next_is_kept(tmp_path: Path, torn: str) -> None:
    torn = torn if torn.endswith("\n") else torn + "\n"
    lines(tmp_path / "3/stream/loss.jsonl", point(0, 1.0, 1.0), torn, point(2, 3.0, 3.0))
    lines(
        tmp_path / "3/final/a-1.jsonl", final("a", 1, 1.0), torn.replace("step", "name"), final("b", 2, 2.0)
    )
    assert [found.step for found in results.streams(tmp_path, 3)["loss"]] == [0, 2]
    assert results.finals(tmp_path, 3) == {"a": 1, "b": 2}


@given(st.integers(0, 200))
def test_wherever_a_file_was_cut_off_the_whole_lines_are_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("results")
    whole = "".join(json.dumps(point(step, step / 3, 1.0)) + "\n" for step in range(5))
    lines(folder / "3/stream/loss.jsonl", whole[:cut])
    complete = [json.loads(line)["step"] for line in whole[:cut].split("\n") if line.endswith("}")]
    assert [found.step for found in results.streams(folder, 3).get("loss", [])] == complete


def test_not_a_number_and_infinities_are_numbers_again_at_any_depth(tmp_path: Path) -> None:
    lines(tmp_path / "3/final/a-1.jsonl", final("x", {"a": ["Infinity", "-Infinity", "NaN", "word"]}, 1.0))
    deep: Any = results.finals(tmp_path, 3)["x"]["a"]  # type: ignore[index,call-overload]
    assert deep[:2] == [math.inf, -math.inf]
    assert math.isnan(deep[2])
    assert deep[3] == "word"
    assert results.tagged({"a": deep}) == {"a": ["Infinity", "-Infinity", "NaN", "word"]}


def test_reading_again_takes_in_only_what_was_added_and_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    journal = tmp_path / "3/final/a-1.jsonl"
    lines(journal, final("acc", 1, 1.0))
    journals = results.Journals(str(tmp_path / "3"))
    assert not journals.read()
    with journal.open("a") as file:
        file.write('{"name": "acc", "va')
    assert not journals.read()
    assert journals.values() == {"acc": 1}
    with journal.open("a") as file:
        file.write('lue": 2, "ts": 2.0}\n')
    lines(tmp_path / "3/final/b-2.jsonl", final("loss", math.inf, 1.0))
    assert journals.read()
    assert json.loads(journals.document()) == {"acc": 2, "loss": "Infinity"}


NAMES = st.one_of(
    st.text(min_size=1, max_size=300),
    st.text("a./%-1\n", min_size=1, max_size=12),
    st.text("é-.5", min_size=140, max_size=160),
)


@given(st.lists(NAMES, unique=True, max_size=8), st.sampled_from(["node1", "node1.cluster.org", "a/b%"]))
def test_any_metrics_name_is_read_back_whoever_wrote_it(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], host: str
) -> None:
    folder = tmp_path_factory.mktemp("results")
    writer = layout.writer_name(host, 77)
    for number, name in enumerate(names):
        for step, file in enumerate([layout.stream_file(name), layout.stream_file(name, writer)]):
            assert all(
                len(os.fsencode(part)) <= 255 and part not in ("", ".", "..") for part in file.split("/")
            )
            lines(folder / "3" / layout.STREAM / file, point(step, number, 1.0))
    assert {
        name: [point.value for point in points] for name, points in results.streams(folder, 3).items()
    } == {name: [number, number] for number, name in enumerate(names)}
