"""One value as Hydra writes it: `write` makes the text, `read` the value. Also non-finite floats in JSON.

Trainers import this: nothing here may import ``re``, ``json`` or ``dataclasses`` when it is loaded.
"""

from __future__ import annotations

from hyperherd.grammar.scalars import PLAIN, QUOTES, quoted_end, scalar, unquote
from hyperherd.grammar.writing import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["read", "tag", "untag", "write"]


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
