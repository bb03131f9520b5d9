"""What a job asks of a machine: alternatives, and how they are put together. All values; nothing changes one."""

from __future__ import annotations

import math
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import SupportsIndex, TypeAlias, overload

from hyperherd.errors import RequirementError
from hyperherd.requirements import amounts
from hyperherd.requirements.matching import meets, missing
from hyperherd.requirements.specification import (
    NO_CPU,
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    Groups,
    HostSpecification,
    check_numbers,
    grouped,
)

PLAIN_MODEL = re.compile(r"[\w.+-]+")
"""Models that need no quotes."""
MAX_ALTERNATIVES = 100
MAX_ACCELERATORS = 1_000
"""Of one alternative. Both are far above what one machine has, and keep a slip of the pen from filling the memory."""


Watcher: TypeAlias = "Callable[[HostRequirement, HostSpecification], None]"
_WATCHER: ContextVar[Watcher | None] = ContextVar("hyperherd_match_watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell ``watcher`` of each `HostRequirement.match` within: which requirement, and which machine.

    So a choice that is made in somebody else's code can be explained.
    """
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


class HostRequirement(ABC):
    """Alternatives, the preferred first; a machine meets it that meets one of them.

    ``a | b`` lists the alternatives of both, ``a & b`` asks for both at once (each alternative of the one with
    each of the other), ``a * n`` for n times the accelerators of each, the rest as it is. Equal are those with the
    same alternatives in the same order. ``str`` is the grammar's text, which `parser.parse` reads again.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def requirements(self) -> tuple[HostSimpleRequirement, ...]:
        """The alternatives."""

    def __or__(self, other: HostRequirement) -> HostRequirement:
        if not isinstance(other, HostRequirement):
            return NotImplemented
        return RequirementUnion(self, other)

    def __and__(self, other: HostRequirement) -> HostRequirement:
        if not isinstance(other, HostRequirement):
            return NotImplemented
        _check_alternatives(len(self.requirements) * len(other.requirements))
        both = (one & another for one in self.requirements for another in other.requirements)
        return RequirementUnion(*both)

    def __mul__(self, count: SupportsIndex) -> HostRequirement:
        if not isinstance(count, SupportsIndex):
            return NotImplemented
        return RequirementUnion(*(one * count for one in self.requirements))

    __rmul__ = __mul__

    def multiply_duration(self, coefficient: float) -> HostRequirement:
        """All durations times ``coefficient``, rounded up to a second. Raises `RequirementError` below 0."""
        return RequirementUnion(*(one.multiply_duration(coefficient) for one in self.requirements))

    def match(self, host: HostSpecification) -> Match | None:
        """The first alternative that the machine meets; None where it meets none."""
        if watcher := _WATCHER.get():
            watcher(self, host)
        return next((Match(host.priority, one) for one in self.requirements if meets(host, one)), None)

    def refusals(self, host: HostSpecification) -> tuple[str, ...]:
        """For each alternative all that the machine does not have, empty for one that it meets.

        >>> from hyperherd.requirements.parser import parse
        >>> parse("cuda(mem=24GiB) * 2 & cpu(cores=4)").refusals(HostSpecification())
        ('asks 4 cores, has none; asks 2 CUDA GPUs of 24 GiB, has none',)
        """
        return tuple("; ".join(missing(host, one)) for one in self.requirements)

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, HostRequirement) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[tuple[object, ...], ...]:
        return tuple((one.duration, one.cpu, one.accelerators) for one in self.requirements)

    def __str__(self) -> str:
        return " | ".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class RequirementUnion(HostRequirement):
    """The alternatives of all these requirements, in their order.

    Raises `RequirementError` without any alternative, or with more than `MAX_ALTERNATIVES`.
    """

    __slots__ = ("_alternatives",)

    def __init__(self, *requirements: HostRequirement) -> None:
        for one in requirements:
            _check_requirement(one)
        self._alternatives = tuple(one for each in requirements for one in each.requirements)
        _check_alternatives(len(self._alternatives))

    @property
    def requirements(self) -> tuple[HostSimpleRequirement, ...]:
        """The alternatives."""
        return self._alternatives


