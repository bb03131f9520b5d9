"""The files beside a script: which are ours, writing them, deleting them. Nothing of the user's is touched.

What was written stands in ``.sbatch.sh.heracles``, one line a file: once the script has been edited nothing else tells
its older files from the user's own. A file is ours if it has the name and the checksum of a line. The lines are those
of ``sha256sum`` (coreutils), which checks them with ``-c``; a backslash or line end in a name is escaped as it does,
with a backslash before the line.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hyperherd.bash import insertion
from hyperherd.bash.insertion import Place
from hyperherd.bash.scanning import PLACEHOLDER
from hyperherd.errors import GrammarError, HerdError, ScriptError
from hyperherd.grammar.sweeps import parse
from hyperherd.heracles import disk

_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_MEANINGS = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPED = re.compile(r"\\.")


class Made(NamedTuple):
    """A file that heracles wrote: its ``name`` in the script's folder, and the SHA-256 of its content."""

    name: str
    checksum: str

    @classmethod
    def of(cls, path: str, content: bytes) -> Made:
        return cls(os.path.basename(path), hashlib.sha256(content).hexdigest())


def place(script: str) -> str:
    """Where the record of a script lies."""
    folder, name = os.path.split(script)
    return os.path.join(folder, f".{name}.heracles")


def read(script: str) -> frozenset[Made]:
    """What is recorded; nothing where there is no record. Raises `HerdError` for a file that is not one."""
    path = place(script)
    content = disk.read_own(path)
    if content is None and os.path.lexists(path):
        raise _foreign(path)
    lines = (content or b"").decode("utf-8", "surrogateescape").split("\n")
    found = [_LINE.fullmatch(line) for line in lines if line]
    if not all(found):
        raise _foreign(path)
    return frozenset(Made(_unescaped(one[3]) if one[1] else one[3], one[2]) for one in found if one)


def write(script: str, files: Iterable[Made]) -> None:
    """Replace the record; without files there is none. Raises `HerdError`."""
    lines = "".join(sorted(map(_line, files)))
    if lines:
        disk.replace(place(script), lines.encode("utf-8", "surrogateescape"), 0o644)
    else:
        disk.delete(place(script))


def _line(file: Made) -> str:
    name = "".join(_ESCAPES.get(character, character) for character in file.name)
    return f"{'' if name == file.name else chr(92)}{file.checksum}  {name}\n"


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANINGS.get(found[0], found[0]), name)


def _foreign(path: str) -> HerdError:
    what = "heracles keeps here what it has written, and this is something else"
    return HerdError(what, where=path, hint="move or delete it; nothing was written")


@dataclass(frozen=True)
class File:
    """A file to write: the script with these overrides, which may be none."""

    path: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """The user's script: its ``path`` as given, where overrides stand in it, its permissions, what is recorded of it.

    ``place`` is the error that says why where there is none; ``former`` where former versions put them.
    """

    path: str
    place: Place | ScriptError
    former: Place | None
    mode: int
    recorded: frozenset[Made]

    def file(self, number: int) -> str:
        """``sbatch.sh`` -> ``sbatch_hydra0.sh``."""
        base, extension = os.path.splitext(self.path)
        return f"{base}_hydra{number}{extension}"

    def there(self) -> list[tuple[int, str]]:
        """Everything beside the script that has such a name, by number. Raises `HerdError`."""
        folder, name = os.path.split(self.path)
        base, extension = os.path.splitext(name)
        pattern = re.compile(rf"{re.escape(base)}_hydra(0|[1-9][0-9]*){re.escape(extension)}")
        numbers = [int(found[1]) for entry in disk.names(folder) if (found := pattern.fullmatch(entry))]
        return [(number, self.file(number)) for number in sorted(numbers)]

    def is_ours(self, path: str) -> bool:
        """Whether heracles has made it, and nobody has changed it: it is recorded, or the script with overrides.

        A mere copy of the script may be the user's, and is ours only if it is recorded.
        """
        content = disk.read_own(path)
        if content is None:
            return False
        # An editor, or a copy, may have taken or given the line end at the end.
        contents = (content, content + b"\n", content.removesuffix(b"\n"))
        if any(Made.of(path, one) in self.recorded for one in contents):
            return True
        places = [place for place in (self.place, self.former) if isinstance(place, Place)]
        return any(_are_overrides(place.words(_text(one))) for place in places for one in contents)

    def holds(self, file: File) -> bool:
        """Whether just what would be written is there."""
        return disk.read_own(file.path) == self._content(file)

    def record(self, files: Sequence[File]) -> None:
        """Record what will be written, before it is: whenever heracles is killed, its files are known."""
        write(self.path, {*self.recorded, *map(self._made, files)})

    def write(self, file: File) -> None:
        """Write one, which is ours or not there; whole or not at all."""
        disk.replace(file.path, self._content(file), self.mode)

    def settle(self, files: Sequence[File]) -> None:
        """Record no more than what has been written and is there."""
        made = {one.name: one for one in (*self.recorded, *map(self._made, files))}
        there = {os.path.basename(path) for _, path in self.there()}
        write(self.path, [one for name, one in made.items() if name in there])

    def forget(self) -> None:
        """Record nothing any more: what is there now is the user's."""
        write(self.path, ())

    def _made(self, file: File) -> Made:
        return Made.of(file.path, self._content(file))

    def _content(self, file: File) -> bytes:
        if isinstance(self.place, ScriptError):
            raise self.place
        return self.place.script(file.words).encode("utf-8", "surrogateescape")


def load(path: str, at: str = "") -> Script:
    """The script at ``path``, with the place that the user has named (`insertion.find`). Raises `HerdError`, but not
    for a script without a place for overrides.
    """
    text, recorded = _text(disk.read(path)), read(path)
    mode = stat.S_IMODE(os.stat(path).st_mode) & 0o777
    former = None
    with contextlib.suppress(ScriptError):
        former = insertion.find(text, "" if PLACEHOLDER in text else insertion.LAST)
    try:
        return Script(path, insertion.find(text, at), former, mode, recorded)
    except ScriptError as error:
        where = f"{path}:{error.where.removeprefix('line ')}" if error.where else path
        return Script(path, ScriptError(error.what, where=where, hint=error.hint), former, mode, recorded)


def _are_overrides(words: Sequence[str] | None) -> bool:
    try:
        return bool(words) and all(map(parse, words or ()))
    except GrammarError:
        return False


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
