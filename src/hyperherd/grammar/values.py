"""One value as Hydra writes it: `write` makes the text, `read` the value. Also non-finite floats in JSON.

Trainers import this: nothing here may import ``re``, ``json`` or ``dataclasses`` when it is loaded.
"""

from __future__ import annotations

from hyperherd.grammar.scalars import ESCAPED, PLAIN, QUOTES, quote, quoted_end, scalar, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLAIN_KEY = PLAIN.replace(":", "")
_KEY = _PLAIN_KEY + ESCAPED
_ESCAPES = {ord(character): "\\" + character for character in ESCAPED}


def write(value: Any) -> str:
    """The text that Hydra 1.3 reads back as the same value of the same type after ``key=``.

    No blanks outside of quotes, and no quotes where none are needed: ``0.001``, ``adam``, ``[1,'a b']``.
    Floats have all of their digits. A text with ``${...}`` goes through as it is: Hydra's parser reads it
    back unchanged, and OmegaConf then takes it for an interpolation, as if typed on Hydra's command line.

    Hydra has no text for a map's key that is empty, holds anything but ASCII letters, digits, blanks and
    ``_/-.+$%*@?|:\\()[]{}=,``, or is a string that reads as a number or constant (``"1"``). Such a key is
    quoted: `read` and the trainer's ``parse_overrides`` take it, Hydra refuses it (and never misreads it).

    Raises TypeError for what is not a plain builtin.

    >>> write({"lr": 0.1, "layers": [64, "64"], "note": "it's new"})
    '{lr:0.1,layers:[64,\\'64\\'],note:"it\\'s new"}'
    """
    if isinstance(value, str):
        if value and not value.strip(PLAIN) and scalar(value) is value:
            return value
        return quote(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([write(element) for element in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([f"{_write_key(key)}:{write(element)}" for key, element in value.items()]) + "}"
    return _write_constant(value)


def _write_constant(value: Any) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be written as an override")


def _write_key(key: Any) -> str:
    if not isinstance(key, str):
        return float.__repr__(key) if isinstance(key, float) else _write_constant(key)
    if key and not key.strip(_PLAIN_KEY) and scalar(key) is key:
        return key
    if key and not key.strip(_KEY) and key.strip(_PLAIN_KEY):
        return key.translate(_ESCAPES)
    return quote(key)


def read(text: str) -> Any:
    """The value of what stands behind ``key=``, as Hydra 1.3 reads it; the reverse of `write`.

    Beyond Hydra, a map's keys may be quoted. An empty text is the empty string. Raises `GrammarError` for a
    text that is not one value (a sweep such as ``1,2`` is several).

    >>> read("[1, 2.0, x y, {k: 'v'}]")
    [1, 2.0, 'x y', {'k': 'v'}]
    """
    if not text.strip(PLAIN):
        return scalar(text)
    if text[0] in QUOTES and quoted_end(text, 0) == len(text):
        return unquote(text)
    # Loaded late for start-up time: trainers mostly get plain words, which never come here.
    from hyperherd.grammar.elements import read_value

    return read_value(text)


_FLOAT = "$float"
_MAP = "$map"
_NON_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def tag(value: Any) -> Any:
    """``value`` for JSON: NaN and infinities become ``{"$float": "nan" | "inf" | "-inf"}``, at any depth.

    A map that looks like a tag is wrapped as ``{"$map": {...}}``, so that `untag` gives back what was there.
    """
    if isinstance(value, float):
        return value if value - value == 0 else {_FLOAT: float.__repr__(value)}
    if isinstance(value, dict):
        tagged = {key: tag(element) for key, element in value.items()}
        return {_MAP: tagged} if len(value) == 1 and (_FLOAT in value or _MAP in value) else tagged
    if isinstance(value, (list, tuple)):
        return [tag(element) for element in value]
    return value


def untag(value: Any) -> Any:
    """The reverse of `tag`.

    >>> untag({"lr": [1.0, {"$float": "-inf"}]})
    {'lr': [1.0, -inf]}
    """
    if isinstance(value, list):
        return [untag(element) for element in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        word, inner = value.get(_FLOAT), value.get(_MAP)
        if isinstance(word, str) and word in _NON_FINITE:
            return _NON_FINITE[word]
        if isinstance(inner, dict):
            return {key: untag(element) for key, element in inner.items()}
    return {key: untag(element) for key, element in value.items()}
