"""Plain text columns: the same for a pipe and a terminal, but for colour and the cut at the screen's edge."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Screen:
    """What the output can show: ``width`` in columns, None where nothing is cut; ``colour`` where it is a terminal."""

    width: int | None = None
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO | None = None) -> Screen:
        """The screen behind ``stream`` (stdout). ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` are honoured."""
        stream = stream or sys.stdout
        if not stream.isatty():
            return cls()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(shutil.get_terminal_size().columns, not plain)

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are colours."""
        code = _CODES.get(colour)
        return f"\033[{code}m{text}\033[0m" if self.colour and code else text


@dataclass(frozen=True)
class Cell:
    """One cell with a colour of its own."""

    text: str
    colour: str = ""


Row = Sequence["str | Cell"]


def table(rows: Iterable[Row], screen: Screen, *, head: Row = (), right: Sequence[int] = ()) -> str:
    """Rows under a head, aligned; the columns in ``right`` to the right. The last one is cut at the screen's edge."""
    cells = [[_cell(item) for item in row] for row in ([head] if head else [])] + [
        [_cell(item) for item in row] for row in rows
    ]
    if not cells:
        return ""
    widths = [max(width(row[i].text) for row in cells if i < len(row)) for i in range(max(map(len, cells)))]
    lines = []
    for number, row in enumerate(cells):
        heading = bool(head) and number == 0
        lines.append(_line(row, widths, screen, right, "dim" if heading else ""))
    return "\n".join(lines)


def _line(
    row: Sequence[Cell], widths: Sequence[int], screen: Screen, right: Sequence[int], colour: str
) -> str:
    parts, used = [], 0
    for i, cell in enumerate(row):
        room = None if screen.width is None else max(screen.width - used, 1)
        text = cell.text if room is None else cut(cell.text, room)
        pad = " " * (widths[i] - width(text))
        last = i == len(row) - 1
        painted = screen.paint(text, cell.colour or colour)
        parts.append(pad + painted if i in right else painted if last else painted + pad)
        used += widths[i] + 2
        if screen.width is not None and used >= screen.width:
            break
    return "  ".join(parts).rstrip()


def _cell(item: str | Cell) -> Cell:
    cell = item if isinstance(item, Cell) else Cell(item)
    return Cell(printable(cell.text), cell.colour)


def printable(text: str) -> str:
    """One line that cannot move the cursor or change colours, whatever a log or a value holds."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text) if _CONTROL.search(text) else text


def width(text: str) -> int:
    """Columns on a screen: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, room: int) -> str:
    """The text, or its beginning and an ellipsis, in at most ``room`` columns."""
    if width(text) <= room:
        return text
    while text and width(text) >= room:
        text = text[:-1]
    return text + "…"
