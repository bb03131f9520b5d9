"""The kinds of nodes of a partition: those that a job cannot tell apart are one kind, with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hyperherd.launchers.slurm.site import Gres, Node
from hyperherd.launchers.survey import KnownGpu

Known = Callable[[str, tuple[str, ...]], KnownGpu]
"""What a gres type and a node's features tell of a GPU: `GpuTable.known`."""

_ALIKE = 0.95
"""Nodes whose memory differs by less are one kind: sites enter what each machine happens to report."""


@dataclass(frozen=True)
class Accelerator:
    """GPUs of one type in one node. ``memory`` in bytes, None where unknown; ``others``: sizes that it may have too;
    ``slice`` is its profile where it is a part of a GPU (MIG).
    """

    kind: str
    model: str
    memory: int | None
    others: tuple[int, ...]
    count: int
    gres: str
    slice: str


@dataclass(frozen=True)
class Kind:
    """``memory`` (bytes) is the least that one of its nodes has; ``nodes`` are those that exist, ``usable`` those that
    take jobs now. ``shares`` are the ways in which its GPUs can be had in parts (``shard``, ``mps``), with counts.
    """

    cores: int
    memory: int
    accelerators: tuple[Accelerator, ...]
    constraint: str
    nodes: int
    usable: int
    shares: tuple[Gres, ...]

    @property
    def gpu_name(self) -> str:
        """What its GPUs are called in a host's name; ``cpu`` without any."""
        labels: list[str] = []
        for gpu in self.accelerators:
            unknown = f"{gpu.memory >> 30}GiB" if gpu.memory else "unknown"
            label = (gpu.model or unknown).replace(" ", "-")
            base = label.removesuffix(gpu.slice).rstrip("_")
            # Several slices of one model: the model once.
            labels.append(gpu.slice if gpu.slice and any(base in said for said in labels) else label)
        return "-".join(labels) or "cpu"

    @property
    def gpu_count(self) -> int:
        return sum(gpu.count for gpu in self.accelerators)


def of(nodes: Iterable[Node], known: Known) -> tuple[Kind, ...]:
    """The kinds among these nodes; most memory last, without GPUs first. Nodes without CPUs are left out."""
    groups: dict[tuple[object, ...], list[list[Kind]]] = {}
    for kind in sorted((_one(node, known) for node in nodes if node.cpus), key=lambda kind: -kind.memory):
        alike = groups.setdefault((kind.cores, kind.accelerators, kind.constraint, kind.shares), [])
        if alike and kind.memory >= _ALIKE * alike[-1][0].memory:
            alike[-1].append(kind)
        else:
            alike.append([kind])
    kinds = [_joined(group) for alike in groups.values() for group in alike]
    return tuple(sorted(kinds, key=lambda kind: (kind.gpu_count > 0, kind.gpu_name, kind.cores, kind.memory)))


def _joined(group: Sequence[Kind]) -> Kind:
    """One kind out of several nodes, most memory first."""
    return replace(group[-1], nodes=len(group), usable=sum(kind.usable for kind in group))


def _one(node: Node, known_gpu: Known) -> Kind:
    accelerators: list[Accelerator] = []
    by: list[str] = []
    for item in node.gres:
        if item.name == "gpu" and item.count:
            known = known_gpu(item.type, node.features)
            gres = f"gpu:{item.type}" if item.type else "gpu"
            accelerators.append(
                Accelerator(
                    known.kind, known.model, known.memory, known.others, item.count, gres, known.slice
                )
            )
            by += known.by
    return Kind(
        cores=node.cpus,
        memory=node.memory,
        accelerators=tuple(accelerators),
        constraint="&".join(dict.fromkeys(by)),
        nodes=1,
        usable=int(node.usable),
        shares=tuple(item for item in node.gres if item.name in ("shard", "mps")),
    )


def names(partition: str, kinds: Sequence[Kind]) -> list[str]:
    """A name for each kind: the partition's, and behind it what tells the kind from the others.

    The GPU's type, its memory, the count of GPUs, the cores, the memory: each only where those before do not tell.
    """
    attributes: list[Callable[[Kind], str]] = [
        lambda kind: kind.gpu_name,
        lambda kind: "-".join(f"{gpu.memory >> 30}GiB" for gpu in kind.accelerators if gpu.memory),
        lambda kind: f"{kind.gpu_count}x",
        lambda kind: f"{kind.cores}cores",
        lambda kind: f"{kind.memory >> 30}GiB",
    ]
    found = [partition] * len(kinds)
    for attribute in attributes:
        for name in {name for name in found if found.count(name) > 1}:
            alike = [number for number, known in enumerate(found) if known == name]
            if len({attribute(kinds[number]) for number in alike}) > 1:
                for number in alike:
                    found[number] = f"{name}-{attribute(kinds[number])}"
    return found


def unique(names: Iterable[str]) -> list[str]:
    """The names, those that come again with a number.

    >>> unique(["a", "b", "a", "a-2"])
    ['a', 'b', 'a-2', 'a-2-2']
    """
    taken: list[str] = []
    for name in names:
        numbered = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
        taken.append(next(free for free in numbered if free not in taken))
    return taken
