"""What a job asks of a machine, what machines have, and whether the one meets the other. Standard library, no I/O."""

from hyperherd.requirements.builders import cpu, cuda_gpu, duration, gpu, mps_gpu
from hyperherd.requirements.requirement import HostRequirement, HostSimpleRequirement, Match, RequirementUnion
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)

__all__ = [
    "AcceleratorSpecification",
    "AcceleratorType",
    "CPUSpecification",
    "CudaSpecification",
    "HostRequirement",
    "HostSimpleRequirement",
    "HostSpecification",
    "MPSSpecification",
    "Match",
    "RequirementUnion",
    "cpu",
    "cuda_gpu",
    "duration",
    "gpu",
    "mps_gpu",
]
