"""One look at attempts folders: what has been claimed, how it ended, and what is marked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import AGAIN, AttemptFolder, Outcome, Unit

Attempt = tuple[Unit, int]
"""An attempt: what it is of, and its number."""


@dataclass(frozen=True)
class Listing:
    """``newest``: the number of each unit's newest claimed attempt; ``outcomes`` of those that have ended, and
    ``marks``.
    """

    newest: Mapping[Unit, int] = field(default_factory=dict)
    claims: Set[Attempt] = frozenset()
    outcomes: Mapping[Attempt, Outcome] = field(default_factory=dict)
    marks: Mapping[Attempt, Set[str]] = field(default_factory=dict)

    def newest_since(self, unit: Unit, first: int) -> int:
        """The number of the newest attempt of a submission whose first is ``first``, begun or yet to begin."""
        attempt = max(self.newest.get(unit, 0), first)
        return attempt + 1 if self._another_follows(unit, attempt) else attempt

    def _another_follows(self, unit: Unit, attempt: int) -> bool:
        outcome = self.outcomes.get((unit, attempt))
        return AGAIN in self.marks.get((unit, attempt), ()) and not (outcome and outcome.succeeded)


def read(folders: Iterable[AttemptFolder], units: Collection[Unit] | None = None) -> Listing:
    """The folders as they are now, or what is in them of these units; missing ones are empty. Raises `WorkspaceError`
    where one cannot be read.
    """
    found = (one for folder in folders for one in _files(folder, units))
    return of_files(found if units is None else (one for one in found if one[0] in units))


def of_files(files: Iterable[tuple[Unit, int, Outcome | str | None]]) -> Listing:
    """What files with these names tell (see `filenames.read`).

    >>> of_files(map(filenames.read, ["3.1", "3.1.requeued.75", "3.1.AGAIN", "3.2"])).newest
    {Unit(trial=3, task=None): 2}
    """
    newest: dict[Unit, int] = {}
    claimed: set[Attempt] = set()
    outcomes: dict[Attempt, Outcome] = {}
    marks: dict[Attempt, set[str]] = {}
    for unit, number, rest in files:
        if isinstance(rest, str):
            marks.setdefault((unit, number), set()).add(rest)
            continue
        if rest is not None:
            outcomes[unit, number] = rest
        else:
            claimed.add((unit, number))
        if number > newest.get(unit, 0):
            newest[unit] = number
    return Listing(newest, claimed, outcomes, marks)


def _files(
    folder: AttemptFolder, units: Collection[Unit] | None
) -> Iterator[tuple[Unit, int, Outcome | str | None]]:
    if folder.flat:
        names = _names(folder.path)
        yield from filter(None, map(filenames.read, names))
        for trial in map(int, filter(filenames.is_number, names)):
            for unit, number, rest in filter(None, map(filenames.read, _names(folder.path / str(trial)))):
                yield Unit(trial, unit.trial), number, rest
        return
    if units is None:
        blocks = [folder.path / name for name in _names(folder.path)]
    else:
        blocks = list(dict.fromkeys(map(folder.block, units)))
    begin = "" if units is None or len(units) > 1 else f"{next(iter(units), '')}."
    for block in blocks:
        yield from filter(None, map(filenames.read, [n for n in _names(block) if n.startswith(begin)]))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fsio.unreadable(str(folder), error) from error
