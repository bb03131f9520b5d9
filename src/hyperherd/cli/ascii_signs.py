"""What stands for our signs where a terminal cannot show them, or with ``--ascii``: one character for each."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any, TextIO

HANDLER = "hyperherd.ascii"
"""The name of the error handler (codecs)."""

_SIGNS = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
    **dict(zip("░▒▓", ".+x", strict=True)),
    **dict(zip("★↑↓±×…", "*^v+x.", strict=True)),
    "\u2800": " ",
}


def shown(text: str) -> str:
    r"""The text in ASCII; what is no sign of ours as Python writes it.

    >>> shown("★ 0.91 ±0.01 ↑ ▁▄█"), shown("損")
    ('* 0.91 +0.01 ^ _:#', '\\u640d')
    """
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if "\u2800" < character <= "\u28ff":  # braille, of which plots are made
        return "*"
    return character if character.isascii() else character.encode("ascii", "backslashreplace").decode("ascii")


def _handle(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return shown(error.object[error.start : error.end]), error.end


class AsciiOnly:
    """A stream that passes on what is `shown`. (click takes a stream whose encoding is ASCII for a mistake.)"""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def unguarded(self) -> AsciiOnly:
        """The same of the stream behind a guard (`screen_guard`), which may move the cursor."""
        return AsciiOnly(getattr(self._stream, "unguarded", self._stream))

    def write(self, text: str) -> int:
        """As of the stream; raises TypeError for bytes, by which click tells text streams from others."""
        return self._stream.write(shown(text + ""))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def install() -> None:
    """What stdout and stderr cannot show is shown so."""
    codecs.register_error(HANDLER, _handle)
    for stream in (sys.stdout, sys.stderr):
        # What keeps bytes of file names as they are (surrogateescape) goes on doing so.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=HANDLER)


def only() -> None:
    """Nothing but ASCII on either."""
    sys.stdout, sys.stderr = AsciiOnly(sys.stdout), AsciiOnly(sys.stderr)
