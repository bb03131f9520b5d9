"""Requirements and machines, under the name that experimaestro has for this module."""

from hyperherd.launcherfinder import (
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSimpleRequirement,
    HostSpecification,
    MatchRequirement,
    MPSSpecification,
    RequirementUnion,
    cpu,
    cuda_gpu,
    duration,
    gpu,
    mps_gpu,
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
    "MatchRequirement",
    "RequirementUnion",
    "cpu",
    "cuda_gpu",
    "duration",
    "gpu",
    "mps_gpu",
]
