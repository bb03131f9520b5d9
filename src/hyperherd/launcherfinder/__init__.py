"""WHICH machine: say what a job needs, describe your machines, and the right one is found."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from hyperherd.requirements import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSimpleRequirement,
    HostSpecification,
    MPSSpecification,
    cpu,
    cuda_gpu,
    duration,
    gpu,
    mps_gpu,
)

if TYPE_CHECKING:
    from hyperherd.launchers.base import Candidate

__all__ = [
    "AcceleratorSpecification",
    "CPUSpecification",
    "CudaSpecification",
    "HostRequirement",
    "HostSimpleRequirement",
    "HostSpecification",
    "MPSSpecification",
    "cpu",
    "cuda_gpu",
    "duration",
    "find_launcher",
    "gpu",
    "mps_gpu",
]


def find_launcher(
    requirements: HostRequirement | str, tags: Set[str] | str = frozenset()
) -> Candidate | None:
    """Who can run it: what the user's ``launchers.py`` answers, else the best machine of ``launchers.yaml``; None for
    nobody. ``tags`` are tags that the machine must have; a requirement may be text.

    Raises `HerdError` where a description is at fault, or there is none.
    """
    from hyperherd.launcherfinder import choice

    return choice.find_launcher(requirements, tags)
