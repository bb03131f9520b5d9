"""The files beside a script: which are ours, writing them, deleting them. Nothing of the user's is touched."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyperherd.bash import last_command
from hyperherd.bash.last_command import Place
from hyperherd.errors import GrammarError, HerdError, ScriptError
from hyperherd.grammar.sweeps import parse

_TEMPORARY = ".heracles-"


@dataclass(frozen=True)
class Script:
    """The user's script: its ``path`` as given, where overrides stand in it, and its permissions."""

    path: str
    place: Place
    mode: int

    def file(self, index: int) -> str:
        """``sbatch.sh`` -> ``sbatch_hydra0.sh``."""
        base, extension = os.path.splitext(self.path)
        return f"{base}_hydra{index}{extension}"

    def there(self) -> list[tuple[int, str]]:
        """Everything beside the script that has such a name, by number."""
        folder, name = os.path.split(self.path)
        base, extension = os.path.splitext(name)
        pattern = re.compile(rf"{re.escape(base)}_hydra(0|[1-9][0-9]*){re.escape(extension)}")
        numbers = [
            int(found[1]) for entry in os.listdir(folder or ".") if (found := pattern.fullmatch(entry))
        ]
        return [(number, self.file(number)) for number in sorted(numbers)]

    def is_ours(self, path: str) -> bool:
        """Whether it is this script plus overrides where we put them; a mere copy may be the user's."""
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return False
            words = self.place.words(_read(path))
        except OSError:
            return False
        try:
            return bool(words) and all(map(parse, words or ()))
        except GrammarError:
            return False

    def holds(self, path: str, words: Sequence[str]) -> bool:
        """Whether it is the script with these overrides, which may be none."""
        try:
            return stat.S_ISREG(os.lstat(path).st_mode) and _read(path) == self.place.script(words)
        except OSError:
            return False

    def write(self, path: str, words: Sequence[str]) -> None:
        """Put the script with these overrides at ``path``, which is ours or not there; whole or not at all."""
        folder, name = os.path.split(path)
        temporary = os.path.join(folder, f"{_TEMPORARY}{name}-{os.getpid()}")
        try:
            with open(temporary, "xb") as file:
                file.write(self.place.script(words).encode("utf-8", "surrogateescape"))
                os.fchmod(file.fileno(), self.mode)
            os.replace(temporary, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise HerdError(f"cannot be written: {error.strerror}", where=path) from error


def load(path: str) -> Script:
    """The script at ``path``. Raises `HerdError`."""
    try:
        text, mode = _read(path), stat.S_IMODE(os.stat(path).st_mode)
    except OSError as error:
        raise HerdError(f"cannot be read: {error.strerror}", where=path) from error
    try:
        return Script(path, last_command.find(text), mode & 0o777)
    except ScriptError as error:
        where = f"{path}:{error.where.removeprefix('line ')}" if error.where else path
        raise ScriptError(error.what, where=where, hint=error.hint) from error


def delete(path: str) -> None:
    """Remove a file of ours. Raises `HerdError`."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HerdError(f"cannot be deleted: {error.strerror}", where=path) from error


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Keep other calls for the same script away. Raises `HerdError` if one is at work."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Where the disk has no locks for readers (NFS) we do without.
            if error.errno == errno.EWOULDBLOCK:
                raise HerdError(
                    "another heracles is at work on it", where=path, hint="wait for it"
                ) from error
        yield


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")
