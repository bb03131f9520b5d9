"""How many examples a property is tried with."""

from hypothesis import settings

FULL = 100
"""Those of hypothesis' own profile. The profile of the quick run has fewer."""


def examples(count: int) -> int:
    """So many; in the quick run the same share of them as of those that name no number."""
    return max(1, count * settings().max_examples // FULL)
