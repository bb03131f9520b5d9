"""Logs as they grow: several files, each of which may come later, be emptied, or be replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hyperherd import fsio
from hyperherd.workspace import logs


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
        if len(self._rest) > logs.MOST:
            found.append(self._line(self._rest))
            self._rest = b""
        unfinished = logs.printable(self._rest)
        if unfinished and unfinished != self._shown:
            found.append(Grown(self._name, unfinished, whole=False))
        self._shown = unfinished
        return found

    def last(self) -> list[Grown]:
        """The line that never got an end."""
        return [self._line(self._rest)] if self._rest else []

    def _line(self, line: bytes) -> Grown:
        return Grown(self._name, logs.printable(line))

    def _added(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                seen = os.fstat(file.fileno())
                if seen.st_size < self._position or self._file not in (None, (seen.st_dev, seen.st_ino)):
                    self._position, self._rest = 0, b""
                self._file = seen.st_dev, seen.st_ino
                end = min(seen.st_size, self._position + logs.MOST)
                content = logs.between(file, self._position, end)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise fsio.unreadable(str(self._path), error) from error
        self._position += len(content)
        return content
