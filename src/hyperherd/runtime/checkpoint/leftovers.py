"""What saves leave behind when they are killed: folders with a hidden name that says whose they are."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from functools import lru_cache

from hyperherd.fsio import liveness
from hyperherd.runtime.checkpoint.names import REPLACED, Names, Owned, Owner

_LEASE_S = 3600.0
"""How long nothing may have changed in a leftover of another host, by the file server's clock, before it goes: there
its process cannot be asked for. Slow writers write all the time; what is quiet for so long is no writer."""


def here() -> Owner:
    """This process."""
    pid = os.getpid()
    return Owner(_host(), liveness.boot_id(), liveness.namespace(), pid, liveness.start_time(pid))


def cleaned(folder: str, names: Names, now: float) -> None:
    """Remove what killed saves left in ``folder``, and give a replaced checkpoint without a successor its name back.

    ``now`` is the file server's time. What a living process owns stays, and what may be one's. Raises OSError where
    the folder cannot be listed; what cannot be removed is a warning.
    """
    for path, owned in leftovers(folder, names):
        visible = os.path.join(folder, names.of(owned.step))
        try:
            if not _is_dead(path, owned.owner, now):
                continue
            if owned.kind == REPLACED and not os.path.lexists(visible):
                os.rename(path, visible)
            else:
                removed(path)
        except FileNotFoundError:
            continue  # another save was quicker


def leftovers(folder: str, names: Names) -> Iterator[tuple[str, Owned]]:
    """Path and meaning of each hidden folder of a save. Raises OSError."""
    for entry in sorted(os.listdir(folder)):
        owned = names.read_owned(entry)
        if owned:
            yield os.path.join(folder, entry), owned


def removed(path: str) -> None:
    """Remove a folder with all that is in it; a warning where that fails: it only takes room."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return  # somebody else was quicker
    except OSError as error:
        warnings.warn(f"cannot remove {path}: {error.strerror or error}", RuntimeWarning, stacklevel=2)


def _is_dead(path: str, owner: Owner, now: float) -> bool:
    if owner.host == _host():
        alive = liveness.alive(owner.boot, owner.space, owner.pid, owner.start)
        if alive is not None:
            return not alive
    return now - _changed_at(path) > _LEASE_S


def _changed_at(path: str) -> float:
    """When anything at or below ``path`` changed last, by the server's clock."""
    newest = os.lstat(path).st_mtime
    for below, _, files in os.walk(path):
        for seen in (below, *(os.path.join(below, name) for name in files)):
            try:
                newest = max(newest, os.lstat(seen).st_mtime)
            except FileNotFoundError:  # gone since it was listed: somebody is at work there
                return float("inf")
    return newest


@lru_cache(maxsize=1)
def _host() -> str:
    return os.uname().nodename.replace(",", "-")[:64]
