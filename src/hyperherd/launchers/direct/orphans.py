"""Processes of a trial that outlive its script: the supervisor is their subreaper, so they become its children.

Of a trial whose script was killed the supervisor notes the end once the last of them has gone, with the exit code that
it reaps of the trial's own program. What a trial leaves behind when it has ended is given a minute, and then ended, as
a cluster does: it would keep the trial's slots for ever.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hyperherd.attempts import variables
from hyperherd.jobs import Element
from hyperherd.launchers.direct import process_trees
from hyperherd.launchers.direct.deadlines import GRACE_S
from hyperherd.launchers.direct.process_trees import Process

LEFT_S = 60.0
"""How long what a trial has left behind may go on; `variables.LEFT_S` replaces it."""

KILLED = 128 + signal.SIGKILL


@dataclass(frozen=True)
class Running:
    """A trial whose script we have started, as ``pid``; times by the monotonic clock, since the epoch, and (``ticks``)
    in the unit of `Identity`. Its processes carry ``mark``, and may have ``slots`` open, until another trial gets them.
    """

    element: Element
    pid: int
    mark: str
    slots: set[str]
    started: float
    started_at: float
    ticks: int

    def owns(self, process: Process) -> bool:
        """Whether a process is the trial's: by its mark, its group, or a slot that it has inherited."""
        if process.mark:
            return process.mark == self.mark
        return process.group == self.pid or process_trees.has_open(process.pid, self.slots)


@dataclass
class _Bereft:
    """``code`` is what its script ended with; ``main`` its own program, once that is known, and how that has ended."""

    run: Running
    code: int
    main: Process | None = None
    main_code: int | None = None


@dataclass
class _Left:
    run: Running
    until: float
    told: bool = False


@dataclass
class Orphans:
    """``note`` is told of each trial of which nothing is left: its element, and the exit code of one whose script could
    not note it; else None. ``say`` writes into the submission's log.
    """

    note: Callable[[Running, int | None], None]
    say: Callable[[str], None]
    left_s: float = LEFT_S
    _bereft: dict[int, _Bereft] = field(default_factory=dict)
    _left: dict[int, _Left] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._bereft or self._left)

    @property
    def bereft(self) -> list[Running]:
        """The trials whose script was killed while others of their processes live on."""
        return [one.run for one in self._bereft.values()]

    def bereave(self, run: Running, code: int = KILLED) -> None:
        """The trial's script was killed, and ended with ``code``."""
        one = self._bereft.setdefault(run.pid, _Bereft(run, code))
        one.code = code
        self._find_main(one, process_trees.scan())

    def slots_given(self, paths: Collection[str], running: Iterable[Running]) -> None:
        """Another trial got these slots, so they were free: who has them open is none of an earlier trial's.

        A process shows no environment, and so no mark, until its exec has finished: without this, a trial that has
        just started is taken for what an earlier one left.
        """
        for run in (*running, *self.bereft, *(one.run for one in self._left.values())):
            run.slots.difference_update(paths)

    def leave(self, run: Running) -> bool:
        """The trial has ended; whether it has left something behind, which is looked after from now on."""
        mine = {pid for pid in process_trees.children() if pid not in self._left}
        left = [process for process in process_trees.read(mine) if not process.zombie and run.owns(process)]
        if left:
            self._left[run.pid] = _Left(run, time.monotonic() + self.left_s)
        return bool(left)

    def ended(self, pid: int, ticks: int | None, code: int) -> None:
        """A child that we have not started has ended; it began at ``ticks``."""
        for one in self._bereft.values():
            if one.main and one.main.pid == pid:
                one.main_code = code
        if ticks is not None:
            self._ended.add(ticks)

    def look(self, running: Mapping[int, Running]) -> None:
        """See who is left; end those whose time is up. ``running`` are the trials whose scripts live."""
        if not self:
            return
        now = process_trees.scan()
        adopted = [p for p in now if p.parent == os.getpid() and p.pid not in running and not p.zombie]
        runs = [*running.values(), *self.bereft, *(one.run for one in self._left.values())]
        nobodys = [p for p in adopted if not p.mark and not any(run.owns(p) for run in runs)]
        for pid, one in list(self._bereft.items()):
            self._find_main(one, now)
            yet_to_reap = one.main is not None and one.main_code is None
            if not (yet_to_reap or _living(one.run, now) or any(p.start >= one.run.ticks for p in nobodys)):
                del self._bereft[pid]
                self.note(one.run, one.code if one.main_code is None else one.main_code)
        for pid, left in list(self._left.items()):
            if not (living := _living(left.run, now)):
                del self._left[pid]
                self.note(left.run, None)
            else:
                self._end(left, living)

    def _end(self, left: _Left, living: list[Process]) -> None:
        late_s = time.monotonic() - left.until
        if late_s < 0:
            return
        if not left.told:
            pids = ", ".join(str(process.pid) for process in living)
            unit = left.run.element.unit
            self.say(f"trial {unit} has ended, and left processes behind, which are ended now: {pids}")
            left.told = True
        if late_s > GRACE_S:
            process_trees.kill(living)
        else:
            process_trees.tell(living)

    def _find_main(self, one: _Bereft, now: Iterable[Process]) -> None:
        """Its own program is the oldest child that we have got of its script, but for copies of the script itself (its
        subshells). Where an older one has ended unseen, that may have been it.
        """
        if one.main:
            return
        orphans = [p for p in now if p.parent == os.getpid() and p.start >= one.run.ticks and not p.zombie]
        mine = [p for p in orphans if p.pid != one.run.pid and one.run.owns(p) and not _is_copy(p.pid)]
        oldest = min(mine, key=lambda p: (p.start, p.pid), default=None)
        if oldest and not any(one.run.ticks <= ticks < oldest.start for ticks in self._ended):
            one.main = oldest


def _living(run: Running, now: Iterable[Process]) -> list[Process]:
    now = list(now)
    tree = process_trees.Trees([run.mark], [(run.pid, run.ticks)])
    mine = {process.pid: process for process in tree.living(now)}
    slots = (p for p in now if p.parent == os.getpid() and not p.mark and not p.zombie and run.owns(p))
    return list({**mine, **{process.pid: process for process in slots}}.values())


def _is_copy(pid: int) -> bool:
    """Whether a process is a fork of the trial's script, with its environment, and not a program of the trial's."""
    environ = process_trees.environment(pid)
    return variables.MARK in environ and variables.ATTEMPT not in environ
