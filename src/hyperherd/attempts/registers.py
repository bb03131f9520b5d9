"""Registers: what a submission is, decided once, by whoever comes first (docs/architecture.md, "Exactly once"); and
tokens, the names of submissions: ``<generation>-<date>-<time>-<random>``.

A *generation* is one life of a state folder: what nodes write in it lies in ``g-<generation>/``, and a token of another
one finds nothing there. What is in a folder of its own (a task, a doctor's job) has none; nor had version 1.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from hyperherd import fsio

VOID = "void"
"""What a register says of a submission that was given up: it never runs anything."""


def settle(register: Path, owner: str) -> str:
    """Make ``owner`` (a job id, or `VOID`) what the submission is, unless that is decided; return the decision."""
    # A full disk makes no file, not even to find that there is one.
    if not register.exists() and fsio.create(register, f"{owner}\n".encode()):
        return owner
    return settled(register) or owner


def settled(register: Path) -> str | None:
    """What has been decided about the submission: a job id, `VOID`, "" where that cannot be known; None where nothing
    has.
    """
    content = fsio.read_settled(register)
    return content.strip() if content is not None else None


_TOKEN = re.compile(r"(?:([0-9a-f]+)-)?\d{8}-\d{6}-[0-9a-f]{8}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_IN_A_TEXT = re.compile(rf"(?<![\w-]){_TOKEN.pattern}(?![\w-])")


def new_generation() -> str:
    """The name of a new life of a state folder."""
    return os.urandom(5).hex()


def new_token(generation: str = "") -> str:
    """A name for a submission: sorts by time within a generation, plain letters and digits."""
    token = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"
    return f"{generation}-{token}" if generation else token


def is_token(word: str) -> bool:
    """Whether it can be the name of a submission: one name of a file, which leads nowhere else.

    >>> is_token("20300101-120000-0b1c2d3e"), is_token("77"), is_token("../x"), is_token("a b")
    (True, True, False, False)
    """
    return _PLAIN_NAME.fullmatch(word) is not None


def tokens_in(text: str) -> list[str]:
    """Every token that stands in a text."""
    return [found[0] for found in _IN_A_TEXT.finditer(text)]


def generation_of(token: str) -> str:
    """The generation that a submission belongs to; "" where it has none.

    >>> generation_of("0b1c2d3e4f-20300101-120000-0b1c2d3e"), generation_of("20300101-120000-0b1c2d3e")
    ('0b1c2d3e4f', '')
    """
    found = _TOKEN.fullmatch(token)
    return (found[1] or "") if found else ""
