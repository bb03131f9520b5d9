"""Requirements as values: how they are built and put together, and that nothing changes one."""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import RequirementError
from hyperherd.requirements.builders import cpu, cuda_gpu, duration, gpu, mps_gpu
from hyperherd.requirements.parser import parse
from hyperherd.requirements.requirement import (
    HostRequirement,
    HostSimpleRequirement,
    RequirementUnion,
    watched,
)
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)

from .strategies import patient, requirements, simple


def test_objects_say_what_the_text_says() -> None:
    built = cuda_gpu(mem="24G") * 2 & cpu(cores=4) & duration("4 d")
    assert isinstance(built, HostSimpleRequirement)
    assert built.duration == 345_600
    assert built.cpu == CPUSpecification(memory=0, cores=4)
    assert built.accelerators == (CudaSpecification(24 * 10**9),) * 2
    assert built == parse("cuda(mem=24G) * 2 & cpu(cores=4) & duration=4 d")
    assert str(built) == "duration=4d & cpu(cores=4) & cuda(mem=24G) * 2"
    assert 2 * cuda_gpu(mem="24G") == cuda_gpu(mem="24G") * 2


def test_builders_take_texts_or_numbers_or_nothing() -> None:
    assert cuda_gpu(mem=24 * 2**30) == cuda_gpu("24GiB") == parse("cuda(mem=24GiB)")
    assert cpu(mem="4G") == parse("cpu(mem=4G)") == cpu(mem=4 * 10**9, cores=1)
    assert [mps_gpu(), gpu(), cpu()] == [parse("mps()"), parse("gpu()"), parse("cpu()")]
    assert gpu(model="A100") == parse("gpu(model=A100)")
    assert duration(90) == duration(90.0) == duration("90") == duration("90 s") == parse("duration=1.5 min")


def test_floats_are_read_where_they_are_amounts() -> None:
    host = HostSpecification(max_duration=100 * 3600.0, cuda=[CudaSpecification(24e9, min_memory=1.5e9)])  # type: ignore[arg-type]
    assert repr(host.max_duration) == "360000"
    assert host.accelerators == (CudaSpecification(24 * 10**9, min_memory=1_500_000_000),)
    assert CPUSpecification(memory=0.5 * 2**30 + 0.25, cores=4.0) == CPUSpecification(2**29, 4)  # type: ignore[arg-type]


def test_a_specification_says_whether_it_has_what_another_asks_for() -> None:
    card, mac = CudaSpecification(24, "RTX 4090", min_memory=8), MPSSpecification(24)
    asked = [CudaSpecification(24), AcceleratorSpecification(8), CudaSpecification(8, "rtx4090")]
    assert all(card.match(one) for one in asked)
    assert not any(
        card.match(one) for one in (CudaSpecification(25), CudaSpecification(7), MPSSpecification(8))
    )
    assert mac.match(gpu(mem=24).accelerators[0]) and not mac.match(CudaSpecification(1))
    assert CPUSpecification(8, 2).match(CPUSpecification(8, 1))
    assert not CPUSpecification(8, 2).match(CPUSpecification(9)) and not CPUSpecification(8).match(
        CPUSpecification(0, 1)
    )


def test_accelerators_tell_their_type_and_whether_their_memory_is_the_cpus() -> None:
    kinds = [AcceleratorSpecification(), CudaSpecification(), MPSSpecification()]
    assert [one.accelerator_type for one in kinds] == [None, AcceleratorType.CUDA, AcceleratorType.MPS]
    assert [one.unified_memory for one in kinds] == [False, False, True]
    assert [kind.value for kind in AcceleratorType] == ["cuda", "mps", "rocm"]


def test_the_gpus_that_can_be_nvidias_are_counted() -> None:
    asked = (cuda_gpu("8G") * 2 & gpu("4G") & mps_gpu("2G")).cuda_gpus
    assert [(type(one), one.memory) for one in asked] == [
        *[(CudaSpecification, 8 * 10**9)] * 2,
        (AcceleratorSpecification, 4 * 10**9),
    ]


def test_who_watches_is_told_of_each_match_within() -> None:
    seen: list[tuple[object, object]] = []
    need, host = parse("cpu(cores=1) | cuda()"), HostSpecification()
    with watched(lambda asked, machine: seen.append((asked, machine))):
        assert need.match(host) is None
        need.requirements[1].match(host)
    need.match(host)
    assert seen == [(need, host), (need.requirements[1], host)]