@dataclass(frozen=True, eq=False, repr=False)
class HostSimpleRequirement(HostRequirement):
    """One alternative: what a single machine must have.

    ``duration`` in seconds (0: not said), ``accelerators`` largest memory first, in whatever order they were
    given. Raises `RequirementError` for numbers below 0, and for more than `MAX_ACCELERATORS`.
    """

    duration: int = 0
    cpu: CPUSpecification = NO_CPU
    accelerators: Sequence[AcceleratorSpecification] = ()

    def __post_init__(self) -> None:
        check_numbers(self, duration="seconds")
        in_order = sorted(self.accelerators, key=lambda one: (-one.memory, one.kind, one.model))
        _check_accelerators(len(in_order))
        if any(one.min_memory for one in in_order):
            what = "min_memory belongs to a machine: it keeps an accelerator for those who ask for so much"
            raise RequirementError(what, hint="in a requirement, give memory=")
        object.__setattr__(self, "cpu", self.cpu or NO_CPU)  # None is what others wrote for none
        object.__setattr__(self, "accelerators", tuple(in_order))

    @property
    def requirements(self) -> tuple[HostSimpleRequirement, ...]:
        """Itself, the only alternative."""
        return (self,)

    @cached_property
    def groups(self) -> Groups:
        """The accelerators, those that are alike together."""
        return grouped(self.accelerators)

    @property
    def cuda_gpus(self) -> tuple[AcceleratorSpecification, ...]:
        """The accelerators that NVIDIA GPUs can be: those of any kind too."""
        return tuple(one for one in self.accelerators if one.accelerator_type in (None, AcceleratorType.CUDA))

    @overload
    def __and__(self, other: HostSimpleRequirement) -> HostSimpleRequirement: ...
    @overload
    def __and__(self, other: HostRequirement) -> HostRequirement: ...
    def __and__(self, other: HostRequirement) -> HostRequirement:
        if not isinstance(other, HostSimpleRequirement):
            return super().__and__(other)
        return HostSimpleRequirement(
            max(self.duration, other.duration),
            CPUSpecification(max(self.cpu.memory, other.cpu.memory), max(self.cpu.cores, other.cpu.cores)),
            (*self.accelerators, *other.accelerators),
        )

    def __mul__(self, count: SupportsIndex) -> HostSimpleRequirement:
        if not isinstance(count, SupportsIndex):
            return NotImplemented
        times = operator.index(count)
        if times < 1:
            raise RequirementError(
                f"{times} times is not a number of accelerators", hint="a whole number, 1 or more"
            )
        if not self.accelerators:
            raise RequirementError(f"'*' counts accelerators, and '{self}' has none", hint=_INSTEAD)
        _check_accelerators(times * len(self.accelerators))
        return replace(self, accelerators=(*self.accelerators,) * times)

    __rmul__ = __mul__

    def multiply_duration(self, coefficient: float) -> HostSimpleRequirement:
        """The duration times ``coefficient``, rounded up to a second. Raises `RequirementError` below 0."""
        product = self.duration * coefficient
        if not 0 <= coefficient < math.inf or product == math.inf:
            what = f"{coefficient!r} times a duration is not a duration"
            raise RequirementError(what, hint="a number, 0 or more, such as 2 or 1.5")
        # The product of an hour and 1.1 is a little more than 3960 in binary.
        seconds = math.ceil(round(product, 6))
        return replace(self, duration=seconds or int(product > 0))

    def __str__(self) -> str:
        """As the grammar has it."""
        terms = [_accelerator(one, count) for one, count in self.groups]
        if self.cpu != NO_CPU:
            memory = f"mem={amounts.size(self.cpu.memory)}, " if self.cpu.memory else ""
            terms.insert(0, f"cpu({memory}cores={self.cpu.cores})")
        if self.duration or not terms:
            terms.insert(0, f"duration={amounts.duration(self.duration)}")
        return " & ".join(terms)

    __repr__ = HostRequirement.__repr__


@dataclass(frozen=True)
class Match:
    """``requirement`` is the first alternative that the machine meets, ``score`` the machine's priority."""

    score: float
    requirement: HostSimpleRequirement


_INSTEAD = "for two cores write cpu(cores=2), for two GPUs cuda(mem=24GiB) * 2"


def _check_requirement(value: object) -> None:
    if not isinstance(value, HostRequirement):
        raise RequirementError(
            f"{value!r} is no requirement", hint='such as parse("duration=4h & cuda(mem=24GiB)")'
        )


def _check_alternatives(count: int) -> None:
    if not count:
        raise RequirementError("a requirement has one alternative at least")
    if count > MAX_ALTERNATIVES:
        hint = "'|' within '&' gives each with each: (a | b) & (c | d) are four"
        raise RequirementError(f"{count} alternatives; {MAX_ALTERNATIVES} are the most", hint=hint)


def _check_accelerators(count: int) -> None:
    if count > MAX_ACCELERATORS:
        what = f"{count} accelerators for one job; {MAX_ACCELERATORS} are the most"
        raise RequirementError(what, hint="a requirement speaks of one machine")


def _accelerator(one: AcceleratorSpecification, count: int) -> str:
    arguments = []
    if one.memory:
        arguments.append(f"mem={amounts.size(one.memory)}")
    if one.model:
        arguments.append(f"model={_quoted(one.model)}")
    times = f" * {count}" if count > 1 else ""
    return f"{one.kind}({', '.join(arguments)}){times}"


def _quoted(model: str) -> str:
    if PLAIN_MODEL.fullmatch(model):
        return model
    escaped = model.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
