"""The supervisor of this machine: runs the trials of one batch, as many at once as there are slots.

``python -m hyperherd.launchers.direct.supervisor BATCH.json``. It is made to be killed: every script claims
its attempt and notes its own end, so that nothing depends on what this process knows.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import random
import select
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import FrameType

from hyperherd import fsio, units
from hyperherd.attempts import claims, filenames, listing, notes, variables
from hyperherd.attempts.filenames import Outcome
from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import CommandNotFoundError, HerdError, WorkspaceError
from hyperherd.fsio import processes
from hyperherd.jobs import Batch, Element
from hyperherd.launchers.direct import capacity, process_trees, stored
from hyperherd.launchers.direct.deadlines import GRACE_S, Deadlines, limit_of
from hyperherd.launchers.direct.orphans import LEFT_S, Orphans, Running
from hyperherd.launchers.direct.slots import Lack, Slots
from hyperherd.launchers.direct.spawning import Spawner
from hyperherd.launchers.direct.stored import log_path

TO_END = (signal.SIGTERM, signal.SIGINT)
TO_LOOK_AGAIN = signal.SIGUSR1
"""Sent by `herd stop`, which has claimed trials that wait."""


class Wakeups:
    """Installs the handlers of this process; make it before anybody can learn its pid."""

    def __init__(self) -> None:
        self.told_to_end = False
        self.told_to_look = False
        self._read, write = _pipe()
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, TO_LOOK_AGAIN, *TO_END):
            signal.signal(number, self._note)

    def wait(self, timeout_s: float | None) -> None:
        """Until something happens, or ``timeout_s`` (None: for ever)."""
        select.select([self._read], [], [], timeout_s)
        try:
            while os.read(self._read, 4096):
                continue
        except BlockingIOError:
            return

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in TO_END:
            self.told_to_end = True
        elif number == TO_LOOK_AGAIN:
            self.told_to_look = True


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


_TRY_AGAIN_S = 0.1
_LOOK_AGAIN_S = 1.0


class Supervisor:
    """``gate`` is the pid of the command that has to succeed before anything starts; ``orphans`` are the processes that
    outlive their trial's script.
    """

    def __init__(self, batch: Batch, spawner: Spawner, slots: Slots, at_once: int, wakeups: Wakeups) -> None:
        self._batch = batch
        self._spawner = spawner
        self._slots = slots
        self._at_once = at_once
        self._wakeups = wakeups
        self._waiting = deque(batch.elements)
        self._running: dict[int, Running] = {}
        self._told_why = ""
        self._gate: int | None = None
        self._orphans = Orphans(self._nothing_is_left, say, left_s())
        self._first = {element.unit: element.attempt for element in batch.elements}
        self._deadlines = Deadlines(limit_of(batch), spawner.mark)
        self._journal = stored.Journal(stored.journal_path(batch.files.script))
        self._attempts = batch.files.attempts.held()

    def run(self) -> None:
        """Return when every trial has ended or was stopped."""
        if self._batch.after:
            self._open_gate()
        while self._waiting or self._running or self._orphans:
            pauses = (self._start_more(), self._deadlines.pause_s(time.monotonic()))
            self._wakeups.wait(min((pause_s for pause_s in pauses if pause_s is not None), default=None))
            self._reap()
            self._obey()
            self._deadlines.act(time.monotonic())
            self._orphans.look(self._running)
        self._say_why("")
        if self._gate is not None:
            process_trees.end(process_trees.Trees((), [(self._gate, processes.started(self._gate))]), GRACE_S)

    def _open_gate(self) -> None:
        try:
            self._gate = LocalConnector.instance().spawn(
                self._batch.after, env=self._spawner.environ, output=log_path(self._batch), session=False
            )
        except CommandNotFoundError as error:
            self._give_up(str(error))

    def _start_more(self) -> float | None:
        """Start what can be; return how long to wait at most before trying again, None: until something happens."""
        while self._gate is None and self._waiting and len(self._running) < self._at_once:
            element = self._waiting[0]
            if claims.exists(self._attempts, element.unit, element.attempt):
                self._waiting.popleft()
            elif not self._start(element):
                return random.uniform(0.5, 1.5) * _TRY_AGAIN_S
        if self._orphans:
            return _LOOK_AGAIN_S
        return (
            None if self._waiting or self._running else 0
        )  # what waited last may be claimed by somebody else

    def _start(self, element: Element) -> bool:
        """False where there is no slot, or no room for a process, and later there may be."""
        if not self._batch.files.register.exists():
            say(f"there is no {self._batch.files.register} any more: what still waits is not run")
            self._waiting.clear()
            return True
        slots = self._slots.take(self._spawner.mark(element))
        if isinstance(slots, Lack):
            self._say_why(str(slots))
            return False
        self._say_why("")
        self._orphans.slots_given(slots.paths, self._running.values())
        now, now_at = time.monotonic(), time.time()
        try:
            pid = self._spawner.start(element, slots, self._first[element.unit])
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOMEM):
                return False
            self._cannot_start(element, error)
        else:
            mark, paths = self._spawner.mark(element), set(slots.paths)
            ticks = processes.started(pid) or 0
            self._running[pid] = Running(element, pid, mark, paths, now, now_at, ticks)
            self._deadlines.started(pid, element, now)
        finally:
            slots.release()
        self._waiting.popleft()
        return True

    def _say_why(self, reason: str) -> None:
        """Why the trials that wait do; nothing once one is started."""
        if reason == self._told_why:
            return
        path = stored.waits_path(self._batch.files.script)
        with contextlib.suppress(WorkspaceError, OSError):  # a full disk keeps nothing from being started
            if reason:
                fsio.replace(path, reason.encode(), durable=False)
            else:
                path.unlink(missing_ok=True)
            self._told_why = reason

    def _cannot_start(self, element: Element, error: OSError) -> None:
        say(f"trial {element.unit} cannot be started: {error}")
        if self._take(element):
            notes.write(self._attempts, element.unit, element.attempt, Outcome(126, terminated=False))

    def _reap(self) -> None:
        while (pid := _ended_child()) is not None:
            ticks = None if pid in self._running or not pid else process_trees.ticks(pid)
            if pid in self._running and self._could_not_note(self._running[pid]):
                self._orphans.bereave(
                    self._running[pid]
                )  # before it is reaped: what it leaves may end any moment
            try:
                pid, status, used = os.wait4(pid or -1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            code = _exit_code(status)
            if pid == self._gate:
                self._pass_gate(code)
            elif pid in self._running:
                self._deadlines.ended(pid)
                self._ended(self._running.pop(pid), code, used.ru_maxrss)
            else:
                self._orphans.ended(pid, ticks, code)

    def _pass_gate(self, code: int) -> None:
        self._gate = None
        if code:
            self._give_up(f"'{' '.join(self._batch.after)}' ended with {code}")

    def _give_up(self, why: str) -> None:
        say(f"{why}: the {len(self._waiting)} trials that waited for it are cancelled")
        self._cancel_waiting()

    def _cancel_waiting(self) -> None:
        while self._waiting:
            self._take(self._waiting.popleft())

    def _ended(self, run: Running, code: int, maxrss: int) -> None:
        unit, attempt = run.element.unit, run.element.attempt
        elapsed_s = round(time.monotonic() - run.started, 3)
        peak = stored.peak_bytes(maxrss, stored.own_peak_bytes())
        self._journal.add(stored.Measured(run.element.number, attempt, elapsed_s, peak, code))
        if self._could_not_note(run):
            self._orphans.bereave(run, code)
        elif notes.is_written(self._attempts, unit, attempt) and not self._orphans.leave(run):
            self._go_on(run.element)

    def _could_not_note(self, run: Running) -> bool:
        """Whether the script of a trial, which has ended, had begun it and has not noted its end."""
        unit, attempt = run.element.unit, run.element.attempt
        if notes.is_written(self._attempts, unit, attempt):
            return False
        claim = claims.read(self._attempts, unit, attempt)
        return claim is not None and claim.owner.pid == run.pid and claim.token == self._batch.token

    def _nothing_is_left(self, run: Running, code: int | None) -> None:
        """``code`` is how it ended where its script could not note that."""
        element = run.element
        if code is not None:
            outcome = Outcome(code, terminated=False)
            notes.write(self._attempts, element.unit, element.attempt, outcome, run.started_at)
        self._go_on(element)

    def _go_on(self, element: Element) -> None:
        """Another attempt of a trial that has ended, where one was announced."""
        again = self._batch.requeue and notes.is_marked(
            self._attempts, element.unit, element.attempt, filenames.AGAIN
        )
        if (
            not again
            or listing.read([self._attempts], [element.unit]).newest_since(element.unit, element.attempt)
            == element.attempt
        ):
            return
        self._waiting.append(replace(element, attempt=element.attempt + 1))
        if self._wakeups.told_to_end:
            self._cancel_waiting()

    def _obey(self) -> None:
        if self._wakeups.told_to_end:
            self._cancel_waiting()
            self._end_running()
        elif self._wakeups.told_to_look:
            self._wakeups.told_to_look = False
            self._waiting = deque(self._unclaimed(self._waiting))

    def _unclaimed(self, elements: Iterable[Element]) -> list[Element]:
        elements = list(elements)
        claimed = listing.read([self._attempts], {element.unit for element in elements}).claims
        return [element for element in elements if (element.unit, element.attempt) not in claimed]

    def _end_running(self) -> None:
        """Every trial with all its processes; what their scripts could not note is noted here."""
        runs = [*self._running.values(), *self._orphans.bereft]
        begun = [run.element for run in runs if not self._take(run.element)]
        leaders = [(run.pid, run.ticks) for run in runs]
        process_trees.end(process_trees.Trees({run.mark for run in runs}, leaders), GRACE_S)
        for element in begun:
            notes.write(self._attempts, element.unit, element.attempt, Outcome(137, terminated=True))

    def _take(self, element: Element) -> bool:
        """Whether nobody runs it, and nobody will."""
        return claims.cancel(self._attempts, element.unit, element.attempt, self._batch.token)


def say(text: str) -> None:
    """Into the log of this submission."""
    print(f"hyperherd: {text}", file=sys.stderr, flush=True)


def _exit_code(status: int) -> int:
    """As bash counts: 128 more than the number of the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _ended_child() -> int | None:
    """The pid of a child that can be reaped; 0 where the system does not tell (macOS), None where there is none."""
    if not hasattr(os, "waitid"):
        return 0
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None


