"""Reading and replacing the JSON files of ``.hyperherd/``: typed errors instead of tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from hyperherd import fsio
from hyperherd.errors import DamagedFileError

T = TypeVar("T")

BRING_BACK = (
    "It was left as it is. herd repair makes it again from what is left (herd repair --check says what is wrong);\n"
    "  a good copy of it, from a backup, may be put back first"
)


def read(path: Path, decode: Callable[[bytes], T], default: T, hint: str = BRING_BACK) -> T:
    """The decoded file, or ``default`` where there is none; ``hint`` is what to do about a damaged one.

    Raises `DamagedFileError`, and `WorkspaceError` where it cannot be read; the file is left as it is.
    """
    try:
        content = fsio.content(path)
    except FileNotFoundError:
        return default
    except OSError as error:
        raise fsio.unreadable(str(path), error) from error
    try:
        return decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFileError(f"cannot be understood: {error}", where=str(path), hint=hint) from error


def replace(path: Path, document: object) -> None:
    """Write ``document`` as JSON, complete or not at all. Raises `WorkspaceError`."""
    fsio.replace(path, msgspec.json.encode(document) + b"\n")
