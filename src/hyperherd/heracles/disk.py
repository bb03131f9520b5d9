"""Files read, replaced and deleted; what the disk refuses is a `HerdError` with the path."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator

from hyperherd.errors import HerdError

_TEMPORARY = ".heracles-"
"""A process that is killed in here may leave a file of this name behind."""


def read(path: str) -> bytes:
    """The content of a file. Raises `HerdError`, also for what is no file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HerdError("is not a file", where=path, hint="name a script")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise _refused("read", path, error) from error


def read_own(path: str) -> bytes | None:
    """The content of a file that we may have made; None for what is not there, a link, or no file."""
    try:
        return read(path) if stat.S_ISREG(os.lstat(path).st_mode) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused("read", path, error) from error


def names(folder: str) -> list[str]:
    """What lies in a folder. Raises `HerdError`."""
    try:
        return os.listdir(folder or ".")
    except OSError as error:
        raise _refused("listed", folder or ".", error) from error


def replace(path: str, content: bytes, mode: int) -> None:
    """Put this content at ``path``, whole or not at all. Raises `HerdError`."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=os.path.dirname(path) or ".")
        with open(handle, "wb") as file:
            file.write(content)
            os.fchmod(handle, mode)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise _refused("written", path, error) from error
        raise


def delete(path: str) -> None:
    """Remove a file, which need not be there any more. Raises `HerdError`."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused("deleted", path, error) from error


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Keep other calls for the same script away. Raises `HerdError` if one is at work."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise _refused("read", path, error) from error
    try:
        _lock(handle, path)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Where the disk has no locks for readers (NFS) we do without.
        if error.errno == errno.EWOULDBLOCK:
            raise HerdError("another heracles is at work on it", where=path, hint="wait for it") from error


def _refused(what: str, path: str, error: OSError) -> HerdError:
    return HerdError(f"cannot be {what}: {error.strerror}", where=path)
