"""A string of overrides, ``a=1 b='x y' c=[1, 2]``, and its words. Trainers import this, so it is light."""

from __future__ import annotations

from hyperherd.grammar.scalars import QUOTES, quoted_end
from hyperherd.grammar.writing import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_BLANKS = " \t\n\r"
_CLOSED_BY = {"[": "]", "{": "}", "(": ")"}
_CLOSERS = "]})"
_ORDINARY = "".join(chr(code) for code in range(32, 127) if chr(code) not in "\\'\"[]{}()")
_BEFORE_A_QUOTE = "=,[{(: \t\n\r"


def words(overrides: Mapping[str, Any]) -> list[str]:
    """Each ``name=value``, the value as `write` makes it; `split` takes them apart again where a blank joins them."""
    return [f"{name}={write(value)}" for name, value in overrides.items()]


def split(text: str) -> list[str]:
    """The words of a string of overrides.

    Blanks part them, except in quotes, in brackets and behind a backslash. Quotes count where a value or an
    element begins (as in Hydra, ``it's`` holds none). A quote or bracket that is never closed is an ordinary
    character; nothing raises.

    >>> split("a=1  b='x y' c=[1, 2] d=it's --cfg job")
    ['a=1', "b='x y'", 'c=[1, 2]', "d=it's", '--cfg', 'job']
    """
    if not text.strip(_ORDINARY):
        return text.split()
    ends, _ = _groups(text)
    found = []
    position = _skip_blanks(text, 0)
    while position < len(text):
        end = _word_end(text, position, ends)
        found.append(text[position:end])
        position = _skip_blanks(text, end)
    return found


def is_complete(text: str) -> bool:
    """Whether all quotes and brackets that are opened in ``text`` are closed in it."""
    return _groups(text)[1]


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position


def _word_end(text: str, position: int, ends: Mapping[int, int]) -> int:
    while position < len(text) and text[position] not in _BLANKS:
        if position in ends:
            position = ends[position]
        else:
            position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _groups(text: str) -> tuple[dict[int, int], bool]:
    """Start -> end (exclusive) of all that is quoted or in brackets, and whether all that opens is closed."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    complete = True
    position, before = 0, "="
    while position < len(text):
        character = text[position]
        end = position + (2 if character == "\\" else 1)
        if character in QUOTES and before in _BEFORE_A_QUOTE:
            closed = quoted_end(text, position)
            complete = complete and closed != -1
            if closed != -1:
                ends[position] = end = closed
        elif character in _CLOSED_BY:
            opened.append(position)
        elif character in _CLOSERS and opened and _CLOSED_BY[text[opened[-1]]] == character:
            ends[opened.pop()] = end
        if character not in _BLANKS or not opened:
            before = character
        position = end
    return ends, complete and not opened
