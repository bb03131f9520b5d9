"""The logs of a trial, read from their ends only, and followed: they may hold gigabytes, or one line without an end.

What is returned is safe to print: no escape sequence, no control character but the tab, no invalid UTF-8.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hyperherd import fsio

_BLOCK = 64 * 1024
MOST = 1024 * 1024
"""Bytes read from the end of a log at most, however long its lines are."""

_DIVIDER = re.compile(r"==== (?:hyperherd: |HyperHerd run: ).*====")
"""Between attempts: ours, and that of 0.1.3."""

_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # ECMA-48: control sequences (colours, cursor)
    r"|\x9b[0-?]*[ -/]*[@-~]?"
    r"|\x1b[PX^_\]][^\x07\x1b]*(?:\x07|\x1b\\)?"  # strings (window titles, links)
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

_LOOKED_AT = 50
"""Lines at the end of a log in which an error is looked for."""
_OF_LAUNCHERS = re.compile(r"(?:srun|slurmstepd|hyperherd|herd): |Exception ignored |Traceback ")
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b(?::|$)")


def tail(path: str | os.PathLike[str], lines: int) -> list[str]:
    """The last lines, from the last 1 MiB at most; none where there is no such file.

    Of a line that a progress bar has overwritten, what it showed last. Raises `WorkspaceError`.
    """
    if lines <= 0:
        return []
    end, _ = _end(path, lambda blocks: blocks.count(b"\n") > lines)
    return [printable(line) for line in _split(end)[-lines:]]


def last_line(path: str | os.PathLike[str]) -> str | None:
    """The last line with text that is no divider between attempts, if any. Raises `WorkspaceError`."""
    end, _ = _end(path, lambda blocks: _last_text(_split(blocks)[1:]) is not None, first=4096)
    return _last_text(_split(end))


def error_line(path: str | os.PathLike[str]) -> str | None:
    """The line at the end of a log that says what went wrong, if any: the last one that begins with an exception's
    name, else the last one that is no word of a launcher's. Raises `WorkspaceError`.
    """
    said = [line.strip() for line in tail(path, _LOOKED_AT)]
    own = [line for line in said if line and not _DIVIDER.fullmatch(line) and not _OF_LAUNCHERS.match(line)]
    raised = [line for line in own if _EXCEPTION.match(line)]
    return next(reversed(raised or own), None)


def so_far(path: str | os.PathLike[str], lines: int) -> tuple[list[str], int]:
    """The last whole lines, as `tail` has them, and the position behind them, where `following.follow` goes on."""
    content, size = _end(path, lambda blocks: blocks.count(b"\n") > lines + 1)
    whole, newline, rest = content.rpartition(b"\n")
    shown = _split(whole + newline)[-lines:] if lines > 0 else []
    return [printable(line) for line in shown], size - len(rest)


def printable(line: bytes) -> str:
    """A line as a terminal would have left it, without what would steer the reader's terminal.

    >>> printable(b"10%\\r\\x1b[32m100%\\x1b[0m\\r\\n")
    '100%'
    """
    text = _ESCAPE.sub("", line.decode("utf-8", "replace").rstrip("\r\n"))
    return _CONTROL.sub("", text.rstrip("\r").rpartition("\r")[2])


def _last_text(lines: list[bytes]) -> str | None:
    for line in reversed(lines):
        text = printable(line).strip()
        if text and not _DIVIDER.fullmatch(text):
            return text
    return None


def _split(content: bytes) -> list[bytes]:
    return content.removesuffix(b"\n").split(b"\n") if content else []


def _end(
    path: str | os.PathLike[str], enough: Callable[[bytes], bool], first: int = _BLOCK
) -> tuple[bytes, int]:
    """The end of a file, as many bytes as are enough but 1 MiB at most, and the file's size."""
    try:
        with fsio.opened(path) as file:
            size = file.seek(0, os.SEEK_END)
            length = first
            while True:
                content = between(file, max(0, size - length), size)
                if length >= min(size, MOST) or enough(content):
                    return content, size
                length = min(4 * length, MOST)
    except FileNotFoundError:
        return b"", 0
    except OSError as error:
        raise fsio.unreadable(os.fspath(path), error) from error


def between(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes from one position to another."""
    file.seek(start)
    return file.read(end - start)


@dataclass(frozen=True)
class Grown:
    """A line of one of the files that are followed, by its name; one that is not ``whole`` has no line end yet."""

    name: str
    text: str
    whole: bool = True


def follow(files: Mapping[str, tuple[Path, int]], wait: Callable[[], bool]) -> Iterator[Grown]:
    """What each file (name -> path, and the position to begin at) gains, file by file.

    ``wait`` is called when there is nothing new; once it returns False, what has been written until then is the end,
    a last line without a line end included. A file that became shorter, or is another one, is read from its start.
    Raises `WorkspaceError`.
    """
    growing = [_Growing(name, path, position) for name, (path, position) in files.items()]
    over = False
    while True:
        new = False
        for one in growing:
            for grown in one.more():
                new = True
                yield grown
        if not new:
            if over:
                break
            over = not wait()
    for one in growing:
        yield from one.last()


class _Growing:
    """One file, read up to ``_position``; ``_rest`` is the line that has no end yet."""

    def __init__(self, name: str, path: Path, position: int) -> None:
        self._name = name
        self._path = path
        self._position = position
        self._rest = b""
        self._shown = ""
        self._file: tuple[int, int] | None = None

    def more(self) -> list[Grown]:
        """What was added since the last time, of 1 MiB at most."""
        added = self._added()
        *whole, self._rest = (self._rest + added).split(b"\n")
        found = [self._line(line) for line in whole]
        if len(self._rest) > MOST:
            found.append(self._line(self._rest))
            self._rest = b""
        unfinished = printable(self._rest)
        if unfinished and unfinished != self._shown:
            found.append(Grown(self._name, unfinished, whole=False))
        self._shown = unfinished
        return found

    def last(self) -> list[Grown]:
        """The line that never got an end."""
        return [self._line(self._rest)] if self._rest else []

    def _line(self, line: bytes) -> Grown:
        return Grown(self._name, printable(line))

    def _added(self) -> bytes:
        try:
            with fsio.opened(self._path) as file:
                seen = os.fstat(file.fileno())
                if seen.st_size < self._position or self._file not in (None, (seen.st_dev, seen.st_ino)):
                    self._position, self._rest = 0, b""
                self._file = seen.st_dev, seen.st_ino
                end = min(seen.st_size, self._position + MOST)
                content = between(file, self._position, end)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise fsio.unreadable(str(self._path), error) from error
        self._position += len(content)
        return content
