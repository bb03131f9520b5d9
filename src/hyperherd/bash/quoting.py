"""A text as one word of bash, and back. Whatever it holds, bash sees it unchanged and runs none of it."""

from __future__ import annotations

import re
import shlex

_CONTROL_OR_UNDECODED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MEANINGS = {escaped: character for character, escaped in _ESCAPES.items()}
_PIECE = re.compile(
    r"""(?P<plain>[\w@%+=:,./-]+)|'(?P<single>[^']*)'|"(?P<double>')"|\$'(?P<ansi>(?:\\.|[^\\'])*)'""",
    re.ASCII,
)
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\.", re.DOTALL)


def quote(text: str) -> str:
    r"""A bash word that stands for exactly this text.

    Control characters (bash and sbatch treat some of them as their own) and bytes that are no UTF-8
    (surrogates, as Python's ``surrogateescape`` makes them) are escaped.

    >>> print(quote("a b"), quote("it's"), quote("a\r\n'b"), quote("\udcff1"))
    'a b' 'it'"'"'s' $'a\r\n\'b' $'\xff1'
    """
    return _escaped(text) if _CONTROL_OR_UNDECODED.search(text) else shlex.quote(text)


def quote_in_one_line(text: str) -> str:
    """The same, without a line end in it."""
    return _escaped(text) if "\n" in text else quote(text)


def quote_portably(text: str) -> str:
    """The same for any POSIX shell, which need not know ``$'...'``: control characters stand as they are."""
    return shlex.quote(text)


def unquote(text: str) -> list[str] | None:
    r"""The words that `quote` or `quote_portably` made, parted by one blank; None for any other text.

    >>> unquote(r"lr=0.1 'a b' $'a\r\n'"), unquote("$HOME"), unquote("a  b")
    (['lr=0.1', 'a b', 'a\r\n'], None, None)
    """
    words, position = [""], 0
    while position < len(text):
        if text[position] == " " and position and text[position - 1] != " ":
            words.append("")
            position += 1
            continue
        found = _PIECE.match(text, position)
        if found is None:
            return None
        kind = found.lastgroup or ""
        piece = found[kind]
        words[-1] += _ESCAPED.sub(_meaning, piece) if kind == "ansi" else piece
        position = found.end()
    return None if text.endswith(" ") else words if text else []


def _escaped(text: str) -> str:
    return "$'" + "".join(_ESCAPES.get(char) or _escape(char) for char in text) + "'"


def _escape(char: str) -> str:
    if not _CONTROL_OR_UNDECODED.match(char):
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def _meaning(found: re.Match[str]) -> str:
    if not found[1]:
        return _MEANINGS.get(found[0], found[0])
    return bytes([int(found[1], 16)]).decode("utf-8", "surrogateescape")
