"""What this machine can give to trials at the same time: a locked file for each core and each GPU, one set
for the host.

A slot is locked with `flock` on a descriptor that the processes of the trial inherit. The lock belongs to
the open file, so it is free again exactly when the last of them has ended, whoever was killed before.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperherd.errors import LauncherError
from hyperherd.launchers.direct import environment
from hyperherd.launchers.direct.gpus import Gpu

FOLDER = "HYPERHERD_SLOTS_DIR"


@dataclass(frozen=True)
class Taken:
    """Slots that are ours until `release`, and then those of the processes that inherited ``descriptors``."""

    descriptors: tuple[int, ...]
    gpus: tuple[str, ...] = ()

    def release(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True)
class Slots:
    """The slots one batch may use: a core for each trial, and ``gpus_each`` of ``gpus``."""

    folder: Path
    cores: tuple[str, ...]
    gpus: tuple[Gpu, ...] = ()
    gpus_each: int = 0

    def take(self, holder: str) -> Taken | None:
        """One trial's slots, all of them or None. ``holder`` is written into the files, for people."""
        core = self._first(self.cores, 1, holder)
        if core is None:
            return None
        gpus = self._first([gpu.slot for gpu in self.gpus], self.gpus_each, holder)
        if gpus is None:
            Taken(tuple(core.values())).release()
            return None
        given = tuple(gpu.name for gpu in self.gpus if gpu.slot in gpus)
        return Taken((*core.values(), *gpus.values()), given)

    def _first(self, names: Iterable[str], wanted: int, holder: str) -> dict[str, int] | None:
        """The first free slots of these, with their descriptors; None where fewer are free."""
        taken: dict[str, int] = {}
        for name in names:
            if len(taken) == wanted:
                break
            descriptor = _locked(self.folder / _file_name(name), holder)
            if descriptor is not None:
                taken[name] = descriptor
        if len(taken) == wanted:
            return taken
        Taken(tuple(taken.values())).release()
        return None


def core_names(cores: Sequence[int], at_once: int) -> tuple[str, ...]:
    """As many core slots as trials may run at once, at least one for each core; past the cores they are
    shared.

    >>> core_names((4, 6), 3)
    ('core-4', 'core-6', 'core-4.1')
    """
    names = []
    for k in range(max(at_once, len(cores))):
        turn, place = divmod(k, len(cores))
        names.append(f"core-{cores[place]}" + (f".{turn}" if turn else ""))
    return tuple(names)


def host_folder(environ: Mapping[str, str]) -> Path:
    """The folder of this host's slots, made if need be; within a trial one of its own, as that has its
    slots already.

    Raises `LauncherError` where somebody else could meddle with it.
    """
    folder = Path(environ.get(FOLDER) or f"/tmp/hyperherd-{os.getuid()}")
    _make_private(folder)
    outer = environ.get(environment.MARK)
    if outer:
        folder /= "within-" + _file_name(outer)
        _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise _unfit(folder, error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise _unfit(folder, "it is not a folder of yours")
    if found.st_mode & 0o022:
        raise _unfit(folder, "others may write there")


def _unfit(folder: Path, why: str) -> LauncherError:
    return LauncherError(
        f"the slots of this machine cannot be kept in {folder}: {why}",
        hint=f"remove it, or name another folder of this host: export {FOLDER}=/path",
    )


def _locked(path: Path, holder: str) -> int | None:
    """A descriptor that holds the lock of this file, or None where somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise _unfit(path.parent, error.strerror or str(error)) from error
    # Writing also keeps cleaners of /tmp away, which go by the time of the last change.
    # Cut behind the new words, never to nothing first: ext4 then waits for the disk, 4 ms a trial (auto_da_alloc).
    os.ftruncate(descriptor, os.write(descriptor, holder.encode("utf-8", "surrogateescape") + b"\n"))
    return descriptor


def _file_name(slot: str) -> str:
    return "".join(char if char.isalnum() or char in "-._" else "_" for char in slot)
