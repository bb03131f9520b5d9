"""Requirements in Python: ``cuda_gpu(mem="24G") * 2 & cpu(cores=4) & duration("4 d")``.

Amounts are texts of the grammar ("24GiB", "1.5 h"), or whole numbers of bytes and seconds; None is none. All
raise `RequirementError`.
"""

from __future__ import annotations

from hyperherd.requirements.parser import read_duration, read_size
from hyperherd.requirements.requirement import HostSimpleRequirement
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    MPSSpecification,
)


def duration(length: str | int) -> HostSimpleRequirement:
    """How long the job may take.

    >>> duration("4 d").duration
    345600
    """
    return HostSimpleRequirement(duration=read_duration(length) if isinstance(length, str) else length)


def cpu(mem: str | int | None = None, cores: int = 1) -> HostSimpleRequirement:
    """Memory and cores of the machine for all of the job."""
    return HostSimpleRequirement(cpu=CPUSpecification(_bytes(mem), cores))


def cuda_gpu(mem: str | int | None = None, model: str = "") -> HostSimpleRequirement:
    """One NVIDIA GPU with at least so much memory."""
    return HostSimpleRequirement(accelerators=[CudaSpecification(_bytes(mem), model=model)])


def mps_gpu(mem: str | int | None = None, model: str = "") -> HostSimpleRequirement:
    """One GPU of an Apple machine, which can have so much of the machine's memory."""
    return HostSimpleRequirement(accelerators=[MPSSpecification(_bytes(mem), model=model)])


def gpu(mem: str | int | None = None, model: str = "") -> HostSimpleRequirement:
    """One GPU of any kind with at least so much memory."""
    return HostSimpleRequirement(accelerators=[AcceleratorSpecification(_bytes(mem), model=model)])


def _bytes(mem: str | int | None) -> int:
    return read_size(mem) if isinstance(mem, str) else mem or 0
