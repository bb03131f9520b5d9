"""Requirements in Python: ``cuda_gpu(mem="24G") * 2 & cpu(cores=4) & duration("4 d")``.

Amounts are texts of the grammar ("24GiB", "1.5 h"), or numbers of bytes and seconds; None is none. All raise
`RequirementError`.
"""

from __future__ import annotations

from typing import cast

from hyperherd.requirements.parser import read_duration, read_size
from hyperherd.requirements.requirement import HostSimpleRequirement
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    MPSSpecification,
)


def duration(length: str | float) -> HostSimpleRequirement:
    """How long the job may take; a text without a unit is seconds.

    >>> duration("4 d").duration, duration("90").duration
    (345600, 90)
    """
    if isinstance(length, str):
        return HostSimpleRequirement(duration=read_duration(f"{length} s" if length.isdecimal() else length))
    return HostSimpleRequirement(duration=_number(length))


def cpu(mem: str | float | None = None, cores: int = 1) -> HostSimpleRequirement:
    """Memory and cores of the machine for all of the job."""
    return HostSimpleRequirement(cpu=CPUSpecification(_bytes(mem), cores))


def cuda_gpu(mem: str | float | None = None, model: str = "") -> HostSimpleRequirement:
    """One NVIDIA GPU with at least so much memory."""
    return HostSimpleRequirement(accelerators=[CudaSpecification(_bytes(mem), model=model)])


def mps_gpu(mem: str | float | None = None, model: str = "") -> HostSimpleRequirement:
    """One GPU of an Apple machine, which can have so much of the machine's memory."""
    return HostSimpleRequirement(accelerators=[MPSSpecification(_bytes(mem), model=model)])


def gpu(mem: str | float | None = None, model: str = "") -> HostSimpleRequirement:
    """One GPU of any kind with at least so much memory."""
    return HostSimpleRequirement(accelerators=[AcceleratorSpecification(_bytes(mem), model=model)])


def _bytes(mem: str | float | None) -> int:
    return read_size(mem) if isinstance(mem, str) else _number(mem or 0)


def _number(amount: float) -> int:
    return cast("int", amount)  # the specification makes it whole, or refuses it
