"""What heracles wrote beside a script: ``.sbatch.sh.heracles``, one line a file.

Once the script has been edited nothing else tells its older files from the user's own: a file is ours if it has the
name and the checksum of a line. The lines are those of ``sha256sum`` (coreutils), which checks them with ``-c``; a
backslash or line end in a name is escaped as it does, with a backslash before the line.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from hyperherd.errors import HerdError
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
