"""What a machine has, or what a job asks of it: CPU and accelerators. Sizes in bytes, durations in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from itertools import groupby
from typing import ClassVar

from hyperherd.errors import RequirementError

Groups = tuple[tuple["AcceleratorSpecification", int], ...]
"""Accelerators that are alike, and how many of them."""


_EXAMPLES = {"bytes": "24 * 2**30", "seconds": "4 * 3600"}


def check_numbers(specification: object, **units: str) -> None:
    """Raise `RequirementError` where one of the named numbers is not whole, or below 0."""
    for name, unit in units.items():
        value = getattr(specification, name)
        if not isinstance(value, int) or value < 0:
            raise RequirementError(
                f"{type(specification).__name__}({name}={value!r}): not a number of {unit}",
                hint=f"a whole number, 0 or more: {name}={_EXAMPLES.get(unit, '1')}",
            )


@dataclass(frozen=True)
class CPUSpecification:
    """``memory`` in bytes and ``cores``, of one machine. 0 is none."""

    memory: int = 0
    cores: int = 0

    def __post_init__(self) -> None:
        check_numbers(self, memory="bytes", cores="cores")


NO_CPU = CPUSpecification()


@dataclass(frozen=True)
class AcceleratorSpecification:
    """One GPU of any kind: ``memory`` in bytes and its ``model``.

    Of a machine's GPU, ``min_memory`` keeps it for those who ask at least so many bytes. In a requirement, an
    empty ``model`` is any; the words of another must be found in those of the machine's (`matching.is_model`).
    """

    memory: int = 0
    min_memory: int = 0
    model: str = ""

    kind: ClassVar[str] = "gpu"
    """How the grammar calls it."""
    unified: ClassVar[bool] = False
    """Whether its memory is that of the CPU."""

    def __post_init__(self) -> None:
        check_numbers(self, memory="bytes", min_memory="bytes")


class CudaSpecification(AcceleratorSpecification):
    """One NVIDIA GPU, with memory of its own."""

    kind = "cuda"


class MPSSpecification(AcceleratorSpecification):
    """One GPU of an Apple machine, which shares its memory with the CPU."""

    kind = "mps"
    unified = True


@dataclass(frozen=True)
class HostSpecification:
    """One kind of machine. What is not said is not there, except for ``max_duration``.

    ``max_duration`` is the longest job that it takes, in seconds (0: no limit), ``min_gpu`` the least number of
    accelerators that a job must ask for; of two machines the one of higher ``priority`` is preferred. ``cuda`` is
    another way to give ``accelerators``: it is added to them.
    """

    cpu: CPUSpecification = NO_CPU
    accelerators: Sequence[AcceleratorSpecification] = ()
    max_duration: int = 0
    min_gpu: int = 0
    priority: float = 0
    cuda: InitVar[Iterable[AcceleratorSpecification]] = ()

    def __post_init__(self, cuda: Iterable[AcceleratorSpecification]) -> None:
        check_numbers(self, max_duration="seconds", min_gpu="accelerators")
        object.__setattr__(self, "cpu", self.cpu or NO_CPU)  # None is what others wrote for none
        object.__setattr__(self, "accelerators", (*self.accelerators, *cuda))

    @cached_property
    def groups(self) -> Groups:
        """The accelerators, neighbours that are alike together."""
        return grouped(self.accelerators)


def grouped(accelerators: Iterable[AcceleratorSpecification]) -> Groups:
    """Neighbours that are alike, and how many they are.

    >>> grouped([CudaSpecification(), CudaSpecification(), MPSSpecification()])[0]
    (CudaSpecification(memory=0, min_memory=0, model=''), 2)
    """
    return tuple((one, len(list(alike))) for one, alike in groupby(accelerators))
