"""`guard`: a training loop that saves in time, and is run again where it was told to stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from hyperherd.errors import CheckpointError
from hyperherd.runtime import ranks
from hyperherd.runtime.checkpoint.finding import folder
from hyperherd.runtime.checkpoint.names import DEFAULT
from hyperherd.runtime.checkpoint.saving import Keep, prepared, save
from hyperherd.runtime.signals import awaited

RUN_ME_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: not finished, run me again."""


def guard(
    dir: str | os.PathLike[str] | None,
    write: Callable[[Path], object],
    *,
    every: int | None = None,
    keep: int | Keep | None = 3,
    config: Mapping[str, Any] | None = None,
    name: str = DEFAULT,
) -> Guard:
    """Watch over a training loop: ``with guard(dir, write, every=100) as guard: ... guard.step(step)``.

    Each rank enters it, in the main thread, and calls `Guard.step` after the same steps. Entering it raises
    `CheckpointError` where nothing can be saved, before the first step. ``dir`` None is the trial's own folder;
    ``every`` is how many steps lie between two saves (None: only when told to stop); the rest is `save`'s.
    """
    if every is not None and every < 1:
        raise CheckpointError(f"every={every!r} is no number of steps", hint="every=100, or None")

    place = os.path.abspath(folder() if dir is None else dir)  # the trainer may go elsewhere

    def saves(step: int) -> Path | None:
        return save(place, write, step=step, keep=keep, config=config, name=name)

    return Guard(place, partial(prepared, place, name), saves, every)


class Guard:
    """A loop that is watched over; made by `guard`."""

    def __init__(
        self,
        folder: str,
        prepares: Callable[[], None],
        saves: Callable[[int], Path | None],
        every: int | None,
    ) -> None:
        self._folder = folder
        self._prepares = prepares
        self._saves = saves
        self._every = every
        self._ranks: ranks.Agreement | None = None
        self._installed = False
        self._asked: tuple[int, bool] | None = None
        self._ending = False

    def __enter__(self) -> Guard:
        self._prepares()
        self._ranks = ranks.agreement(self._folder)
        self._installed = awaited.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed and not self._ending:  # a second TERM must not change the exit code
            awaited.end()
        agreed, self._ranks = self._ranks, None
        if agreed is not None and kind is None:
            agreed.close()

    def due(self, step: int) -> bool:
        """Whether `step` is going to save; the same answer on every rank.

        For what all ranks have to do for it, such as gathering their states where rank 0's ``write`` finds them.
        """
        return self._stops(step) or bool(self._every and step % self._every == 0)

    def step(self, step: int) -> None:
        """To be called after each step: saves where it is time to, and ends the process where it was told to.

        Then it raises SystemExit with 75, on every rank and after rank 0 has saved. Raises what `save` raises.
        """
        due, stops = self.due(step), self._stops(step)
        self._asked = None
        if stops:
            self._save_and_tell(step)
            self._ending = True
            raise SystemExit(RUN_ME_AGAIN)
        if due:
            self._saves(step)

    def _stops(self, step: int) -> bool:
        """Ask the ranks, once for `due` and `step` together."""
        if self._ranks is None:
            raise CheckpointError(
                "the guard is not on", hint="with checkpoint.guard(...) as guard: ... guard.step(step)"
            )
        if self._asked is None or self._asked[0] != step:
            self._asked = (step, self._ranks.stops(step, awaited.received is not None))
        return self._asked[1]

    def _save_and_tell(self, step: int) -> None:
        assert self._ranks is not None
        begun, path, saved = time.monotonic(), None, False
        try:
            path = self._saves(step)
            saved = True
        finally:
            saved = self._ranks.end_save(saved)
        if not saved:
            raise CheckpointError(f"rank 0 has not saved step {step}", hint="see its own error")
        if path is not None:
            why = awaited.received.name if awaited.received else "another rank's signal"
            took_s = time.monotonic() - begun
            said = f"hyperherd: {why}: saved {path} in {took_s:.1f} s; ending with {RUN_ME_AGAIN}, to be run again"
            print(said, file=sys.stderr, flush=True)
