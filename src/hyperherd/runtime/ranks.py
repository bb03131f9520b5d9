"""Several processes that train together: which one this is, and how all of them stop at the same step."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Protocol

from hyperherd.attempts import variables
from hyperherd.fsio.files import discard

_NAMES = (
    # torchrun and its like; Open MPI; MPICH and others by PMI; srun last: mpirun's ranks inherit that of its daemon.
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
_ATTEMPT = (
    variables.MARK,
    "SLURM_JOB_ID",
    "SLURM_RESTART_COUNT",
    "SLURM_STEP_ID",
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT",
)
"""What all ranks of one attempt have in common, and no two attempts."""

_LONGEST_SAVE_S = 900.0
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Place:
    """This process among those that train together: ``rank`` counts from 0."""

    rank: int
    size: int


def here() -> Place:
    """As torch.distributed says where it is initialised, else as the launcher's variables do; else one of one."""
    distributed = _distributed()
    if distributed is not None:
        return Place(distributed.get_rank(), distributed.get_world_size())
    for rank, size in _NAMES:
        of, most = os.environ.get(rank, ""), os.environ.get(size, "")
        if of.isdecimal() and most.isdecimal() and int(of) < int(most):
            return Place(int(of), int(most))
    return Place(0, 1)


class Agreement(Protocol):
    """How ranks agree. Each rank calls `stops` after the same steps, and `end_save` after it has returned True."""

    def stops(self, step: int, wanted: bool) -> bool:
        """Whether all end after this ``step``; ``wanted`` where this rank was told to."""

    def end_save(self, saved: bool) -> bool:
        """On rank 0, tell the others how the save ended; elsewhere wait for that: whether it was saved."""

    def close(self) -> None:
        """The training is over."""


def agreement(folder: str) -> Agreement:
    """The best there is here. ``folder`` is there, and all ranks see it; all ranks have to call this."""
    place = here()
    if place.size == 1:
        return _Alone()
    distributed = _distributed()
    if distributed is not None and distributed.is_gloo_available():
        return _Collective(distributed)
    return _Noted(folder, place)


class _Alone:
    def stops(self, step: int, wanted: bool) -> bool:
        return wanted

    def end_save(self, saved: bool) -> bool:
        return saved

    def close(self) -> None:
        return


class _Collective:
    """By torch.distributed, in a group of our own on the CPU: nothing of it waits for a GPU."""

    def __init__(self, distributed: Any) -> None:
        self._distributed = distributed
        self._torch = sys.modules["torch"]
        self._group = distributed.new_group(backend="gloo")

    def stops(self, step: int, wanted: bool) -> bool:
        return self._any(wanted)

    def end_save(self, saved: bool) -> bool:
        return not self._any(not saved)

    def close(self) -> None:
        self._distributed.destroy_process_group(self._group)

    def _any(self, mine: bool) -> bool:
        flag = self._torch.tensor([int(mine)])
        self._distributed.all_reduce(flag, op=self._distributed.ReduceOp.MAX, group=self._group)
        return bool(flag.item())


class _Noted:
    """By a note in the folder, for ranks that train in step: none ends a step that another has not begun.

    A rank that is told to stop after step n writes down n + 1 before it begins that step. So when any rank has ended
    step n + 1 the note is there, and no rank is further: all stop there. Two that are told at the same time write the
    same. The note is there from the start, since an NFS client looks at a file anew each time it opens it, but
    remembers for a minute that there was none.

    The note: the step in 20 digits, the attempt, a newline; and a second line once rank 0 has ended its save.
    """

    def __init__(self, folder: str, place: Place) -> None:
        self._rank = place.rank
        self._path = os.path.join(folder, ".stop")
        attempt = "/".join(os.environ.get(name, "") for name in _ATTEMPT)
        self._attempt = attempt.encode("ascii", "replace").replace(b"\n", b"?")
        if self._rank == 0:
            _truncated(self._path)

    def stops(self, step: int, wanted: bool) -> bool:
        at = self._at()
        if at is None and wanted:
            at = step + 1
            self._write(0, self._line(at))
        return at is not None and step >= at

    def end_save(self, saved: bool) -> bool:
        at = len(self._line(0))
        if self._rank == 0:
            self._write(at, b"saved\n" if saved else b"failed\n")
            return saved
        until = time.monotonic() + _LONGEST_SAVE_S
        while time.monotonic() < until:
            if self._content()[at:] in (b"saved\n", b"failed\n"):
                break
            time.sleep(_PAUSE_S)
        return self._content()[at:] == b"saved\n"

    def close(self) -> None:
        if self._rank == 0:
            discard(self._path)

    def _at(self) -> int | None:
        line = self._content()[: len(self._line(0))]
        return int(line[:20]) if line[:20].isdigit() and line == self._line(int(line[:20])) else None

    def _line(self, step: int) -> bytes:
        return b"%020d %s\n" % (step, self._attempt)

    def _content(self) -> bytes:
        try:
            with open(self._path, "rb") as file:
                return file.read()
        except FileNotFoundError:  # rank 0 has ended its training
            return b""

    def _write(self, at: int, words: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.pwrite(descriptor, words, at)
        finally:
            os.close(descriptor)


def _truncated(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))


def _distributed() -> Any:
    """torch.distributed where the program has initialised it, else None."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed
