"""Checkpoints that are complete or absent, in ``<out_dir>/checkpoint-epoch-<n>[-step-<m>]``.

``checkpoint-epoch-4`` was made after epoch 4, ``checkpoint-epoch-5-step-12`` after 12 steps of epoch 5. Each is a
folder with ``state.pt`` and ``manifest.json``, which has the size and SHA-256 of ``state.pt`` and the settings that it
was trained with. The folder gets its name when all in it is on disk. One training saves into an ``<out_dir>``: it has
``.training`` locked.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import random
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

log = logging.getLogger(__name__)

KEEP = 2
"""How many are kept: should the disk lose the newest, there is another."""

PATIENCE_S = 180.0
"""A file server gives back the lock of a node that has died after a while: 90 s are usual."""

_NAME = re.compile(r"checkpoint-epoch-(\d+)(?:-step-(\d+))?")
_STATE, _MANIFEST, _BESIDE, _LOCK = "state.pt", "manifest.json", ".checkpoint-", ".training"


class CheckpointError(Exception):
    """There are checkpoints, and none can be used."""


def claim(out_dir: str | Path, patience_s: float = PATIENCE_S) -> str:
    """Be the only training that saves there, until this process ends; the host of the one that is, where another is.

    That one is waited for where it is on another host, as that may have died. On a file system without locks all may.
    """
    path = Path(out_dir, _LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+")  # noqa: SIM115 (closed by the end of the process, and the lock with it)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                log.warning("%s: no locks here (%s); see that one run at a time trains", path, error.strerror)
                file.close()
                return ""
        else:
            file.truncate(0)
            file.write(f"{socket.gethostname()}\n")
            file.flush()
            _claimed.append(file)
            return ""
        owner = path.read_text().strip() or "another host"
        if owner == socket.gethostname() or time.monotonic() >= deadline:
            file.close()
            return owner
        log.warning("%s: a training on %s has it; waiting for its end", path, owner)
        time.sleep(min(10.0, patience_s))


_claimed: list[IO[str]] = []


def save(
    out_dir: str | Path, state: Mapping[str, Any], settings: Mapping[str, Any], *, epoch: int, step: int = 0
) -> Path:
    """Save after ``step`` steps of ``epoch``; without steps, after the whole of it. Older ones go, but for one.

    ``state`` is what torch.load reads back with ``weights_only=True``: tensors, numbers, texts, and lists, tuples and
    dicts of those.
    """
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_BESIDE}*"):  # of a save that was killed
        shutil.rmtree(left)
    beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=folder))
    with open(beside / _STATE, "wb") as file:
        try:
            torch.save(dict(state), file)
        except RuntimeError:
            if shutil.disk_usage(folder).free:
                raise
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)
            ) from None  # torch speaks of pos
        _sync(file.fileno())
    said = {
        "bytes": (beside / _STATE).stat().st_size,
        "sha256": _sha256(beside / _STATE),
        "settings": dict(settings),
    }
    with open(beside / _MANIFEST, "w") as file:
        json.dump(said, file, indent=1)
        _sync(file.fileno())
    os.chmod(beside, 0o777 & ~_umask())
    target = folder / (f"checkpoint-epoch-{epoch}-step-{step}" if step else f"checkpoint-epoch-{epoch}")
    if target.exists():  # of the same moment: a damaged one, or the same once more
        shutil.rmtree(target)
    beside.rename(target)
    _sync_folder(folder)
    for old in _found(folder)[KEEP:]:
        shutil.rmtree(old)
    return target


def latest(out_dir: str | Path) -> Path | None:
    """The newest one that is whole; None where there is none at all.

    One that is empty, cut short or changed is skipped with a warning. Raises `CheckpointError` where all are.
    """
    faults = []
    for checkpoint in _found(Path(out_dir)):
        fault = _fault(checkpoint)
        if fault is None:
            return checkpoint
        log.warning("%s is skipped: %s", checkpoint, fault)
        faults.append(f"{checkpoint.name}: {fault}")
    if faults:
        raise CheckpointError(
            f"{out_dir}: no checkpoint can be read ({'; '.join(faults)}). Move them away to train from the start."
        )
    return None


def load(checkpoint: Path, settings: Mapping[str, Any], *, ignore_config: bool = False) -> dict[str, Any]:
    """What `save` was given. Raises `CheckpointError` where the settings were others, naming those that differ."""
    made_with = json.loads((checkpoint / _MANIFEST).read_text())["settings"]
    now = json.loads(json.dumps(dict(settings)))
    differ = [key for key in sorted({*made_with, *now}) if made_with.get(key) != now.get(key)]
    if differ and not ignore_config:
        told = ", ".join(f"{key} was {made_with.get(key)!r} and is {now.get(key)!r}" for key in differ)
        raise CheckpointError(
            f"{checkpoint} was made with other settings: {told}. Give the old ones, or another experiment_name, or "
            "ignore_config=true to go on from it all the same."
        )
    state: dict[str, Any] = torch.load(checkpoint / _STATE, map_location="cpu", weights_only=True)
    return state


def random_states() -> dict[str, Any]:
    """The states of all random generators: Python's, NumPy's, PyTorch's on each device."""
    algorithm, words, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (algorithm, [int(word) for word in words], *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_states(states: Mapping[str, Any]) -> None:
    """Put all random generators where they were at `random_states`."""
    random.setstate(states["python"])
    algorithm, words, *rest = states["numpy"]
    np.random.set_state((algorithm, np.array(words, dtype=np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state, device)


def seed_everything(seed: int) -> None:
    """Seed all random generators, and ask PyTorch for the same numbers each time."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def _found(folder: Path) -> list[Path]:
    """All that have a checkpoint's name, the newest moment of the training first."""
    moments = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if named := _NAME.fullmatch(path.name):
            epoch, step = int(named[1]), int(named[2] or 0)
            moments.append(((epoch, step) if step else (epoch + 1, 0), path))
    return [path for _, path in sorted(moments, reverse=True)]


def _fault(checkpoint: Path) -> str | None:
    """What is wrong with it; None where nothing is."""
    try:
        said = json.loads((checkpoint / _MANIFEST).read_text())
        size = (checkpoint / _STATE).stat().st_size
        if size != said["bytes"]:
            return f"{_STATE} has {size} bytes of {said['bytes']}"
        if _sha256(checkpoint / _STATE) != said["sha256"]:
            return f"{_STATE} is not what was saved"
        if not isinstance(said["settings"], dict):
            return f"{_MANIFEST} has no settings"
    except OSError as error:
        return f"{Path(error.filename or checkpoint).name}: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return f"{_MANIFEST} is damaged"
    return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
