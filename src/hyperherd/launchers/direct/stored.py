"""A batch as a file, for the supervisor to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.errors import DamagedFileError
from hyperherd.jobs import Batch


def batch_path(batch: Batch) -> Path:
    """Where a batch is stored: beside its script."""
    return batch.files.script.with_suffix(".json")


def log_path(batch: Batch) -> Path:
    """What the supervisor and the scripts themselves have to say; there is none where they had nothing."""
    return batch.files.logs / "local" / f"{batch.token}.log"


def waits_path(script: Path) -> Path:
    """Where a supervisor says what its trials wait for, while they do."""
    return script.with_suffix(".waits")


def store(batch: Batch, path: Path) -> None:
    """Write it, replacing what is there. Raises `WorkspaceError`."""
    # json, not msgspec's encoder: it refuses the surrogates that stand for bytes of a path that are no UTF-8.
    plain = json.dumps(msgspec.to_builtins(batch, enc_hook=_plain))
    fsio.replace(path, plain.encode("ascii"), mode=0o600, durable=False)


def load(path: Path) -> Batch:
    """Read it again. Raises `DamagedFileError`."""
    try:
        return msgspec.convert(json.loads(path.read_bytes()), Batch, dec_hook=_typed)
    except (OSError, ValueError) as error:
        raise DamagedFileError(
            f"cannot be read as a batch: {error}", where=str(path), hint="`herd run` submits its trials anew"
        ) from error


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _typed(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise NotImplementedError(kind.__name__)
