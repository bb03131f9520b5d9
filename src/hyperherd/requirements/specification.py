"""What a machine has, or what a job asks of it: CPU and accelerators. Sizes in bytes, durations in seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass
from enum import Enum
from functools import cached_property, lru_cache
from itertools import groupby
from typing import ClassVar

from hyperherd.errors import RequirementError

Groups = tuple[tuple["AcceleratorSpecification", int], ...]
"""Accelerators that are alike, and how many of them."""


_EXAMPLES = {"bytes": "24 * 2**30", "seconds": "4 * 3600"}
_WORD = re.compile(r"[^\W_]+")


class AcceleratorType(Enum):
    """Whose accelerators they are. No specification here is of ROCM: a `gpu()` is met by any."""

    CUDA = "cuda"
    MPS = "mps"
    ROCM = "rocm"


def check_numbers(specification: object, **units: str) -> None:
    """Make the named numbers whole. Of a float the fraction of a byte or a second is dropped (``100 * 3600.0``,
    ``24e9``); other units have none.

    Raises `RequirementError` for what is no number, not whole, or below 0.
    """
    for name, unit in units.items():
        value = getattr(specification, name)
        if not _is_amount(value, unit):
            raise RequirementError(
                f"{type(specification).__name__}({name}={value!r}): not a number of {unit}",
                hint=f"a whole number, 0 or more: {name}={_EXAMPLES.get(unit, '1')}",
            )
        object.__setattr__(specification, name, int(value))


def _is_amount(value: object, unit: str) -> bool:
    if isinstance(value, float):
        return 0 <= value < math.inf and (unit in _EXAMPLES or value.is_integer())
    return isinstance(value, int) and value >= 0


@dataclass(frozen=True)
class CPUSpecification:
    """``memory`` in bytes and ``cores``, of one machine. 0 is none."""

    memory: int = 0
    cores: int = 0

    def __post_init__(self) -> None:
        check_numbers(self, memory="bytes", cores="cores")

    def match(self, asked: CPUSpecification) -> bool:
        """Whether a machine with this has what is asked."""
        return asked.memory <= self.memory and asked.cores <= self.cores


NO_CPU = CPUSpecification()


@dataclass(frozen=True)
class AcceleratorSpecification:
    """One GPU of any kind: ``memory`` in bytes and its ``model``.

    Of a machine's GPU, ``min_memory`` keeps it for those who ask at least so many bytes. In a requirement, an
    empty ``model`` is any; the words of another must be found in those of the machine's (`is_model`).
    """

    memory: int = 0
    model: str = ""
    min_memory: int = 0

    kind: ClassVar[str] = "gpu"
    """How the grammar calls it."""
    accelerator_type: ClassVar[AcceleratorType | None] = None
    """None is any."""
    unified_memory: ClassVar[bool] = False
    """Whether its memory is that of the CPU."""

    def __post_init__(self) -> None:
        check_numbers(self, memory="bytes", min_memory="bytes")

    def match(self, asked: AcceleratorSpecification) -> bool:
        """Whether this one of a machine can be given to one that is asked for."""
        return (
            self.min_memory <= asked.memory <= self.memory
            and asked.kind in ("gpu", self.kind)
            and (not asked.model or is_model(asked.model, self.model))
        )


class CudaSpecification(AcceleratorSpecification):
    """One NVIDIA GPU, with memory of its own."""

    kind = "cuda"
    accelerator_type = AcceleratorType.CUDA


class MPSSpecification(AcceleratorSpecification):
    """One GPU of an Apple machine, which shares its memory with the CPU."""

    kind = "mps"
    accelerator_type = AcceleratorType.MPS
    unified_memory = True


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
    (CudaSpecification(memory=0, model='', min_memory=0), 2)
    """
    return tuple((one, len(list(alike))) for one, alike in groupby(accelerators))


@lru_cache(maxsize=4096)
def is_model(asked: str, offered: str) -> bool:
    """Whether all words of the model asked for are among those of the one offered, or are them run together.

    Case does not count, nor what stands between words.

    >>> [is_model("A100", offered) for offered in ("a100", "NVIDIA A100-SXM4-80GB", "A10", "")]
    [True, True, False, False]
    >>> is_model("rtx3090", "GeForce RTX 3090"), is_model("RTX 3090", "rtx3090"), is_model("L40", "L40S")
    (True, True, False)
    """
    wanted, had = (_WORD.findall(model.lower()) for model in (asked, offered))
    runs = {"".join(had[i:j]) for i in range(len(had)) for j in range(i + 1, len(had) + 1)}
    return bool(wanted) and ("".join(wanted) in runs or runs.issuperset(wanted))
