"""A lock file with a known owner, for commands on several hosts that share a disk."""

from __future__ import annotations

import os
import time

from hyperherd.fsio import liveness
from hyperherd.fsio.files import beside, create, discard, refused, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:  # start-up time of trainers
    from collections.abc import Callable

    from hyperherd.errors import LockedError
    from hyperherd.fsio.files import Pathlike


class Lock:
    """A lock file that says who holds it: ``with Lock(path) as lock:``.

    A holder that is dead loses it to the next who wants it: on the same host, no such process or another
    boot; on another host, a file that was not renewed for ``lease_s`` by the file server's own clock. A
    holder that only slept finds out by `check`, which belongs before each write; one that works for long
    renews it with `touch`. Entering raises `LockedError` after ``wait_s``. ``host`` names this host, if not
    its own name.
    """

    def __init__(
        self,
        path: Pathlike,
        *,
        lease_s: float = 120.0,
        wait_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        host: str = "",
    ) -> None:
        self.path = os.fspath(path)
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._clock = clock
        self._sleep = sleep
        self._host = host or os.uname().nodename
        self._mine = ""

    def __enter__(self) -> Lock:
        deadline = self._clock() + self._wait_s
        pause_s = 0.01
        mine = _Owner.here(self._host)
        while not create(self.path, mine.line.encode(), durable=False):
            held = _Held.at(self.path)
            if held is None or (self._is_dead(held) and self._broke(self.path, held)):
                continue
            if self._clock() >= deadline:
                raise _locked(self.path, held, self._lease_s)
            self._sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.25)
        self._mine = mine.line
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back. A lock that was lost is left to its new holder, in silence: `check` is what tells."""
        mine, self._mine = self._mine, ""
        held = _Held.at(self.path)
        if held is not None and held.line == mine:
            _removed(self.path, held, even_if_renewed=True)

    def check(self) -> None:
        """Raise `LockLostError` unless the lock is still ours."""
        held = _Held.at(self.path)
        if not self._mine or held is None or held.line != self._mine:
            from hyperherd.errors import LockLostError  # start-up time of trainers

            taker = f" by {held.owner.who}" if held else ""
            raise LockLostError(
                f"the lock was taken over{taker} while this command slept",
                where=self.path,
                hint="nothing more was written; type the same command again",
            )

    def touch(self) -> None:
        """Renew it, for ``lease_s`` from now. Raises `LockLostError`."""
        self.check()
        try:
            os.utime(self.path)  # without times: the server's clock
        except OSError as error:
            raise refused(self.path, error) from error

    def _is_dead(self, held: _Held) -> bool:
        alive = held.owner.alive(self._host)
        if alive is not None:
            return not alive
        return _server_time(self.path) - held.renewed_at > self._lease_s

    def _broke(self, path: str, dead: _Held) -> bool:
        """Remove the lock of a dead holder; False where somebody else is at it.

        One at a time may break a given lock: a slow second one would move the lock of the first one's
        successor. The right to break is such a lock too, named after the dead one.
        """
        right = f"{path}.{dead.owner.token}"
        mine = _Owner.here(self._host).line
        if not create(right, mine.encode(), durable=False):
            other = _Held.at(right)
            return other is None or (self._is_dead(other) and self._broke(right, other))
        try:
            now = _Held.at(path)
            return now is None or now.line != dead.line or _removed(path, dead)
        finally:
            discard(right)


class _Owner:
    """Who holds a lock. ``line`` is the file's content: seven words, ``-`` where unknown, and a newline.

    host, boot id, pid namespace, pid, start time of the pid in clock ticks, seconds since the epoch, token.
    """

    def __init__(self, line: str) -> None:
        words = line.split()
        if len(words) != 7 or not words[6].isalnum():
            # Cut off by a full disk, or not ours: nobody can be asked, so only its age counts.
            words = ["?", "-", "-", "0", "-", "0", "unreadable"]
        self.line = line
        self.host, self.boot, self.namespace = words[:3]
        self.pid = int(words[3]) if words[3].isdigit() else 0
        self.started = words[4]
        self.since = int(words[5]) if words[5].isdigit() else 0
        self.token = words[6]

    @classmethod
    def here(cls, host: str) -> _Owner:
        pid = os.getpid()
        words = (
            host,
            liveness.boot_id(),
            liveness.namespace(),
            str(pid),
            liveness.start_time(pid),
            str(int(time.time())),
            os.urandom(8).hex(),
        )
        return cls(" ".join(words) + "\n")

    @property
    def who(self) -> str:
        return f"process {self.pid} on {self.host}"

    def alive(self, host: str) -> bool | None:
        """Whether its process lives; None where that cannot be seen from here."""
        if self.host != host or not self.pid:
            return None
        return liveness.alive(self.boot, self.namespace, self.pid, self.started)


class _Held:
    """A lock file as it was seen: its owner, and when the file server last saw it renewed."""

    def __init__(self, line: str, renewed_at: float) -> None:
        self.line = line
        self.owner = _Owner(line)
        self.renewed_at = renewed_at

    @classmethod
    def at(cls, path: str) -> _Held | None:
        try:
            # Opening, not stat: that is what makes an NFS client ask the server for the attributes.
            with open(path, "rb") as file:
                return cls(file.read().decode("utf-8", "replace"), os.fstat(file.fileno()).st_mtime)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from error


def _removed(path: str, seen: _Held, *, even_if_renewed: bool = False) -> bool:
    """Remove the lock that was seen: move it aside, and put it back if it proves another."""
    aside = beside(path)
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise refused(path, error) from error
    found = _Held.at(aside)
    discard(aside)
    if found is None or (
        found.line == seen.line and (even_if_renewed or found.renewed_at == seen.renewed_at)
    ):
        return True
    create(path, found.line.encode(), durable=False)
    return False


def _server_time(path: str) -> float:
    """The time by the clock of the server that keeps ``path``."""
    probe = beside(path)
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, b"\n")
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            discard(probe)
    except OSError as error:
        raise refused(path, error) from error


def _locked(path: str, held: _Held, lease_s: float) -> LockedError:
    from hyperherd.errors import LockedError  # start-up time of trainers

    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(held.owner.since))
    return LockedError(
        f"{held.owner.who} is at work here since {since}",
        where=path,
        hint="wait until it has ended, then type it again; if that host is gone, "
        f"the lock is free {lease_s:g} s after its last sign of life",
    )
