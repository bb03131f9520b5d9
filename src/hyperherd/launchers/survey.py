"""What a launcher tells of the machines that it reaches: their descriptions, as users write them in launchers.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

OWN_GPUS = "gpus.yaml"
"""The file in which users name GPUs that herd does not know."""

Description: TypeAlias = "Mapping[str, object]"
"""An entry of launchers.yaml: strings, numbers, lists and maps of those, in the order in which they are written."""


@dataclass(frozen=True)
class KnownGpu:
    """What a GPU's name and its surroundings tell. ``memory`` in bytes, None where unknown; ``others`` are sizes that
    it may have as well; ``model`` is empty where no name is known; ``by`` are the surroundings that told it, ``slice``
    is the profile of a part of a GPU (MIG).
    """

    kind: str
    model: str
    memory: int | None
    others: tuple[int, ...] = ()
    by: tuple[str, ...] = ()
    slice: str = ""


class GpuTable(Protocol):
    """Which GPU a name means."""

    def known(self, name: str, features: tuple[str, ...]) -> KnownGpu:
        """A GPU by what a scheduler calls it, else by the features of its node."""

    def of_card(self, name: str, memory: int | None) -> KnownGpu:
        """A GPU of this machine, as its driver names it, and of so many bytes."""


@dataclass(frozen=True)
class Detected:
    """``hosts`` by name; ``remarks``: sentences about a host, for its reader; ``unknown``: what could not be learned,
    and what to do about it.
    """

    cluster: str = ""
    hosts: Mapping[str, Description] = field(default_factory=dict)
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: Sequence[str] = ()


class Survey(Protocol):
    """How a launcher looks around."""

    def __call__(self, gpus: GpuTable) -> Detected:
        """What there is for the user who asks. Raises `SchedulerSilentError`."""


def memory(size: int) -> str:
    """Bytes, exact to a MiB.

    >>> memory(80 * 2**30), memory(20000 * 2**20)
    ('80GiB', '20000MiB')
    """
    mib = size >> 20
    return f"{mib >> 10}GiB" if mib and mib % 1024 == 0 else f"{mib}MiB"


def listed(names: Sequence[str]) -> str:
    """The first twelve.

    >>> listed(["a", "b"]), listed([str(number) for number in range(14)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more')
    """
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
