"""What trainers logged, merged from the files of all writers. The format: docs/results-format.md.

Every reader here merges the writers' own files: ``results/<index>.json`` is a copy for jq, which a writer
that was killed may have left behind by a line. The trainer's side imports this too: the standard library
only.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from hyperherd import fsio
from hyperherd.workspace import layout

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Point:
    """One line of a stream. ``ts`` is in seconds since the epoch, 0 where it was not noted."""

    step: int | float
    value: Value
    ts: float


@dataclass(frozen=True)
class _Final:
    value: Value
    ts: float


def finals(folder: str | os.PathLike[str], index: int) -> dict[str, Value]:
    """The final metrics of a trial; ``folder`` is ``results``. Of a metric written twice the newest counts.

    What 0.1.3 left in ``<index>.json`` is kept unless it was written again since.
    """
    return Journals(os.path.join(folder, str(index))).values()


def all_finals(folder: str | os.PathLike[str]) -> dict[int, dict[str, Value]]:
    """`finals` of every trial that has any, by index."""
    stems = {os.path.splitext(name)[0] for name in listed(folder)}
    indices = sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit())
    found = {index: finals(folder, index) for index in indices}
    return {index: metrics for index, metrics in found.items() if metrics}


def stream_folder(folder: str | os.PathLike[str], index: int) -> str:
    """Where the streams of a trial lie; ``folder`` is ``results``."""
    return os.path.join(folder, str(index), layout.STREAM)


def streams(folder: str | os.PathLike[str], index: int) -> dict[str, list[Point]]:
    """Metric -> points in the order of their steps. Of a step that was logged twice the newest counts."""
    return merged(stream_files(stream_folder(folder, index)))


def stream(folder: str | os.PathLike[str], index: int, metric: str) -> list[Point]:
    """The points of one metric as `streams` has them; no other's file is read."""
    files = stream_files(stream_folder(folder, index))
    return merged(one for one in files if one[0] == metric).get(metric, [])


def merged(files: Iterable[tuple[str, str]]) -> dict[str, list[Point]]:
    """Metric -> the points of these (metric, path), as `streams` has them."""
    found: dict[str, dict[int | float, Point]] = {}
    for metric, path in sorted(files):
        points = {point.step: point for line in _lines(path) if (point := _point(line))}
        known = found.setdefault(metric, {})
        known.update({s: p for s, p in points.items() if s not in known or p.ts >= known[s].ts})
    return {metric: [points[step] for step in sorted(points)] for metric, points in found.items() if points}


def streamed(folder: str | os.PathLike[str], index: int) -> set[str]:
    """The metrics of which a trial has a stream; reads names alone."""
    return {metric for metric, _ in stream_files(stream_folder(folder, index))}


def logged(folder: str | os.PathLike[str], index: int) -> dict[str, list[Point]]:
    """Metric -> every point, in the order of their times: also those that were logged again after a resume."""
    found: dict[str, list[Point]] = {}
    for metric, path in stream_files(stream_folder(folder, index)):
        found.setdefault(metric, []).extend(point for line in _lines(path) if (point := _point(line)))
    return {metric: sorted(points, key=lambda p: p.ts) for metric, points in found.items() if points}


class Journals:
    """The final metrics of one trial, merged from its writers' journals; `read` takes in what was added.

    ``trial`` is the trial's folder, ``results/<index>``.
    """

    def __init__(self, trial: str) -> None:
        self._folder = os.path.join(trial, layout.FINAL)
        self._copy = _copied(f"{trial}.json")
        self._read: dict[str, int] = {}
        self._finals: dict[str, dict[str, _Final]] = {}
        self.read()

    def read(self) -> bool:
        """Take in what was added since; whether there was anything."""
        names = [name for name in sorted(listed(self._folder)) if name.endswith(layout.JSONL)]
        return sum(self._grew(name) for name in names) > 0

    def values(self) -> dict[str, Value]:
        """Metric -> value, floats that are not finite included."""
        newest: dict[str, _Final] = {}
        for name in sorted(self._finals):
            for metric, final in self._finals[name].items():
                if metric not in newest or final.ts >= newest[metric].ts:
                    newest[metric] = final
        return self._copy | {metric: final.value for metric, final in newest.items()}

    def document(self) -> bytes:
        """The content of ``results/<index>.json``."""
        return json.dumps(tagged(self.values()), indent=2, allow_nan=False).encode() + b"\n"

    def _grew(self, name: str) -> bool:
        start = self._read.get(name, 0)
        content = content_from(os.path.join(self._folder, name), start)
        self._read[name] = start + content.rfind(b"\n") + 1  # what follows may not be whole yet
        for line in content.split(b"\n"):
            if final := _final(line):
                self._finals.setdefault(name, {})[final[0]] = final[1]
        return self._read[name] > start


