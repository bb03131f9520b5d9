"""What schedulers have said, shared by all commands of one user that wait or watch on this machine.

A file for each scheduler in the runtime folder (``$XDG_RUNTIME_DIR/hyperherd``) has its last answer. A command that
watches writes down there what it waits for; whoever has to ask next asks for all of them at once, and the others take
that answer. Best effort: without the folder, or with a damaged file, each asks for itself.

An answer counts for an element only while nothing more is known of it than when the question was asked (no attempt has
begun or noted its end since), and only for jobs that were recorded before. What starts, stops or gives up asks anew.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hyperherd import fsio
from hyperherd.errors import WorkspaceError
from hyperherd.fsio import processes
from hyperherd.fsio.processes import Identity
from hyperherd.jobs import Job, State
from hyperherd.launchers.base import Launcher

ONE_SHOT_S = 30.0
"""An answer of this age is taken by a command that looks once, where the budget is spent."""

BUDGET = 20
"""Questions to one scheduler in a minute that this user's commands ask, before they take answers that others got."""

_MINUTE_S = 60.0

Wanted = Sequence[tuple[Job, Mapping[int, int]]]
"""Jobs, and of each element that is asked about a number for what is known of it (see `facts`), which grows."""


class Said(msgspec.Struct, frozen=True):
    """What was said of an element, and what was ``known`` of it then."""

    known: int
    state: State


class Answer(msgspec.Struct, frozen=True):
    """The last answers of a scheduler, by token and element; ``asked_at`` of each token, and ``calls``: when it was
    asked, in seconds since the epoch.
    """

    said: dict[str, dict[int, Said]] = {}
    asked_at: dict[str, float] = {}
    calls: tuple[float, ...] = ()


class Want(msgspec.Struct, frozen=True):
    """What a command waits for; ``owner`` is its process."""

    owner: str
    wanted: tuple[tuple[Job, dict[int, int]], ...]


@dataclass(frozen=True)
class Looks:
    """How a command asks: ``age_s`` is how old an answer may be that another command got; ``watches``: it asks again
    and again, and tells the others what it waits for.
    """

    folder: Path | None = None
    age_s: float = 0.0
    watches: bool = False
    now: Callable[[], float] = time.time

    @classmethod
    def once(cls) -> Looks:
        """For a command that looks once: it asks, unless this user's commands ask too often."""
        return cls(runtime_folder())

    @classmethod
    def shared(cls, pause_s: float) -> Looks:
        """For one that looks again each ``pause_s`` seconds."""
        return cls(runtime_folder(), 0.8 * pause_s, watches=True)

    def poll(
        self,
        launcher: Launcher,
        wanted: Wanted,
        warn: Callable[[str], None] = lambda _: None,
        asked: Callable[[float], None] = lambda _: None,
    ) -> dict[str, dict[int, State]]:
        """As `Launcher.poll`; ``warn`` is told where an old answer is taken, ``asked`` when the launcher was asked, in
        seconds since the epoch. Raises `SchedulerSilentError`.
        """
        if self.folder is None or not launcher.traits.elsewhere:
            asked(self.now())
            return launcher.poll([job for job, _ in wanted])
        place = self.folder / f"{launcher.name}-{launcher.where()}".replace("/", "%2F")
        answer = _read(place / "answer.json", Answer, Answer())
        if self.watches:
            jobs = tuple((job, dict(known)) for job, known in wanted)
            _write(place / _mine(), Want(str(processes.me()), jobs))
        oldest = min((answer.asked_at.get(job.token, 0.0) for job, _ in wanted), default=self.now())
        if (found := _taken(answer, wanted, self.now() - self.age_s)) is not None:
            asked(oldest)
            return found
        spent = self._is_spent(answer)
        if spent and (found := _taken(answer, wanted, self.now() - ONE_SHOT_S)) is not None:
            told = f"{launcher.traits.title} was asked {BUDGET} times in the last minute"
            warn(f"{told}: this is what it said {self.now() - oldest:.0f} s ago")
            asked(oldest)
            return found
        asked(self.now())
        return self._ask(launcher, wanted, place)

    def _is_spent(self, answer: Answer) -> bool:
        return sum(at > self.now() - _MINUTE_S for at in answer.calls) >= BUDGET

    def _ask(self, launcher: Launcher, wanted: Wanted, place: Path) -> dict[str, dict[int, State]]:
        """For ourselves, and for all who wait on this machine."""
        asked = {job.token: (job, known) for job, known in (*_of_others(place), *wanted)}
        begun = self.now()
        states = launcher.poll([job for job, _ in asked.values()])
        before = _read(place / "answer.json", Answer, Answer())
        fresh = {
            token: {n: Said(known.get(n, 0), state) for n, state in states.get(token, {}).items()}
            for token, (_, known) in asked.items()
        }
        recent = {t: at for t, at in before.asked_at.items() if at > begun - ONE_SHOT_S and t not in fresh}
        answer = Answer(
            {**{token: before.said[token] for token in recent if token in before.said}, **fresh},
            {**recent, **dict.fromkeys(fresh, begun)},
            (*(at for at in before.calls if at > begun - _MINUTE_S), begun),
        )
        _write(place / "answer.json", answer)
        return {job.token: states.get(job.token, {}) for job, _ in wanted}


ASK = Looks()
"""Asks each time, and tells nobody."""


def forget() -> None:
    """What was said is of before: something has been started or stopped."""
    if folder := runtime_folder():
        for path in folder.glob("*/answer.json"):
            answer = _read(path, Answer, Answer())
            _write(path, Answer(calls=answer.calls))


def runtime_folder() -> Path | None:
    """None where the user has none (XDG Base Directory: it is his alone, and gone when he has left the machine)."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if not os.path.isabs(base):
        return None
    with contextlib.suppress(OSError):
        if os.stat(base).st_uid == os.getuid():
            return Path(base) / "hyperherd"
    return None


def _taken(answer: Answer, wanted: Wanted, since: float) -> dict[str, dict[int, State]] | None:
    """The states of all that is wanted, where each was asked since then; None where one was not."""
    found: dict[str, dict[int, State]] = {}
    for job, known in wanted:
        asked_at, said = answer.asked_at.get(job.token, 0.0), answer.said.get(job.token, {})
        if asked_at <= since or asked_at <= job.submitted_at:
            return None
        if any(n not in said or said[n].known != known.get(n, 0) for n in job.offers):
            return None
        found[job.token] = {n: said[n].state for n in job.offers}
    return found


def _mine() -> str:
    return f"{processes.me()}.wants".replace("/", "%2F")


def _of_others(place: Path) -> Wanted:
    """What other commands on this machine wait for; the files of those that have ended are deleted."""
    found: list[tuple[Job, Mapping[int, int]]] = []
    with contextlib.suppress(OSError):
        for path in place.glob("*.wants"):
            want = _read(path, Want, Want("", ()))
            with contextlib.suppress(ValueError, OSError):
                if want.owner and processes.alive(Identity.parse(want.owner)):
                    found += want.wanted if path.name != _mine() else ()
                else:
                    path.unlink()
    return found


T = TypeVar("T")


def _read(path: Path, kind: type[T], default: T) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_typed)
    except (OSError, ValueError):  # of DecodeError too: what is damaged is as what is not there
        return default


def _typed(kind: type, value: Any) -> Any:
    return kind(value)  # a Path


def _write(path: Path, document: object) -> None:
    """Best effort."""
    with contextlib.suppress(OSError, ValueError, WorkspaceError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fsio.replace(path, msgspec.json.encode(document, enc_hook=str), 0o600, durable=False)
