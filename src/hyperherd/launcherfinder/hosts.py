"""Kinds of machines as people describe them in YAML: what one node has, and what to ask of Slurm to get it.

A compute preset is such a description with its request filled in (``cpus_per_task``, ``mem_gb``, ``timeout_min``, ...).
The keys are those of `KEYS`; docs/machines.md explains them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from hyperherd import units
from hyperherd.config.faults import shown
from hyperherd.errors import ConfigError, Fault, RequirementError, nearest
from hyperherd.jobs import NativeValue, Request
from hyperherd.launcherfinder import configuration
from hyperherd.launcherfinder.layers import Layered
from hyperherd.launchers import shipped
from hyperherd.requirements import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSimpleRequirement,
    HostSpecification,
    MPSSpecification,
)
from hyperherd.requirements.matching import assigned, dedicated
from hyperherd.requirements.parser import read_duration, read_size

MOST = 1_000_000
"""Of anything that is counted."""

ACCELERATORS = {"cuda": CudaSpecification, "mps": MPSSpecification, "gpu": AcceleratorSpecification}


@dataclass(frozen=True)
class Host:
    """A kind of machine.

    ``specification``  what one of it has
    ``gres``           what its launcher calls each of its accelerators (``gpu:a100``; "" where it has no type)
    ``request``        what everything here asks for
    ``machines``       how many there are; None where nobody said
    ``work_root``      where runs may write much; "" where nobody said
    ``source``         the file and line of the description
    """

    name: str
    launcher: str
    specification: HostSpecification
    gres: tuple[str, ...] = ()
    request: Request = field(default_factory=Request)
    cluster: str = ""
    machines: int | None = None
    tags: frozenset[str] = frozenset()
    work_root: str = ""
    source: str = ""


def host(name: str, described: Layered) -> Host:
    """The kind of machine that resolved layers describe. Raises `ConfigError` with all faults."""
    reader = _Reader(described)
    values = reader.checked()
    accelerators, gres = reader.accelerators(values)
    native = shipped.native()
    options = native.described(values)
    reader.check_options(options)
    if reader.faults:
        raise ConfigError(reader.faults)
    cpus, tasks = values.get("cpus_per_task") or 0, values.get("tasks_per_node") or 1
    return Host(
        name=name,
        launcher=values.get("launcher") or "slurm",
        specification=HostSpecification(
            cpu=CPUSpecification(
                cores=values.get("cores") or cpus * tasks,
                memory=values.get("memory") or math.floor((values.get("mem_gb") or 0) * 2**30),
            ),
            accelerators=accelerators,
            max_duration=values.get("max_duration") or _limit(values),
            min_gpu=values.get("min_gpu") or 0,
            priority=values.get("priority") or 0,
        ),
        gres=gres,
        request=native.request(options),
        cluster=values.get("cluster") or "",
        machines=values.get("machines"),
        tags=frozenset(values.get("tags") or ()),
        work_root=values.get("work_root") or "",
        source=described.fault((), "").where,
    )


def _limit(values: Mapping[str, Any]) -> int:
    """Whole seconds; 0 for none."""
    try:
        seconds = units.seconds_of_limit(str(values.get("timeout_min") or values.get("time_limit") or 0))
    except ValueError:  # its options are judged, and what `slurm` says stands above it
        return 0
    return math.ceil(seconds) if math.isfinite(seconds) else 0


def over(layer: Layered, base: Layered) -> Layered:
    """``layer`` laid over ``base``. An option of sbatch can be written in several ways: what the layer writes in one of
    them stands above what the base has in another.
    """
    return layer.over(base.without([path for ways in _ways(layer) for path in _stronger(ways, layer)]))


def _ways(layer: Layered) -> Iterator[list[tuple[str, ...]]]:
    """For each option that the layer may have: the paths at which it can stand."""
    native = shipped.native()
    for name in (*native.described_by, *native.written_as, *layer.values):
        yield _paths(name)
    slurm = layer.values.get("slurm")
    for name in slurm if isinstance(slurm, dict) else ():
        yield [("slurm", "additional_parameters", name), ("slurm", name)]


def _paths(option: str) -> list[tuple[str, ...]]:
    """Where an option can stand in a description, the last word first."""
    own = shipped.native().written_as.get(option, (option,))
    return [("slurm", "additional_parameters", option), ("slurm", option), *((key,) for key in own)]


def taken_away(layer: Layered) -> list[tuple[str, ...]]:
    """The paths at which the options can stand that the layer has as null."""
    nulls = [name for name, value in layer.values.items() if value is None]
    return [
        path
        for name in nulls
        for path in (("slurm", "additional_parameters", name), ("slurm", name), (name,))
    ]


def _stronger(ways: Sequence[tuple[str, ...]], layer: Layered) -> Sequence[tuple[str, ...]]:
    """Those that would hide what the layer says."""
    return ways[: next((place for place, path in enumerate(ways) if layer.value(path) is not None), 0)]


def filled(host: Host, requirement: HostSimpleRequirement) -> Request:
    """The host's request with what is required of it, which it meets."""
    asked = Request(
        time_s=requirement.duration or None,
        memory_bytes=requirement.cpu.memory or None,
        cpus=requirement.cpu.cores or None,
    )
    return shipped.native().filled(host.request, asked, _gpus(host, requirement))


def _gpus(host: Host, requirement: HostSimpleRequirement) -> Mapping[str, int] | None:
    """By what the launcher calls them; None where none are required."""
    if not requirement.accelerators:
        return None
    if not shipped.traits(host.launcher).elsewhere:
        return {"": dedicated(host.specification, requirement)}
    return Counter(host.gres[place] for place in assigned(host.specification, requirement))