def tagged(value: object) -> Any:
    """The value, the floats that JSON does not have as "NaN", "Infinity", "-Infinity", at any depth.

    >>> tagged({"a": (float("nan"), -math.inf)})
    {'a': ['NaN', '-Infinity']}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: tagged(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [tagged(one) for one in value]
    return value


def utc(seconds: float) -> str | None:
    """A timestamp as HyperHerd 0.1.3 writes it; None where there is none.

    >>> utc(1764000000.25), utc(0)
    ('2025-11-24T16:00:00Z', None)
    """
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else None
    except (ValueError, OverflowError, OSError):  # no date has this number
        return None


def untagged(value: Value) -> Value:
    """What `tagged` has made of a value, undone."""
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: untagged(one) for key, one in value.items()}
    if isinstance(value, list):
        return [untagged(one) for one in value]
    return value


def stream_files(folder: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Metric and path of each writer's stream in a trial's ``stream`` folder.

    A folder in it is 0.1.3's way to write a ``/``, or a part of a long name.
    """
    names = listed(folder)
    stems = {name.removesuffix(layout.JSONL) for name in names if name.endswith(layout.JSONL)}
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(layout.JSONL):
            yield layout.decoded(prefix + _of_metric(name.removesuffix(layout.JSONL), stems)), path
        elif os.path.isdir(path):
            yield from stream_files(path, prefix + (name[:-1] if name.endswith("%") else f"{name}/"))


def _of_metric(stem: str, stems: Iterable[str]) -> str:
    """The stem without its writer: beside a further writer's file there always is the first one's."""
    first = layout.without_writer(stem)
    return first if first in stems else stem


def _final(line: bytes) -> tuple[str, _Final] | None:
    record = _record(line)
    metric = record.get("name")
    if not isinstance(metric, str) or "value" not in record:
        return None
    return metric, _Final(untagged(record["value"]), _timestamp(record))


def _point(line: bytes) -> Point | None:
    record = _record(line)
    step = record.get("step")
    if not isinstance(step, (int, float)) or isinstance(step, bool) or step != step or "value" not in record:
        return None
    return Point(step, untagged(record["value"]), _timestamp(record))


def _timestamp(record: dict[str, Value]) -> float:
    ts = record.get("ts", 0.0)
    return float(ts) if isinstance(ts, (int, float)) else 0.0


def _record(line: bytes) -> dict[str, Value]:
    """One line; empty where it was torn (its writer was killed, the disk was full) or is not ours."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _copied(path: str) -> dict[str, Value]:
    """``results/<index>.json``: older than the journals where we made it, all there is where 0.1.3 did.

    0.1.3 let several processes break it; then nothing can be read out of it.
    """
    return {metric: untagged(value) for metric, value in _record(content_from(path, 0)).items()}


def _lines(path: str) -> list[bytes]:
    return content_from(path, 0).split(b"\n")


def content_from(path: str, start: int) -> bytes:
    """What a file holds from this byte on; nothing where there is none. Raises `WorkspaceError`."""
    try:
        with fsio.opened(path) as file:
            file.seek(start)
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise fsio.unreadable(path, error) from error


def listed(folder: str | os.PathLike[str]) -> list[str]:
    """The names in a folder; none where there is none. Raises `WorkspaceError`."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fsio.unreadable(os.fspath(folder), error) from error
