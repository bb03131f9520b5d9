"""The record of a checkpoint, ``checkpoint.json`` in its folder: what belongs to it, and the checksums.

::

    {"format": 1, "step": 5, "saved_at": <seconds since the epoch>, "config": {...} or null,
     "files": {"<path in the folder>": {"bytes": n, "sha256": "<hex>"} or {"link": "<target>"}},
     "checksum": "<hex>"}

``checksum`` is the SHA-256 of the rest as JSON with sorted keys and no blanks.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from hyperherd.errors import CheckpointError
from hyperherd.fsio.files import sync_folder

FILE = "checkpoint.json"
_FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Record:
    """``files`` maps a path in the folder to its size and checksum, or to its target where it is a link."""

    step: int
    saved_at: float
    config: dict[str, Any] | None
    files: dict[str, dict[str, Any]]


class InvalidError(Exception):
    """Why a folder is no whole checkpoint, as the end of a sentence; never leaves this room."""


def sealed(folder: str, step: int, saved_at: float, config: dict[str, Any] | None) -> Record:
    """Sync each file of the folder to the disk, note its checksum, and write the record last.

    Raises OSError, and `CheckpointError` where there is nothing in the folder, or something that is no file.
    """
    files = {path: _measured(os.path.join(folder, path), sync=True) for path in _paths(folder)}
    if not files:
        raise CheckpointError(
            "write() has written nothing into the folder that it was given",
            where=folder,
            hint="write below the folder: torch.save(state, folder / 'state.pt')",
        )
    record = Record(step, saved_at, config, files)
    path = os.path.join(folder, FILE)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError as error:
        raise CheckpointError(
            f"write() has written a {FILE}, which is the record's name",
            where=path,
            hint="choose another name for it",
        ) from error
    with open(descriptor, "wb") as file:
        file.write(_encoded(record))
        file.flush()
        os.fsync(descriptor)
    for below, _, _ in os.walk(folder):
        sync_folder(os.path.join(below, FILE))
    return record


def verified(folder: str, step: int) -> Record:
    """The record of a whole checkpoint. Raises `InvalidError`, `CheckpointError` for a later format, and OSError."""
    record = _read(folder)
    if record.step != step:
        raise InvalidError(f"it was saved as that of step {record.step}")
    found = set(_paths(folder))
    missing = sorted(record.files.keys() - found)
    if missing:
        raise InvalidError(f"{missing[0]} is missing")
    for path, noted in record.files.items():
        seen = os.path.join(folder, path)
        if "bytes" in noted and os.lstat(seen).st_size != noted["bytes"]:
            raise InvalidError(f"{path} has {os.lstat(seen).st_size} of {noted['bytes']} bytes")
        if _measured(seen) != noted:
            raise InvalidError(f"{path} is not what was saved: another checksum")
    return record


def _read(folder: str) -> Record:
    try:
        with open(os.path.join(folder, FILE), "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidError(f"it has no {FILE}: torn, or not saved by hyperherd.checkpoint") from None
    try:
        document = json.loads(content)
        checksum = document.pop("checksum")
        version = document.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise InvalidError(f"its {FILE} is torn") from None
    if checksum != _checksum({"format": version, **document}):
        raise InvalidError(f"its {FILE} was altered")
    if version != _FORMAT:
        raise CheckpointError(
            f"the checkpoint has format {version}, and this hyperherd reads {_FORMAT}",
            where=folder,
            hint="resume it with the version that saved it, or a later one",
        )
    return Record(**document)


def _encoded(record: Record) -> bytes:
    document = {"format": _FORMAT, **asdict(record)}
    return json.dumps({**document, "checksum": _checksum(document)}, indent=2).encode() + b"\n"


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _paths(folder: str, prefix: str = "") -> Iterator[str]:
    """Every file and link below, but the record."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _paths(entry.path, f"{path}/")
            elif path != FILE:
                yield path


def _measured(path: str, *, sync: bool = False) -> dict[str, Any]:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return {"link": os.readlink(path)}
    if not stat.S_ISREG(mode):
        raise CheckpointError("a checkpoint holds files, folders and links, and this is none", where=path)
    checksum, size = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            checksum.update(chunk)
            size += len(chunk)
        if sync:
            os.fsync(file.fileno())
    return {"bytes": size, "sha256": checksum.hexdigest()}