class _Reader:
    """Checks values key by key, and collects what is wrong."""

    def __init__(self, described: Layered) -> None:
        self._described = described
        self.faults: list[Fault] = []

    def add(self, path: tuple[str | int, ...], what: str, hint: str = "") -> None:
        self.faults.append(self._described.fault(path, what, hint))

    def checked(self) -> dict[str, Any]:
        """The values that are right, each in its unit: bytes, seconds."""
        values = self._described.values
        for key in (key for key in values if key not in KEYS):
            self.add((key,), "unknown key", nearest(key, KEYS) or f"known are {', '.join(KEYS)}")
        return self.read((), {key: values[key] for key in values if key in KEYS})

    def check_options(self, options: Mapping[str, NativeValue]) -> None:
        for name, value in options.items():
            if told := shipped.native().fault(name, value):
                paths = [*_paths(name), ("slurm",)]
                self.add(next((path for path in paths if path in self._described.origin), ()), *told)

    def accelerators(
        self, values: Mapping[str, Any]
    ) -> tuple[list[AcceleratorSpecification], tuple[str, ...]]:
        found: list[AcceleratorSpecification] = []
        called: list[str] = []
        listed = values.get("accelerators") or []
        one = isinstance(self._described.values.get("accelerators"), dict)
        if not listed and values.get("gpus_per_node"):
            gres = shipped.native().gpu_name(values.get("gres") or "")
            listed = [{"model": values.get("gpu_type"), "count": values["gpus_per_node"], "gres": gres}]
        for place, entry in enumerate(listed):
            at = ("accelerators",) if one else ("accelerators", place)
            for key in (key for key in entry if key not in ACCELERATOR_KEYS):
                hint = nearest(key, ACCELERATOR_KEYS) or f"known are {', '.join(ACCELERATOR_KEYS)}"
                self.add((*at, key), "unknown key", hint)
            said = self.read(at, {key: entry[key] for key in entry if key in ACCELERATOR_KEYS})
            count, model = said.get("count", 1), said.get("model", "")
            memory = said.get("memory") or _known_memory(model)
            kind = said.get("kind", CudaSpecification)
            found += [kind(memory=memory, min_memory=said.get("min_memory", 0), model=model)] * count
            called += [said.get("gres", "")] * count
        return found, tuple(called)

    def read(self, at: tuple[str | int, ...], values: Mapping[str, Any]) -> dict[str, Any]:
        """Of these values, which stand at a path, those that are right; null says nothing."""
        known = ACCELERATOR_KEYS if at else KEYS
        found = {}
        for key, value in values.items():
            if value is None:
                continue
            try:
                found[key] = known[key](value)
            except RequirementError as error:
                self.add((*at, key), error.what, error.hint)
            except _WrongError as error:
                self.add((*at, key), f"{error} expected, not {shown(value)}")
        return found


class _WrongError(ValueError):
    """What was expected instead."""


def _text(value: Any) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise _WrongError("text")
    return str(value)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("the name of another description")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise _WrongError(f"a whole number up to {MOST:,}")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise _WrongError("a number")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, str):
        raise _WrongError("an amount of memory such as 190GiB")
    return read_size(value)


def _seconds(value: Any) -> int:
    if not isinstance(value, str):
        raise _WrongError("a duration such as 7d")
    return read_duration(value)


def _launcher(value: Any) -> str:
    if value == "direct":
        return "local"
    if isinstance(value, str) and value in shipped.SHIPPED:
        return value
    raise _WrongError(" or ".join(shipped.SHIPPED))


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _WrongError("a list of texts")
    return [_text(entry) for entry in value]


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError("a mapping of sbatch's options")
    if not isinstance(value.get("additional_parameters") or {}, dict):
        raise _WrongError("a mapping of sbatch's options in additional_parameters")
    return value


def _kind(value: Any) -> type[AcceleratorSpecification]:
    if not isinstance(value, str) or value not in ACCELERATORS:
        raise _WrongError(f"one of {', '.join(ACCELERATORS)}")
    return ACCELERATORS[value]


def _mappings(value: Any) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, dict) for entry in entries):
        raise _WrongError("a mapping such as {kind: cuda, memory: 24GiB, count: 4}, or a list of them")
    return cast("list[dict[str, Any]]", entries)


KEYS: Mapping[str, Callable[[Any], Any]] = {
    # what one machine has
    "launcher": _launcher,
    "cluster": _text,
    "machines": _count,
    "cores": _count,
    "memory": _size,
    "accelerators": _mappings,
    "max_duration": _seconds,
    "min_gpu": _count,
    "priority": _number,
    "tags": _texts,
    # what to ask for
    **dict.fromkeys(("partition", "account", "qos", "constraint", "reservation"), _text),
    "nodes": _count,
    "gpu_type": _text,
    "gpus_per_node": _count,
    "gres": _text,
    "tasks_per_node": _count,
    "cpus_per_task": _count,
    "mem_gb": _number,
    "timeout_min": _count,
    "time_limit": _text,
    "work_root": _text,
    "slurm": _mapping,
    "base": _name,
}
"""What a description may say -> what makes a checked value of it."""

ACCELERATOR_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "kind": _kind,
    "model": _text,
    "memory": _size,
    "min_memory": _size,
    "count": _count,
    "gres": _text,
}


@cache
def _known_memory(model: str) -> int:
    """Bytes; 0 of a GPU that the tables do not know."""
    from hyperherd.launcherfinder import gpu_names  # 17 ms, where a model stands without its memory

    table = gpu_names.read(configuration.folder() / gpu_names.NAME)
    return (table.known(model, ()).memory or 0) if model else 0
