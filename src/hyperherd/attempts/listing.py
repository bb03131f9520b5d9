"""One look at an attempts folder: what has been claimed, how it ended, and what is marked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from hyperherd import fsio
from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import AGAIN, Outcome

Key = TypeVar("Key")


@dataclass(frozen=True)
class Listing(Generic[Key]):
    """``newest``: the number of each one's newest claimed attempt; ``outcomes`` of those that have ended and ``marks``,
    both by (key, attempt). A key is what was claimed: its number, or what the reader of several folders makes of that.
    """

    newest: Mapping[Key, int] = field(default_factory=dict)
    claims: Set[tuple[Key, int]] = frozenset()
    outcomes: Mapping[tuple[Key, int], Outcome] = field(default_factory=dict)
    marks: Mapping[tuple[Key, int], Set[str]] = field(default_factory=dict)

    def newest_since(self, key: Key, first: int) -> int:
        """The number of the newest attempt of a submission whose first is ``first``, begun or yet to begin."""
        attempt = max(self.newest.get(key, 0), first)
        return attempt + 1 if self._another_follows(key, attempt) else attempt

    def _another_follows(self, key: Key, attempt: int) -> bool:
        outcome = self.outcomes.get((key, attempt))
        return AGAIN in self.marks.get((key, attempt), ()) and not (outcome and outcome.succeeded)


def read(folder: Path) -> Listing[int]:
    """The folder as it is now; a missing one is empty. Raises `WorkspaceError` where it cannot be read."""
    return of_names([(names(folder), int)])


def names(folder: Path) -> list[str]:
    """What is in the folder; nothing if there is none. Raises `WorkspaceError` where it cannot be read."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise fsio.unreadable(str(folder), error) from error


def of_names(folders: Iterable[tuple[Iterable[str], Callable[[int], Key]]]) -> Listing[Key]:
    """The names of the files of each folder, and what makes a key of a number in it.

    >>> of_names([(["3.1", "3.1.75", "3.1.AGAIN", "3.2", "lock~"], int)]).newest
    {3: 2}
    """
    newest: dict[Key, int] = {}
    claimed: set[tuple[Key, int]] = set()
    outcomes: dict[tuple[Key, int], Outcome] = {}
    marks: dict[tuple[Key, int], set[str]] = {}
    for found, key_of in folders:
        for index, attempt, rest in filter(None, map(filenames.read, found)):
            key = key_of(index)
            if isinstance(rest, str):
                marks.setdefault((key, attempt), set()).add(rest)
                continue
            if rest is not None:
                outcomes[key, attempt] = rest
            else:
                claimed.add((key, attempt))
            if attempt > newest.get(key, 0):
                newest[key] = attempt
    return Listing(newest, claimed, outcomes, marks)
