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

from hyperherd import units
from hyperherd.attempts import variables
from hyperherd.errors import LauncherError
from hyperherd.launchers.direct.gpu_slots import Gpu


@dataclass(frozen=True)
class Taken:
    """Slots that are ours until `release`, and then those of the processes that inherited ``descriptors``. ``gpus`` by
    the names of CUDA_VISIBLE_DEVICES, ``cores`` by number; ``paths`` of their files.
    """

    descriptors: tuple[int, ...]
    paths: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()

    def release(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True)
class Lack:
    """A trial needs ``wanted`` of a ``noun`` (core, GPU), of which fewer are free. ``holder`` has the first other."""

    noun: str
    wanted: int
    free: int
    holder: str = ""

    def __str__(self) -> str:
        held = f" (the first is held by {self.holder})" if self.holder else ""
        return f"waits for {units.counted(self.wanted, self.noun)}, {self.free or 'none'} free{held}"


@dataclass(frozen=True)
class Slots:
    """The slots one batch may use: ``cores_each`` cores for each trial, and ``gpus_each`` of ``gpus``."""

    folder: Path
    cores: tuple[str, ...]
    gpus: tuple[Gpu, ...] = ()
    gpus_each: int = 0
    cores_each: int = 1

    def take(self, holder: str) -> Taken | Lack:
        """One trial's slots, all of them, or what there is too little of. ``holder`` is written into the files, for
        people.
        """
        cores = self._first(self.cores, self.cores_each, holder)
        if len(cores) < self.cores_each:
            return self._lack("core", self.cores_each, cores, self.cores)
        slots = [gpu.slot for gpu in self.gpus]
        gpus = self._first(slots, self.gpus_each, holder)
        if len(gpus) < self.gpus_each:
            Taken(tuple(cores.values())).release()
            return self._lack("GPU", self.gpus_each, gpus, slots)
        given = tuple(gpu.name for gpu in self.gpus if gpu.slot in gpus)
        paths = tuple(str(self._file(name)) for name in (*cores, *gpus))
        return Taken((*cores.values(), *gpus.values()), paths, given, tuple(map(_core_number, cores)))

    def _first(self, names: Iterable[str], wanted: int, holder: str) -> dict[str, int]:
        """The first free slots of these, so many at most, with their descriptors."""
        taken: dict[str, int] = {}
        for name in names:
            if len(taken) == wanted:
                break
            descriptor = _locked(self._file(name), holder)
            if descriptor is not None:
                taken[name] = descriptor
        return taken

    def _file(self, name: str) -> Path:
        return self.folder / _file_name(name)

    def _lack(self, noun: str, wanted: int, had: Mapping[str, int], all_of_them: Iterable[str]) -> Lack:
        Taken(tuple(had.values())).release()
        others = (name for name in all_of_them if name not in had)
        return Lack(noun, wanted, len(had), next(map(self._holder, others), ""))

    def _holder(self, name: str) -> str:
        """Who has taken it, in words: ``trial 3 of <token>``."""
        try:
            token, _, attempt = self._file(name).read_text(encoding="utf-8").strip().rpartition("/")
        except (OSError, ValueError):
            return ""
        return f"trial {attempt.partition('.')[0]} of {token}" if token else ""


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


def _core_number(name: str) -> int:
    """The core that a slot of `core_names` stands for.

    >>> _core_number("core-6"), _core_number("core-4.1")
    (6, 4)
    """
    return int(name.removeprefix("core-").partition(".")[0])


def host_folder(environ: Mapping[str, str]) -> Path:
    """The folder of this host's slots, made if need be; within a trial one of its own, as that has its
    slots already.

    Raises `LauncherError` where somebody else could meddle with it.
    """
    folder = Path(environ.get(variables.SLOTS_DIR) or f"/tmp/hyperherd-{os.getuid()}")
    _make_private(folder)
    outer = environ.get(variables.MARK)
    if outer:
        folder /= "within-" + _file_name(outer)
        _make_private(folder)
    return folder


def held(environ: Mapping[str, str]) -> dict[str, str]:
    """Who has slots of this host now: the path of each one's file -> what its holder has written into it."""
    folder = Path(environ.get(variables.SLOTS_DIR) or f"/tmp/hyperherd-{os.getuid()}")
    found = {}
    for path in (*folder.glob("*-*"), *folder.glob("within-*/*-*")):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found[str(path)] = os.read(descriptor, 4096).decode("utf-8", "replace").strip()
        except OSError:  # a folder, or no such lock on this disk
            pass
        finally:
            os.close(descriptor)
    return found


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
        hint=f"remove it, or name another folder of this host: export {variables.SLOTS_DIR}=/path",
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
