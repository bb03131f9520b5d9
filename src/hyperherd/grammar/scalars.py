"""One word of Hydra's grammar: what it means unquoted, and how quotes work.

Trainers import this, so it does without ``re`` and everything else that costs start-up time.
Source of the rules: hydra-core 1.3, ``OverrideLexer.g4`` (tokens INT, FLOAT, BOOL, NULL, QUOTED_VALUE).
"""

from __future__ import annotations

PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-.+$%*@?|:"
"""What may stand in a string as it is: Hydra's ID, COLON, and UNQUOTED_CHAR without the backslash."""

ESCAPED = "\\()[]{}:=, \t"
"""What may stand unquoted in a string behind a backslash (Hydra's ESC)."""

QUOTES = "'\""

_DIGITS = "0123456789"
_CONSTANTS = {"true": True, "false": False, "null": None}
_NON_FINITE = ("inf", "nan")


def scalar(word: str) -> bool | int | float | str | None:
    """The value of an unquoted word: typed if all of it is one number or constant, else the word itself.

    >>> [scalar(word) for word in ("1e-3", "1_000", "007", "True", "null", "-inf", "adam")]
    [0.001, 1000, '007', True, None, -inf, 'adam']
    """
    first = word[:1]
    if first in "tTfFnNiI":
        lower = word.lower()
        if lower in _CONSTANTS:
            return _CONSTANTS[lower]
        return float(word) if lower in _NON_FINITE else word
    if first in "+-.0123456789":
        return _number(word)
    return word


def _number(word: str) -> int | float | str:
    body = word[1:] if word[0] in "+-" else word
    if _is_unsigned(body):
        return _integer(word)
    if body.lower() in _NON_FINITE:
        return float(word)
    mantissa, mark, exponent = body.replace("E", "e").partition("e")
    if mark:
        digits = exponent[1:] if exponent[:1] in ("+", "-") else exponent
        is_float = _is_digits(digits) and (_is_unsigned(mantissa) or _is_point_float(mantissa))
    else:
        is_float = _is_point_float(mantissa)
    return float(word) if is_float else word


def _integer(word: str) -> int | str:
    try:
        return int(word)
    except ValueError:
        # More digits than Python converts (4,300 by default): Hydra fails there; as text nothing is lost.
        return word


def _is_digits(text: str) -> bool:
    """Digits with single underscores between them."""
    return (
        text[:1] in _DIGITS
        and text[-1:] in _DIGITS
        and "__" not in text
        and bool(text)
        and not text.strip("0123456789_")
    )


def _is_unsigned(text: str) -> bool:
    return text == "0" or (text[:1] != "0" and _is_digits(text))


def _is_point_float(text: str) -> bool:
    whole, dot, fraction = text.partition(".")
    if not dot:
        return False
    if not fraction:
        return _is_unsigned(whole)
    return _is_digits(fraction) and (not whole or _is_unsigned(whole))


def quote(text: str, mark: str = "") -> str:
    r"""``text`` in quotes: ``mark``, by default single ones, or double ones where that saves backslashes.

    Only backslashes that stand right before a quote (or at the end) are special, and doubled.

    >>> print(quote("C:\\new dir\\"), quote("it's"))
    'C:\new dir\\' "it's"
    """
    mark = mark or ('"' if "'" in text and '"' not in text else "'")
    if "\\" not in text:
        return mark + text.replace(mark, "\\" + mark) + mark
    pieces = (text + mark).split(mark)[:-1]
    return mark + ("\\" + mark).join(_double_last(piece) for piece in pieces) + mark


def _double_last(piece: str) -> str:
    return piece + "\\" * (len(piece) - len(piece.rstrip("\\")))


def quoted_end(text: str, start: int) -> int:
    """Where the quoted value that begins at ``start`` ends (behind its quote); -1 if it is never closed."""
    mark = text[start]
    end = text.find(mark, start + 1)
    while end != -1:
        inside = text[start + 1 : end]
        if (len(inside) - len(inside.rstrip("\\"))) % 2 == 0:
            return end + 1
        end = text.find(mark, end + 1)
    return -1


def unquote(quoted: str) -> str:
    r"""What a quoted value means; the reverse of `quote`.

    >>> unquote(r"'it\'s'")
    "it's"
    """
    mark, inside = quoted[0], quoted[1:]
    if "\\" + mark not in inside:
        return inside[:-1]
    pieces = inside.split(mark)[:-1]
    return mark.join(_halve_last(piece) for piece in pieces)


def _halve_last(piece: str) -> str:
    bare = piece.rstrip("\\")
    return bare + "\\" * ((len(piece) - len(bare)) // 2)
