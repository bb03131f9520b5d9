"""The text of one value, as Hydra reads it. Trainers import this: nothing heavy may be imported here."""

from __future__ import annotations

from hyperherd.grammar.scalars import ESCAPED, PLAIN, quote, scalar

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
