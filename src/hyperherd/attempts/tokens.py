"""Tokens: the names of submissions, ``<generation>-<date>-<time>-<random>``, unique without asking anyone.

A *generation* is one life of a state folder: what nodes write in it lies in ``g-<generation>/``, and a token of
another one finds x
"""

from __future__ import annotations

import os
import re
import time

_TOKEN = re.compile(r"(?:([0-9a-f]+)-)?\d{8}-\d{6}-[0-9a-f]{8}")


def new_generation() -> str:
    """The name of a new life of a state folder."""
    return os.urandom(5).hex()


def new(generation: str = "") -> str:
    """A name for a submission: sorts by time within a generation, plain letters and digits."""
    token = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"
    return f"{generation}-{token}" if generation else token


def generation_of(token: str) -> str:
    """The generation that a submission belongs to; "" where it has none.

    >>> generation_of("0b1c2d3e4f-20300101-120000-0b1c2d3e"), generation_of("20300101-120000-0b1c2d3e")
    ('0b1c2d3e4f', '')
    """
    found = _TOKEN.fullmatch(token)
    return (found[1] or "") if found else ""
