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
    """What the output can show: ``width`` in columns and ``height`` in lines, None where there is no end; ``colour``
    where it is a terminal.
    """

    width: int | None = None
    colour: bool = False
    height: int | None = None

    @classmethod
    def of(cls, stream: TextIO | None = None) -> Screen:
        """The screen behind ``stream`` (stdout). ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` are honoured."""
        stream = stream or sys.stdout
        if not stream.isatty():
            return cls()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        size = shutil.get_terminal_size()
        return cls(size.columns, not plain, size.lines)

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

GAP = "  "
NARROWEST = 12
"""Columns that a text keeps where a table is made narrower; what is shorter, as numbers are, stays whole."""


def table(
    rows: Iterable[Row],
    screen: Screen,
    *,
    head: Row = (),
    right: Sequence[int] = (),
    middle: Sequence[int] = (),
    whole: Sequence[int] = (),
) -> str:
    """Rows under a head, aligned; the columns in ``right`` to the right.

    Where the screen is too narrow, the widest columns give way first: cut at their end, those in ``middle`` (names,
    which differ at both ends) and the head in their middle; those that stay ``whole`` do not. What does not fit even so
    is cut at the screen's edge.
    """
    heading = [_cell(item if isinstance(item, Cell) else Cell(item, "dim")) for item in head]
    body = [[_cell(item) for item in row] for row in rows]
    if not heading and not body:
        return ""
    widths = _widths(heading, body, screen.width, whole)
    lines = [_line(row, widths, screen, right, middle) for row in body]
    if heading:
        lines.insert(0, _line(heading, widths, screen, right, range(len(heading))))
    return "\n".join(lines)


def line(screen: Screen, *parts: str | Cell) -> str:
    """Parts one behind the other, cut where the screen ends."""
    left, shown = screen.width, []
    for cell in map(_cell, parts):
        text = cell.text if left is None else cut(cell.text, left) if left > 0 else ""
        shown.append(screen.paint(text, cell.colour) if text else "")
        left = None if left is None else left - width(text)
    return "".join(shown).rstrip()


def _widths(
    head: Sequence[Cell], body: Sequence[Sequence[Cell]], room: int | None, kept: Sequence[int]
) -> list[int]:
    count = max(len(row) for row in (head, *body))
    inner = [max((width(row[i].text) for row in body if i < len(row)), default=0) for i in range(count)]
    whole = [max(inner[i], width(head[i].text) if i < len(head) else 0) for i in range(count)]
    if room is None:
        return whole
    room -= len(GAP) * (count - 1)
    least = [whole[i] if i in kept else min(whole[i], max(min(inner[i], NARROWEST), 5)) for i in range(count)]
    most = min(max(whole), room)
    while sum(whole) > room and most > 5:
        most -= 1
        for i in range(count):
            if sum(whole) > room:
                whole[i] = min(whole[i], max(least[i], most))
    return whole


def _line(
    row: Sequence[Cell], widths: Sequence[int], screen: Screen, right: Sequence[int], middle: Sequence[int]
) -> str:
    parts, left = [], screen.width
    for i, cell in enumerate(row):
        if left is not None and left <= 0:
            break
        last = i == len(row) - 1
        room = widths[i] if left is None else min(widths[i], left)
        text = (cut_middle if i in middle else cut)(cell.text, room)
        pad = " " * (room - width(text))
        painted = screen.paint(text, cell.colour)
        parts.append(pad + painted if i in right else painted if last else painted + pad)
        left = left if left is None else left - room - len(GAP)
    return GAP.join(parts).rstrip()


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
    """The text, or its beginning and an ellipsis, in at most ``room`` columns.

    >>> cut("epoch 12 of 30", 9), cut("日本語", 5)
    ('epoch 12…', '日本…')
    """
    if width(text) <= room:
        return text
    kept = text[: max(room, 0)]
    while kept and width(kept) >= room:
        kept = kept[:-1]
    return kept + "…"


def cut_middle(text: str, room: int) -> str:
    """The text, or its two ends around an ellipsis, in at most ``room`` columns.

    >>> cut_middle("lr-0.001_opt-adam_seed-17", 15)
    'lr-0.00…seed-17'
    """
    if width(text) <= room:
        return text
    end = ""
    while end != text and width(text[-len(end) - 1 :]) <= (room - 1) // 2:
        end = text[-len(end) - 1 :]
    return cut(text[: len(text) - len(end)], room - width(end)).removesuffix("…") + "…" + end
