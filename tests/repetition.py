"""Random properties that take long: a part of their repetitions in ``make test``, all of them in ``make torture``."""

from __future__ import annotations

from typing import Any

import pytest

STEPS = [3, pytest.param(1, marks=pytest.mark.thorough)]
"""Between two changes to the world before which a command is killed."""


def seeds(count: int, *, usual: int = 1) -> list[Any]:
    """So many seeds, of which ``make test`` tries the first ``usual`` ones."""
    return [*range(usual), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(usual, count))]
