"""What the metrics of each trial come to: final values, and of each stream its last and its extreme values.

They are kept between looks (`cache`), so that of streams, which only grow, no more is read than was added. A stream
whose steps were logged again, after a resume or by several writers, is read whole when it grows. The values are those
that `results` gives.
"""

from __future__ import annotations

import contextlib
import math
import operator
import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.workspace import cache, layout, results
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.results import Point

_NAME = "metrics.msgpack"
_WORTH_KEEPING = 1_000
"""Lines; reading fewer again takes less than keeping them."""


class Stream(msgspec.Struct):
    """``last`` is the value of the highest step, ``number`` the last one that is a number, ``largest`` and ``smallest``
    the extremes of those (NaN left out). ``files``: what has been read, by name, with its inode and size in bytes.
    """

    files: dict[str, tuple[int, ...]]
    count: int = 0
    step: int | float = -math.inf
    last: Any = None
    number: float | None = None
    largest: float | None = None
    smallest: float | None = None

    @property
    def telling(self) -> list[float]:
        """The values of which a `Metric` needs to know, the last number last."""
        return [one for one in (self.largest, self.smallest, self.number) if one is not None]


class Summary(msgspec.Struct):
    """A trial's; ``files``: the journals of its final metrics that have been read, as in `Stream`."""

    finals: dict[str, Any] = {}
    files: dict[str, tuple[int, ...]] = {}
    streams: dict[str, Stream] = {}


class _Kept(msgspec.Struct):
    generation: str = ""
    trials: dict[int, Summary] = {}


class _Line(msgspec.Struct):
    step: int | float
    value: Any
    ts: float = 0.0


_lines = msgspec.json.Decoder(_Line)
_kept = msgspec.msgpack.Decoder(_Kept)


class Summaries:
    """Those of a workspace; each `read` takes in what was added since the one before."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._new_lines = 0
        generation = workspace.newest_generation()
        try:
            kept = _kept.decode(cache.read(workspace, _NAME))
        except (ValueError, msgspec.DecodeError):
            kept = _Kept()
        self._kept = kept if kept.generation == generation else _Kept(generation, {})

    def read(self, indices: Iterable[int], only: Collection[str] | None = None) -> dict[int, Summary]:
        """Those of these trials that have logged anything; ``only`` the streams of these metrics.

        Raises `WorkspaceError`.
        """
        folder = os.fspath(self._workspace.results)
        there = set(results.listed(folder))
        found = {}
        for index in indices:
            if str(index) in there or f"{index}.json" in there:
                before = self._kept.trials.get(index) or Summary()
                if now := self._trial(folder, index, before, only):
                    self._kept.trials[index] = now
                    found[index] = now if only is None else _only(now, only)
        return found

    def keep(self) -> None:
        """For the next command, where enough was read."""
        if self._new_lines >= _WORTH_KEEPING:
            self._new_lines = 0
            with contextlib.suppress(
                ValueError, OverflowError, RecursionError
            ):  # a value that no cache can hold
                cache.write(self._workspace, _NAME, msgspec.msgpack.encode(self._kept, enc_hook=str))

    def _trial(
        self, folder: str, index: int, before: Summary, only: Collection[str] | None
    ) -> Summary | None:
        trial = os.path.join(folder, str(index))
        final = os.path.join(trial, layout.FINAL)
        journals = [os.path.join(final, name) for name in results.listed(final)]
        files = _sizes([f"{trial}.json", *journals], stamped=True)
        if files == before.files:
            finals = before.finals
        else:
            finals = results.finals(folder, index)
            self._new_lines += len(finals)
        by_metric: dict[str, list[str]] = {}
        wanted = only is None or bool(only)
        for metric, path in results.stream_files(os.path.join(trial, layout.STREAM)) if wanted else ():
            if only is None or metric in only:
                by_metric.setdefault(metric, []).append(path)
        streams = {} if only is None else {m: one for m, one in before.streams.items() if m not in only}
        for metric, paths in by_metric.items():
            stream = self._stream(metric, paths, before.streams.get(metric))
            if stream.count:
                streams[metric] = stream
        return Summary(finals, files, streams) if finals or streams else None

    def _stream(self, metric: str, paths: Sequence[str], before: Stream | None) -> Stream:
        files = _sizes(paths)
        if before is not None and before.files == files:
            return before
        if len(paths) == 1:
            (name,) = files or [""]
            inode, size = files.get(name, (0, 0))[:2]
            ours = before.files.get(name) if before else None
            grows = ours is not None and ours[0] == inode and ours[1] <= size
            added = self._added(paths[0], before if grows else None, inode, ours[1] if ours and grows else 0)
            if added is not None:
                return added
        points = results.merged((metric, path) for path in paths).get(metric, [])
        self._new_lines += len(points)
        return _with(Stream(files), points)

    def _added(self, path: str, before: Stream | None, inode: int, start: int) -> Stream | None:
        """With what a file holds behind ``start``; None where it has to be read whole, line by line."""
        content = results.content_from(path, start)
        whole = content[: content.rfind(b"\n") + 1]  # what follows may not be whole yet
        try:
            lines = _lines.decode_lines(whole)
        except (ValueError, RecursionError):
            return None
        steps = [line.step for line in lines]
        last_step = before.step if before else -math.inf
        if not all(map(operator.lt, [last_step, *steps], steps)):
            return None
        self._new_lines += len(lines)
        files = {os.path.basename(path): (inode, start + len(whole))}
        points = [Point(line.step, results.untagged(line.value), line.ts) for line in lines]
        old = before or Stream({})
        return _with(msgspec.structs.replace(old, files=files), points)


def _only(summary: Summary, metrics: Collection[str]) -> Summary:
    streams = {metric: stream for metric, stream in summary.streams.items() if metric in metrics}
    return Summary(summary.finals, summary.files, streams)


def _sizes(paths: Iterable[str], *, stamped: bool = False) -> dict[str, tuple[int, ...]]:
    """Inode and size of each, and ``stamped`` the time of its last change: of what is written anew, not appended to."""
    found: dict[str, tuple[int, ...]] = {}
    for path in paths:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise fsio.unreadable(path, error) from error
        stamp = (status.st_mtime_ns,) if stamped else ()
        found[os.path.basename(path)] = (status.st_ino, status.st_size, *stamp)
    return found


def _with(stream: Stream, points: Sequence[Point]) -> Stream:
    """A stream and the points behind it, in the order of their steps."""
    if not points:
        return stream
    values: list[Any] = [point.value for point in points]
    if not {float, int}.issuperset(map(type, values)):
        values = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    compared = [value for value in values if value == value]
    known = [one for one in (stream.largest, stream.smallest) if one is not None]
    return Stream(
        files=stream.files,
        count=stream.count + len(points),
        step=points[-1].step,
        last=points[-1].value,
        number=values[-1] if values else stream.number,
        largest=max([*compared, *known], default=None),
        smallest=min([*compared, *known], default=None),
    )