@pytest.mark.parametrize(
    "build",
    [
        lambda: cpu(mem=""),
        lambda: cuda_gpu(mem="24"),
        lambda: cuda_gpu(mem=-1),
        lambda: cpu(cores=-1),
        lambda: cpu(cores=1.5),  # type: ignore[arg-type]
        lambda: duration("-4"),
        lambda: duration(math.nan),
        lambda: duration(-4),
        lambda: cuda_gpu() * 0,
        lambda: cuda_gpu() * -1,
        lambda: cuda_gpu() * 10**12,
        lambda: cpu(cores=4) * 2,
        lambda: (cuda_gpu() | cpu()) * 2,
        lambda: RequirementUnion(),
        lambda: RequirementUnion(cpu(), "cpu()"),  # type: ignore[arg-type]
        lambda: parse(None),  # type: ignore[arg-type]
        lambda: parse(b"cpu()"),  # type: ignore[arg-type]
        lambda: HostSimpleRequirement(accelerators=[CudaSpecification(48, min_memory=24)]),
        lambda: CPUSpecification(memory="32G"),  # type: ignore[arg-type]
        lambda: HostSpecification(max_duration=math.inf),  # type: ignore[arg-type]
        lambda: duration("1h").multiply_duration(-1),
        lambda: duration("1h").multiply_duration(math.nan),
        lambda: duration("1h").multiply_duration(math.inf),
    ],
)
def test_what_cannot_be_asked_is_refused(build: object) -> None:
    with pytest.raises(RequirementError):
        build()  # type: ignore[operator]


@pytest.mark.parametrize("other", [None, "cuda()", 1.5])
def test_requirements_are_put_together_with_requirements_only(other: object) -> None:
    for operate in ("__and__", "__or__", "__mul__"):
        for left in (cuda_gpu(), cuda_gpu() | mps_gpu()):
            assert getattr(left, operate)(other) is NotImplemented
    assert cuda_gpu() != other


@patient
@given(requirements, requirements, st.integers(1, 3))
def test_operators_leave_their_operands(left: HostRequirement, right: HostRequirement, times: int) -> None:
    before = str(left), str(right), hash(left), hash(right)
    operations: list[Callable[[], object]] = [
        lambda: left & right,
        lambda: left | right,
        lambda: left * times,
        lambda: left.multiply_duration(times),
    ]
    for operate in operations:
        with contextlib.suppress(RequirementError):  # a left without accelerators has nothing to multiply
            assert operate() == operate()
    assert (str(left), str(right), hash(left), hash(right)) == before


@patient
@given(simple, simple)
def test_both_take_the_larger_of_each_and_all_accelerators(
    left: HostSimpleRequirement, right: HostSimpleRequirement
) -> None:
    both = left & right
    assert both == right & left
    assert both.duration == max(left.duration, right.duration)
    assert both.cpu.memory == max(left.cpu.memory, right.cpu.memory)
    assert both.cpu.cores == max(left.cpu.cores, right.cpu.cores)
    assert sorted(map(repr, both.accelerators)) == sorted(
        map(repr, (*left.accelerators, *right.accelerators))
    )
    sizes = [one.memory for one in both.accelerators]
    assert sizes == sorted(sizes, reverse=True)


@patient
@given(requirements, requirements, requirements)
def test_alternatives_are_flat_and_distributed(
    a: HostRequirement, b: HostRequirement, c: HostRequirement
) -> None:
    assert (a | b).requirements == (*a.requirements, *b.requirements)
    assert (a | b) | c == a | (b | c) == RequirementUnion(a, b, c)
    assert (a | b) & c == a & c | b & c


@patient
@given(requirements)
def test_a_copy_is_equal_and_has_the_same_hash(requirement: HostRequirement) -> None:
    for other in (copy.deepcopy(requirement), pickle.loads(pickle.dumps(requirement))):
        assert other == requirement
        assert hash(other) == hash(requirement)
        assert str(other) == str(requirement)


def test_kinds_and_models_make_a_difference() -> None:
    different = [cuda_gpu("4G"), mps_gpu("4G"), gpu("4G"), cuda_gpu("8G"), cuda_gpu("4G", model="A100")]
    assert len(set(different)) == len(different)


def test_values_cannot_be_changed() -> None:
    one = cuda_gpu()
    for value, name in (
        (one, "duration"),
        (one.cpu, "cores"),
        (one.accelerators[0], "memory"),
        (HostSpecification(), "cpu"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)
    with pytest.raises(AttributeError):
        (one | one).requirements = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("seconds", "coefficient", "expected"),
    [(3600, 1.1, 3960), (3, 0.5, 2), (5400, 2 / 3, 3600), (1, 1e-9, 1), (10**30, 2, 2 * 10**30), (0, 5, 0)],
)
def test_a_multiplied_duration_is_rounded_up_once(seconds: int, coefficient: float, expected: int) -> None:
    assert duration(seconds).multiply_duration(coefficient).duration == expected


def test_a_host_has_the_accelerators_of_both_arguments() -> None:
    host = HostSpecification(
        accelerators=[MPSSpecification(8)], cuda=[CudaSpecification(4), CudaSpecification(4)]
    )
    assert host.accelerators == (MPSSpecification(8), CudaSpecification(4), CudaSpecification(4))
    assert HostSpecification(cpu=None) == HostSpecification()  # type: ignore[arg-type]
    assert AcceleratorSpecification(4) != CudaSpecification(4)
