"""Looking again and again until something has come true: the one loop of all that waits.

A *look* asks schedulers, a *glance* reads what lies on the disk, which costs nobody anything. Looks come once in a
pause, farther apart and with jitter while nothing changes; a glance comes each second, and brings the next look forward
where it sees something new.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

GLANCE_S = 1.0
"""Between two glances."""

_FIRST_S = 0.01
"""Before the first glance; from there to `GLANCE_S`: much that is waited for ends at once."""

BUSY = 10.0
"""Pauses are at least so many times as long as what stands before them took."""

BACK_OFF, MOST = 1.5, 4.0
"""A pause grows by this factor with each look that has seen nothing new, to at most so many times its length."""

JITTER = 0.2
"""A pause is up to this share shorter or longer: what was started together asks apart."""


@dataclass(frozen=True)
class Clock:
    """Time passes by ``sleep``; ``chance`` is even between 0 and 1. Tests have another one."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random


CLOCK = Clock()


class Watched(Protocol):
    """What is looked at."""

    def look(self) -> object:
        """Ask whoever has to be asked. What comes back is the same as before while nothing has changed."""

    def glance(self) -> object:
        """Look at the disk. What comes back is another than before where a look is worth while; None: it is not."""

    def over(self) -> bool:
        """Whether there is nothing left to wait for, after the last look or glance."""


class Rhythm:
    """When to look again, and when to glance; ``pause_s`` lies between two looks.

    After a glance that sees something new a look is due at once; if that changes nothing, as while a job is ending, the
    next follow after 1 s, 2 s, 4 s, ... until the pause is as long as before.
    """

    def __init__(self, pause_s: float, *, glance_s: float = GLANCE_S, clock: Clock = CLOCK) -> None:
        self._pause_s = pause_s
        self._glance_s = glance_s
        self._clock = clock
        self._begun = self._look_at = self._glance_at = clock.now()
        self._next_glance_s = min(_FIRST_S, glance_s)
        self._soon_s = GLANCE_S
        self._still = 1.0
        self._seen: object = None
        self._glimpsed: object = None

    def begin(self) -> None:
        """What follows until `looked` or `glanced` takes time."""
        self._begun = self._clock.now()

    def looked(self, seen: object, glimpsed: object) -> None:
        """After a look, and a glance behind it: plan the next."""
        now = self._clock.now()
        self._still = min(self._still * BACK_OFF, MOST) if seen == self._seen else 1.0
        self._soon_s = 2 * self._soon_s if glimpsed == self._glimpsed else GLANCE_S
        self._seen, self._glimpsed = seen, glimpsed
        pause_s = self._pause_s * self._still * (1 + JITTER * (2 * self._clock.chance() - 1))
        if glimpsed is not None:
            pause_s = min(self._soon_s, pause_s)
        self._look_at = now + max(pause_s, BUSY * (now - self._begun))
        self._glance_later(now)

    def glanced(self, glimpsed: object) -> None:
        """After a glance: plan the next, or the look that it has brought forward."""
        now = self._clock.now()
        self._glance_later(now)
        if glimpsed is not None and glimpsed != self._glimpsed:
            self._look_at = now

    def _glance_later(self, now: float) -> None:
        self._glance_at = now + max(self._next_glance_s, BUSY * (now - self._begun))
        self._next_glance_s = min(self._next_glance_s * BACK_OFF, self._glance_s)

    @property
    def look_is_due(self) -> bool:
        return self._clock.now() >= self._look_at

    @property
    def glance_is_due(self) -> bool:
        return self._clock.now() >= self._glance_at

    @property
    def pause_s(self) -> float:
        """How long there is nothing to do."""
        return max(0.0, min(self._look_at, self._glance_at) - self._clock.now())


class Watch:
    """A watched thing in its rhythm, for a loop that does other things too."""

    def __init__(self, watched: Watched, rhythm: Rhythm) -> None:
        self._watched = watched
        self._rhythm = rhythm

    def step(self) -> bool:
        """Look or glance where that is due; whether it is over."""
        self._rhythm.begin()
        if self._rhythm.look_is_due:
            seen = self._watched.look()
            self._rhythm.looked(seen, self._watched.glance())
        elif self._rhythm.glance_is_due:
            self._rhythm.glanced(self._watched.glance())
        return self._watched.over()

    @property
    def pause_s(self) -> float:
        """How long there is nothing to do."""
        return self._rhythm.pause_s


def until_over(
    watched: Watched,
    pause_s: float,
    *,
    glance_s: float = GLANCE_S,
    timeout_s: float | None = None,
    clock: Clock = CLOCK,
) -> bool:
    """Look now, and then in its rhythm, until it is over. False where that was not so after ``timeout_s``."""
    return until_all_over([(watched, pause_s)], glance_s=glance_s, timeout_s=timeout_s, clock=clock)


def until_all_over(
    several: Iterable[tuple[Watched, float]],
    *,
    glance_s: float = GLANCE_S,
    timeout_s: float | None = None,
    clock: Clock = CLOCK,
) -> bool:
    """The same for several, each with its own pause."""
    deadline = None if timeout_s is None else clock.now() + timeout_s
    watches = [
        Watch(watched, Rhythm(pause_s, glance_s=glance_s, clock=clock)) for watched, pause_s in several
    ]
    while watches := [watch for watch in watches if not watch.step()]:
        pause_s = min(watch.pause_s for watch in watches)
        if deadline is not None:
            if clock.now() >= deadline:
                return False
            pause_s = min(pause_s, deadline - clock.now())
        clock.sleep(max(0.0, pause_s))
    return True
