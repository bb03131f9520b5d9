"""What lies beside a submission's script on this machine: the batch, for the supervisor to read; what its trials wait
for; and its usage journal, a line of JSON for each attempt that the supervisor saw ending.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.errors import DamagedFileError
from hyperherd.jobs import Batch, Usage


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


class Measured(msgspec.Struct):
    """One line, of the element ``index``.

    ``max_rss_bytes`` is that of the largest process; None where it cannot be told (`peak_bytes`).
    """

    index: int
    attempt: int
    elapsed_s: float
    max_rss_bytes: int | None
    exit_code: int


class Journal:
    """The writing end; the file is made with its first line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def add(self, measured: Measured) -> None:
        """Where it can be written: a full disk, or a workspace that was moved, ends nothing."""
        with contextlib.suppress(OSError):
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o666)
            os.write(self._descriptor, msgspec.json.encode(measured) + b"\n")


def journal_path(script: Path) -> Path:
    """Beside the script that the batch was stored with."""
    return script.with_suffix(".usage.jsonl")


def read(path: Path) -> dict[int, Usage]:
    """Element -> what its newest attempt used. A line that was cut off is skipped; no file is nothing."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    newest: dict[int, Measured] = {}
    for line in lines:
        try:
            measured = msgspec.json.decode(line, type=Measured)
        except msgspec.DecodeError:
            continue
        if measured.index not in newest or measured.attempt >= newest[measured.index].attempt:
            newest[measured.index] = measured
    return {index: _usage(measured) for index, measured in newest.items()}


def _usage(measured: Measured) -> Usage:
    return Usage(
        elapsed_s=measured.elapsed_s, max_rss_bytes=measured.max_rss_bytes, exit_code=measured.exit_code
    )


_OWN_PEAK = re.compile(rb"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_INEXACT_BYTES = 1 << 20
"""Linux counts resident pages per CPU and adds them up now and then."""


def peak_bytes(maxrss: int, own_peak: int) -> int | None:
    """What the largest process of a trial held, from the ``ru_maxrss`` that wait4(2) gives of the trial's bash.

    That is the largest of it and of all that it has waited for; but Linux keeps in it what the process held before
    its execve(2), which is our own peak (vfork shares our memory until then). So a larger number is the trial's, and
    of a trial that held less than we do nothing is known. (A small process in between would tell, at the price of
    one more start of bash for each trial.)

    >>> peak_bytes(300_000, 18 << 20), peak_bytes(18_000, 18 << 20)
    (307200000, None)
    """
    peak = rss_bytes(maxrss)
    return peak if peak > own_peak + _INEXACT_BYTES or not own_peak else None


def own_peak_bytes() -> int:
    """The most that this process has held (``VmHWM``, man 5 proc); 0 where there is no /proc."""
    try:
        found = _OWN_PEAK.search(Path("/proc/self/status").read_bytes())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def rss_bytes(maxrss: int) -> int:
    """``ru_maxrss`` in bytes: getrusage(2) counts in kilobytes on Linux, in bytes on macOS."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024
