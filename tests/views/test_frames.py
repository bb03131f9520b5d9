"""Results as frames of pandas and polars, and as Parquet."""

from __future__ import annotations

import io
from typing import Any

import pandas
import polars
import pytest

from hyperherd.errors import HerdError
from hyperherd.views import frames

HEAD = ["trial_id", "lr", "layers", "loss", "note"]
ROWS: list[list[Any]] = [
    [0, 0.1, [1, 2], 1.5, "a"],
    [1, 1, "x", None, None],
    [2, None, True, float("nan"), "c"],
]


def test_a_frame_has_a_column_for_each_name() -> None:
    ours = frames.frame(HEAD, ROWS, "pandas")
    assert isinstance(ours, pandas.DataFrame) and list(ours.columns) == HEAD
    assert list(ours["layers"]) == [[1, 2], "x", True]
    others = frames.frame(HEAD, ROWS, "polars")
    assert isinstance(others, polars.DataFrame)
    assert others["lr"].to_list() == [0.1, 1.0, None]
    assert others["layers"].to_list() == ["[1, 2]", "x", "true"]
    assert frames.frame(HEAD, ROWS, "rows")[1] == dict(zip(HEAD, ROWS[1], strict=True))


def test_pandas_comes_first_and_without_either_there_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(frames.frame(HEAD, ROWS), pandas.DataFrame)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert frames.frame(HEAD, ROWS) == frames.frame(HEAD, ROWS, "rows")
    with pytest.raises(HerdError, match="polars is not installed") as raised:
        frames.frame(HEAD, ROWS, "polars")
    assert raised.value.hint.endswith("polars")
    with pytest.raises(HerdError, match="Parquet is written by polars, which is not installed"):
        frames.parquet(HEAD, ROWS)


def test_parquet_is_read_back_as_it_was_written() -> None:
    found = polars.read_parquet(io.BytesIO(frames.parquet(HEAD, ROWS)))
    assert found.columns == HEAD
    assert found["trial_id"].to_list() == [0, 1, 2] and found["note"].to_list() == ["a", None, "c"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_no_rows_make_an_empty_frame_with_its_columns(library: frames.Library) -> None:
    assert list(frames.frame(HEAD, [], library).columns) == HEAD
