"""WHICH machine: say what a job needs, describe your machines, and the right one is found."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from hyperherd.requirements import (
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSimpleRequirement,
    HostSpecification,
    Match,
    MPSSpecification,
    RequirementUnion,
    cpu,
    cuda_gpu,
    duration,
    gpu,
    mps_gpu,
)
from hyperherd.requirements.parser import parse

if TYPE_CHECKING:
    from hyperherd.launchers.base import Candidate

MatchRequirement = Match
"""As others call it."""

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
    "MatchRequirement",
    "RequirementUnion",
    "cpu",
    "cuda_gpu",
    "duration",
    "find_launcher",
    "gpu",
    "mps_gpu",
    "parse",
]


def find_launcher(*specs: HostRequirement | str, tags: Collection[str] = ()) -> Candidate:
    """Who runs it: what the user's ``launchers.py`` answers, else the best machine of ``launchers.yaml``.

    Of several ``specs``, requirements or texts of them, the first is preferred that anybody has. ``tags`` are tags that
    the machine must have. On this machine the launcher holds the cores, the GPUs and the time that are required.

    Raises `ChoiceError` that says what each machine lacks where nobody has it; `HerdError` where a description is at
    fault, or there is none.
    """
    from hyperherd.launcherfinder import choice

    return choice.find_launcher(*specs, tags=tags)
