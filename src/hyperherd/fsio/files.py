"""Atomic replacement and exclusive creation of small files.

A process that is killed in here may leave ``.<name>.<host>-<pid>-<random>.tmp`` behind; nobody reads those.
"""

from __future__ import annotations

import errno
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes milliseconds to import, which each trainer would pay
    from collections.abc import Callable
    from typing import BinaryIO

    from hyperherd.errors import WorkspaceError

    Pathlike = str | os.PathLike[str]

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""What `os.link` says where the file system has no hard links (FAT, some FUSE)."""

_LARGEST = 1 << 30
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_RIGHT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def replace(path: Pathlike, data: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
    """Put ``data`` at ``path``: readers see the old content or the new, whole, whatever happens.

    ``mode`` is subject to the umask. ``durable=False`` does not wait for the disk: for what can be made
    again. Raises `WorkspaceError` (disk full, read-only, no such folder); the old file is then as it was.
    """
    target = os.fspath(path)
    try:
        temporary = _written(target, data, mode, durable)
        try:
            os.replace(temporary, target)
        except OSError:
            discard(temporary)
            raise
        if durable:
            sync_folder(target)
    except OSError as error:
        raise refused(target, error) from error


def create(path: Pathlike, data: bytes, mode: int = 0o644, *, durable: bool = True) -> bool:
    """Make ``path`` with this content unless it is there: True if we made it, False if it was there.

    Of any number of callers on any number of hosts exactly one is told True. Whoever sees the file sees all
    of it, but where there are no hard links (see `read_settled`). Raises `WorkspaceError`.
    """
    target = os.fspath(path)
    try:
        temporary = _written(target, data, mode, durable)
        try:
            made = _linked(temporary, target)
        finally:
            discard(temporary)
        if made is None:
            made = _created(target, data, mode)
        if made and durable:
            sync_folder(target)
    except OSError as error:
        raise refused(target, error) from error
    return made


def read_settled(
    path: Pathlike, tries: int = 20, pause_s: float = 0.05, *, sleep: Callable[[float], object] = time.sleep
) -> str | None:
    """The content of a small file that bash may still be between creating and writing. None: it is not there.

    An empty file is looked at ``tries`` times; still empty it gives "" (its writer was killed, or the disk is
    full). Raises `WorkspaceError` where it cannot be read.
    """
    for attempt in range(tries):
        if attempt:
            sleep(pause_s)
        try:
            found = content(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ESTALE:  # NFS: replaced while we read
                raise unreadable(os.fspath(path), error) from error
            found = b""
        if found:
            return found.decode("utf-8", "replace")
    return ""


def opened(path: Pathlike) -> BinaryIO:
    """A plain file, to be read. A link, a pipe or a device is none: it may lead out of the workspace, or never end.

    Raises OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.EINVAL, "it is a link, not a plain file", os.fspath(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a plain file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def content(path: Pathlike) -> bytes:
    """All of a plain file (see `opened`) of at most 1 GiB. Raises OSError."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > _LARGEST:
            raise OSError(errno.EFBIG, "it is larger than 1 GiB", os.fspath(path))
        return file.read()


def make_folders(path: Pathlike) -> None:
    """Make a folder and those above it, unless they are there. In a folder that a group shares (it may write there, and
    what is made belongs to it: setgid) they are the group's too, whatever the umask. Raises OSError.
    """
    folder = os.fspath(path)
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    if above and above != folder:
        make_folders(above)
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
        return
    shared = stat.S_ISGID | stat.S_IWGRP
    if os.stat(above or ".").st_mode & shared == shared:
        os.chmod(folder, stat.S_IMODE(os.stat(folder).st_mode) | stat.S_IWGRP)


def beside(path: str) -> str:
    """A name for a temporary file in the same folder that nobody else has."""
    folder, name = os.path.split(path)
    owner = f"{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}"
    return os.path.join(folder, f".{name[:100]}.{owner[-100:]}.tmp")


def _written(path: str, data: bytes, mode: int, durable: bool) -> str:
    """A new file of its own beside ``path`` that holds ``data``; none is left if that fails."""
    temporary = beside(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            _write_all(descriptor, data, durable)
        finally:
            os.close(descriptor)  # NFS may report a full disk only here
    except OSError:
        discard(temporary)
        raise
    return temporary


def _write_all(descriptor: int, data: bytes, durable: bool) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if durable:
        os.fsync(descriptor)


def _linked(temporary: str, target: str) -> bool | None:
    """Give ``temporary`` its second name. None: there are no hard links here."""
    try:
        os.link(temporary, target)
    except FileExistsError:  # an NFS server that was asked twice says no to what it has just done
        return os.stat(temporary).st_nlink == 2
    except OSError as error:
        if error.errno in _NO_LINKS:
            return None
        raise
    return True


def _created(target: str, data: bytes, mode: int) -> bool:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    try:
        try:
            _write_all(descriptor, data, durable=True)
        finally:
            os.close(descriptor)
    except OSError:
        discard(target)
        raise
    return True


def sync_folder(path: str) -> None:
    """Make the names in the folder that ``path`` lies in last. Raises OSError."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def discard(path: str) -> None:
    """Remove it if that can be done."""
    try:
        os.unlink(path)
    except OSError:  # a leftover harms nobody, and the error that led here is the one to report
        return


def refused(path: str, error: OSError) -> WorkspaceError:
    """The error to raise where ``path`` could not be written."""
    from hyperherd.errors import WorkspaceError  # start-up time of trainers

    folder = os.path.dirname(path) or "."
    if error.errno in _NO_ROOM:
        hint = f"make room, then type it again (see `df -h {folder}`, `df -i {folder}` and your quota)"
    elif error.errno in _NO_RIGHT:
        hint = f"you need the right to write there: `ls -ld {folder}`"
    elif error.errno == errno.ENOENT:
        hint = f"the folder {folder} is not there, or this machine does not see it"
    else:
        hint = "the file is whole as it was; type it again once the disk answers"
    return WorkspaceError(f"cannot write: {error.strerror or error}", where=path, hint=hint)


def unreadable(path: str, error: OSError) -> WorkspaceError:
    """The error to raise where ``path`` could not be read."""
    from hyperherd.errors import WorkspaceError  # start-up time of trainers

    return WorkspaceError(f"cannot read: {error.strerror or error}", where=path, hint=f"see `ls -l {path}`")
