"""Rows as a frame of pandas or polars, whichever is there, and as a file of Parquet."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from hyperherd import installation
from hyperherd.errors import HerdError

Library: TypeAlias = "Literal['pandas', 'polars', 'rows']"


def frame(head: Sequence[str], rows: Sequence[Sequence[Any]], library: Library | None = None) -> Any:
    """A frame of ``library``, or with ``rows`` a list of dictionaries; None: a frame of pandas, or else of polars, and
    where neither is there such a list.

    Raises `HerdError` where the one that is asked for is not there.
    """
    there = (name for name in ("pandas", "polars") if importlib.util.find_spec(name))
    wanted: str = library if library is not None else next(there, "rows")
    if wanted == "rows":
        return [dict(zip(head, row, strict=True)) for row in rows]
    if importlib.util.find_spec(wanted) is None:
        raise HerdError(f"{wanted} is not installed", hint=installation.beside(wanted))
    if wanted == "polars":
        return _polars(head, rows)
    import pandas

    return pandas.DataFrame(_columns(head, rows))


def parquet(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A file of Parquet, written by polars. Raises `HerdError` where that is not there."""
    if importlib.util.find_spec("polars") is None:
        raise HerdError(
            "Parquet is written by polars, which is not installed", hint=installation.beside("polars")
        )
    out = io.BytesIO()
    _polars(head, rows).write_parquet(out)
    return out.getvalue()


def _polars(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    import polars

    columns = {name: _of_one_type(column) for name, column in _columns(head, rows).items()}
    return polars.DataFrame(columns)


def _columns(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """By name; where a metric has a parameter's name, the metric's."""
    return {name: [row[place] for row in rows] for place, name in enumerate(head)}


def _of_one_type(column: Sequence[Any]) -> Sequence[Any]:
    """A column as it is where its values are of one type, numbers together; else each as text, JSON where it is none.

    >>> _of_one_type([1, None, 2.5]), _of_one_type([1, "a", [2]])
    ([1.0, None, 2.5], ['1', 'a', '[2]'])
    """
    kinds = {type(value) for value in column if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in column]
    if len(kinds) <= 1 and not kinds & {dict, list}:
        return column
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in column]