def left_s() -> float:
    """How long what a trial has left behind may go on; what the environment says, if it can be understood."""
    return units.positive(os.environ.get(variables.LEFT_S, "")) or LEFT_S


def _adopt_orphans() -> None:
    """Processes whose parent ends become our children (prctl(2), Linux), so that we see them and can end them."""
    pr_set_child_subreaper = 36
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _supervise(batch: Batch, identity: str, wakeups: Wakeups) -> None:
    room = capacity.of(batch, os.environ)
    bash = shutil.which("bash")
    if bash is None:
        raise CommandNotFoundError(["bash"])
    environ = capacity.cleaned(os.environ) | {variables.JOB: identity} | dict(room.variables)
    limit = limit_of(batch)
    spawner = Spawner(batch, bash, environ, limit.time_s if limit else None)
    Supervisor(batch, spawner, room.slots, room.at_once, wakeups).run()


def _drop_empty_log(log: Path) -> None:
    if log.exists() and not log.stat().st_size:
        log.unlink()


def main() -> int:
    os.closerange(3, 1024)  # what the terminal's shell had open is none of ours
    batch = stored.load(Path(sys.argv[1]))
    wakeups = Wakeups()
    identity = str(processes.me())
    try:
        if not fsio.create(batch.files.register, f"{identity}\n".encode()):
            return 3
        _adopt_orphans()
        _supervise(batch, identity, wakeups)
    except (HerdError, OSError) as error:
        say(f"this submission ends here, its running trials go on: {error}")
        return 1
    _drop_empty_log(log_path(batch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
