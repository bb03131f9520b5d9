"""`save`: a checkpoint that is complete or absent, whenever the process is killed."""

from __future__ import annotations

import errno
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperherd import fsio
from hyperherd.errors import CheckpointError
from hyperherd.fsio.files import sync_folder
from hyperherd.runtime import ranks
from hyperherd.runtime.checkpoint import configuration, leftovers, record
from hyperherd.runtime.checkpoint.finding import folder
from hyperherd.runtime.checkpoint.names import DEFAULT, REMOVING, REPLACED, SAVING, Names


@dataclass(frozen=True)
class Keep:
    """Which checkpoints stay: the ``last`` ones, and those whose step is a multiple of ``every``."""

    last: int
    every: int | None = None


def save(
    dir: str | os.PathLike[str] | None,
    write: Callable[[Path], object],
    *,
    step: int,
    keep: int | Keep | None = 3,
    config: Mapping[str, Any] | None = None,
    name: str = DEFAULT,
) -> Path | None:
    """Save a checkpoint of the state after ``step`` as a folder in ``dir`` (None: the trial's own); its path, or None
    where another rank saves.

    ``write`` is given a new, empty folder, writes files and folders into it, and is called on rank 0 only. Whatever
    happens, ``dir/<name>`` is whole or not there, and those saved before are as they were; one of the same step is
    replaced. ``keep`` is how many stay (None: all): older ones that were saved here are removed, those of later steps
    are left alone. ``config`` is remembered: `latest` refuses to resume with another one.

    Raises `CheckpointError` (no room, no right to write, nothing written), and what ``write`` raises.
    """
    names = Names(name)
    place = os.fspath(folder() if dir is None else dir)
    final = os.path.join(place, names.of(step))
    kept = _checked(keep)
    remembered = None if config is None else configuration.plain(config)
    if ranks.here().rank != 0:
        return None
    with _refusals(final, step):
        os.makedirs(place, exist_ok=True)
        saver = _Saver(place, names)
        saver.save(write, step, remembered)
        for old in _too_old(saver.saved(), step, kept):
            saver.retire(old)
    return Path(final)


def prepared(folder: str, name: str) -> None:
    """Make the folder, and find out whether a checkpoint could be saved there. Raises `CheckpointError`."""
    saver = _Saver(folder, Names(name))
    try:
        os.makedirs(folder, exist_ok=True)
        saver.probe()
    except OSError as error:
        why = fsio.refused(os.path.join(folder, name), error)
        raise CheckpointError(
            f"no checkpoint can be saved: {why.what}", where=folder, hint=why.hint
        ) from error


class _Saver:
    """One save: the changes that it makes in the folder, each of which may be the last one."""

    def __init__(self, folder: str, names: Names) -> None:
        self._folder = folder
        self._names = names
        self._owner = leftovers.here()
        self._token = os.urandom(4).hex()

    def save(self, write: Callable[[Path], object], step: int, config: dict[str, Any] | None) -> None:
        self._refuse_foreign(step)
        new = self._hidden(step, SAVING)
        os.mkdir(new)
        try:
            leftovers.cleaned(self._folder, self._names, now=os.stat(new).st_mtime)
            write(Path(new))
            record.sealed(new, step, time.time(), config)
            self._put(new, step)
        except BaseException as error:
            full = isinstance(error, Exception) and not isinstance(error, OSError) and _is_full(self._folder)
            leftovers.removed(new)
            if full:  # torch says that in words of its own
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), new) from error
            raise

    def probe(self) -> None:
        """Take the first step of a save, and take it back."""
        new = self._hidden(0, SAVING)
        os.mkdir(new)
        os.rmdir(new)

    def saved(self) -> list[int]:
        """The steps of what was saved here."""
        found = ((self._names.step(entry), entry) for entry in os.listdir(self._folder))
        return [
            step
            for step, entry in found
            if step is not None and self._is_ours(os.path.join(self._folder, entry))
        ]

    def retire(self, step: int) -> None:
        """Take a checkpoint away: for those who look, in one act. A warning where that fails: it only takes room."""
        out = self._hidden(step, REMOVING)
        try:
            os.rename(self._visible(step), out)
        except OSError as error:
            why = error.strerror or error
            warnings.warn(f"cannot remove {self._visible(step)}: {why}", RuntimeWarning, stacklevel=3)
            return
        leftovers.removed(out)

    def _put(self, new: str, step: int) -> None:
        """Give it its name. A folder cannot be replaced in one act, but `latest` knows the old one's other name."""
        final, old = self._visible(step), self._hidden(step, REPLACED)
        replaces = os.path.lexists(final)
        if replaces:
            os.rename(final, old)
        try:
            os.rename(new, final)
        except OSError:
            if replaces:
                os.rename(old, final)
            raise
        sync_folder(final)
        if replaces:
            leftovers.removed(old)

    def _refuse_foreign(self, step: int) -> None:
        final = self._visible(step)
        if not os.path.lexists(final) or self._is_ours(final):
            return
        if not os.path.isdir(final) or os.listdir(final):
            raise CheckpointError(
                "this is there already, and hyperherd.checkpoint has not saved it",
                where=final,
                hint="move it away, or save under another name: name='step-{step}'",
            )

    def _is_ours(self, path: str) -> bool:
        return os.path.lexists(os.path.join(path, record.FILE))

    def _visible(self, step: int) -> str:
        return os.path.join(self._folder, self._names.of(step))

    def _hidden(self, step: int, kind: str) -> str:
        return os.path.join(self._folder, self._names.owned(step, kind, self._owner, self._token))


def _is_full(folder: str) -> bool:
    try:
        return os.statvfs(folder).f_bavail == 0
    except OSError:  # gone, or the disk does not answer: what has happened before is nearer to the cause
        return False


def _too_old(saved: list[int], step: int, keep: Keep | None) -> list[int]:
    """The steps to remove after ``step`` was saved. Later ones are of another run, or of one that was given up.

    >>> _too_old([1, 2, 3, 4, 5, 9], 5, Keep(2, every=3)), _too_old([1, 2], 2, None)
    ([1, 2], [])
    """
    if keep is None:
        return []
    earlier = sorted(one for one in saved if one < step)
    ended = earlier[: max(0, len(earlier) - (keep.last - 1))]
    return [one for one in ended if not keep.every or one % keep.every]


def _checked(keep: int | Keep | None) -> Keep | None:
    kept = Keep(keep) if isinstance(keep, int) else keep
    if kept and (kept.last < 1 or (kept.every is not None and kept.every < 1)):
        raise CheckpointError(
            f"keep={keep!r} would leave none", hint="keep=3, Keep(3, every=10), or None for all"
        )
    return kept


@contextmanager
def _refusals(final: str, step: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = fsio.refused(final, error)
        raise CheckpointError(
            f"the checkpoint of step {step} was not saved: {why.what}; those before are as they were",
            where=final,
            hint=why.hint,
        ) from error
