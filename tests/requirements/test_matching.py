"""Which machine meets a requirement: found exactly where a search of all assignments finds one, and why not else."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import example, given, settings

from examples import examples
from hyperherd.requirements.builders import cpu, gpu
from hyperherd.requirements.matching import least_unified_memory
from hyperherd.requirements.parser import parse
from hyperherd.requirements.requirement import HostSimpleRequirement
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
    is_model,
)

from .strategies import patient, small_hosts, small_requirements

G = 10**9
GIB = 2**30


def by_brute_force(asked: HostSimpleRequirement, host: HostSpecification) -> int | None:
    """The least memory on accelerators of unified memory, of all assignments."""
    costs = [
        sum(one.memory for one, other in zip(asked.accelerators, chosen, strict=True) if other.unified_memory)
        for chosen in permutations(host.accelerators, len(asked.accelerators))
        if all(other.match(one) for one, other in zip(asked.accelerators, chosen, strict=True))
    ]
    return min(costs, default=None)


@settings(patient, max_examples=examples(1000))
@given(small_requirements, small_hosts)
@example(
    parse("gpu(mem=30G) & cpu(mem=30G)").requirements[0],
    HostSpecification(CPUSpecification(32 * G, 8), [MPSSpecification(32 * G), CudaSpecification(32 * G)]),
)
def test_an_assignment_is_found_exactly_where_there_is_one(
    asked: HostSimpleRequirement, host: HostSpecification
) -> None:
    least = by_brute_force(asked, host)
    assert least_unified_memory(asked.groups, host.groups) == least
    fits = (
        least is not None
        and asked.cpu.memory + least <= host.cpu.memory
        and asked.cpu.cores <= host.cpu.cores
        and (not host.max_duration or asked.duration <= host.max_duration)
        and len(asked.accelerators) >= host.min_gpu
    )
    assert (asked.match(host) is not None) is fits
    assert (asked.refusals(host) == ("",)) is fits


def test_many_accelerators_of_many_sizes_are_assigned() -> None:
    sizes = range(1, 65)
    asked = HostSimpleRequirement(accelerators=[AcceleratorSpecification(size) for size in sizes])
    cards = [CudaSpecification(size) for size in sizes]
    assert asked.match(HostSpecification(accelerators=cards))
    assert not asked.match(HostSpecification(accelerators=[*cards[:-1], CudaSpecification(63)]))
    kept = [MPSSpecification(64), *(CudaSpecification(size) for size in sizes[1:])]
    assert least_unified_memory(asked.groups, HostSpecification(accelerators=kept).groups) == 1


def test_what_fits_elsewhere_leaves_the_unified_memory_to_the_cpu() -> None:
    asked = gpu(mem="30G") & cpu(mem="30G")
    apple = HostSpecification(CPUSpecification(32 * G, 8), [MPSSpecification(32 * G)])
    both = HostSpecification(
        CPUSpecification(32 * G, 8), [MPSSpecification(32 * G), CudaSpecification(32 * G)]
    )
    assert asked.match(both)
    assert not asked.match(apple)
    assert asked.refusals(apple) == ("asks 60 GB for CPU and GPU together, has 32 GB (unified memory)",)


def test_the_first_alternative_that_fits_is_the_one() -> None:
    host = HostSpecification(CPUSpecification(GIB, 4), priority=3)
    match = parse("cuda() | cpu(cores=2) | cpu(cores=1)").match(host)
    assert match
    assert (match.requirement, match.score) == (cpu(cores=2), 3)


@pytest.mark.parametrize(
    ("asked", "offered", "same"),
    [
        ("A100", "a100", True),
        ("a100", "NVIDIA A100-SXM4-80GB", True),
        ("A100-80GB", "nvidia_a100_sxm4_80gb", True),
        ("RTX 3090", "rtx3090", True),
        ("rtx3090", "NVIDIA GeForce RTX 3090", True),
        ("RTX 3090", "NVIDIA GeForce RTX 3090 Ti", True),
        ("A10", "A100", False),
        ("A100", "A10", False),
        ("L40", "NVIDIA L40S", False),
        ("A100-40GB", "NVIDIA A100-SXM4-80GB", False),
        ("A100", "", False),
        ("-", "A100", False),
    ],
)
def test_a_model_is_known_by_its_words(asked: str, offered: str, same: bool) -> None:
    assert is_model(asked, offered) is same


A40S = [CudaSpecification(48 * GIB, model="A40")] * 4
NODE = HostSpecification(CPUSpecification(129 * GIB, 32), A40S, max_duration=100 * 3600)


@pytest.mark.parametrize(
    ("asked", "host", "refusal"),
    [
        ("duration=101h", NODE, "asks 101 h, at most 100 h"),
        ("duration=6001min", NODE, "asks 6001 min, at most 6000 min"),
        ("cpu(cores=33)", NODE, "asks 33 cores, has 32"),
        ("cpu(mem=130GiB)", NODE, "asks 130 GiB of memory, has 129 GiB"),
        ("cpu(mem=138512695297B)", NODE, "asks 138512695297 B of memory, has 138512695296 B"),
        ("cuda(mem=24GiB) * 5", NODE, "asks 5 CUDA GPUs of 24 GiB, has 4 of 48 GiB"),
        ("cuda(model=A100) * 2", NODE, "asks 2 CUDA GPUs A100, has 4 A40 of 48 GiB"),
        ("mps(mem=1G)", NODE, "asks 1 MPS GPU of 1 GB, has 4 CUDA GPUs of 48 GiB"),
        ("gpu(mem=80G)", NODE, "asks 1 GPU of 80 GB, has 4 CUDA GPUs of 48 GiB"),
        (
            "cuda(mem=24GiB) * 2",
            HostSpecification(accelerators=[CudaSpecification(80 * GIB)]),
            "asks 2 CUDA GPUs of 24 GiB, has 1 of 80 GiB",
        ),
        ("cuda(mem=51539607553B)", NODE, "asks 1 CUDA GPU of 51539607553 B, has 4 of 51539607552 B"),
        (
            "cuda(mem=20G) & mps(mem=8G)",
            HostSpecification(accelerators=[CudaSpecification(24 * G)]),
            "asks 1 CUDA GPU of 20 GB and 1 MPS GPU of 8 GB, has 1 CUDA GPU of 24 GB",
        ),
        (
            "cuda(mem=20G)",
            HostSpecification(accelerators=[CudaSpecification(48 * G, min_memory=24 * G)]),
            "asks 1 CUDA GPU of 20 GB, has 1 of 48 GB (for those who ask 24 GB or more)",
        ),
        (
            "cpu(cores=0)",
            HostSpecification(min_gpu=2),
            "asks no GPU, takes only jobs of 2 GPUs or more",
        ),
        (
            "duration=2d & cpu(mem=1GiB, cores=1) & cuda() | cpu()",
            HostSpecification(max_duration=24 * 3600),
            "asks 2 d, at most 1 d; asks 1 core, has none; asks 1 GiB of memory, has none; asks 1 CUDA GPU, has none",
        ),
    ],
)
def test_a_refusal_says_what_is_asked_and_what_there_is(
    asked: str, host: HostSpecification, refusal: str
) -> None:
    assert parse(asked).refusals(host)[0] == refusal


def test_each_alternative_has_a_refusal_or_none() -> None:
    assert parse("cpu(cores=64) | cpu(cores=2)").refusals(NODE) == ("asks 64 cores, has 32", "")
