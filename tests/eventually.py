"""Waiting for what will be so: asked again and again, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

DEADLINE_S = 180.0

Answer = TypeVar("Answer")


def until(
    true: Callable[[], Answer],
    what: str | Callable[[], object],
    deadline_s: float = DEADLINE_S,
    pause_s: float = 0.02,
) -> Answer:
    """The first answer that is true; a test that gets none in time has failed.

    ``what`` it waited for, or what tells it then.
    """
    deadline = time.monotonic() + deadline_s
    while not (answer := true()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {deadline_s:g} s for {what() if callable(what) else what}")
        time.sleep(pause_s)
    return answer
