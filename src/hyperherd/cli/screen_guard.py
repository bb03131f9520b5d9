"""A terminal that takes no orders from what is shown on it: logs and files of others may hold escape sequences."""

from __future__ import annotations

import re
from typing import Any, TextIO

_ORDER = re.compile(
    r"\x1b\[[0-9;]*[mK]"  # colours, and the end of a line that is written anew: ours
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""ECMA-48's control characters (C0 but tab, line end and carriage return; C1), and Unicode's that turn the direction of
a text around (UAX 9, 2.1 to 2.4).
"""


def harmless(text: str) -> str:
    r"""The text without anything that a terminal would obey but colours.

    >>> harmless("a\x1b]0;title\x07b"), harmless("\x1b[31mred\x1b[0m"), harmless("gpj.\u202eexe")
    ('a�]0;title�b', '\x1b[31mred\x1b[0m', 'gpj.�exe')
    """
    return _ORDER.sub(lambda found: found[0] if len(found[0]) > 1 else "\N{REPLACEMENT CHARACTER}", text)


class Guarded:
    """A stream that passes on what is `harmless`."""

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        """As of the stream."""
        return self.unguarded.write(harmless(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


def guarded(stream: TextIO) -> TextIO:
    """The stream, guarded where it is a terminal."""
    return Guarded(stream) if stream.isatty() else stream  # type: ignore[return-value]
