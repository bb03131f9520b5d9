"""Kinds of machines as people describe them in YAML: what one node has, and what to ask of Slurm to get it.

A compute preset is such a description with its request filled in (``cpus_per_task``, ``mem_gb``, ``timeout_min``, ...).
The keys are those of `KEYS`; docs/machines.md explains them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

from hyperherd import units
from hyperherd.errors import ConfigError, Fault, RequirementError, nearest
from hyperherd.launcherfinder import configuration
from hyperherd.launcherfinder.layers import Layered
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm.options import Value
from hyperherd.requirements import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSimpleRequirement,
    HostSpecification,
    MPSSpecification,
)
from hyperherd.requirements.matching import assigned
from hyperherd.requirements.parser import read_duration, read_size
from hyperherd.sweep.reading.faults import shown

PLACE = ("partition", "account", "qos", "constraint", "reservation")
"""Options of sbatch that may stand in a description itself."""

ACCELERATORS = {"cuda": CudaSpecification, "mps": MPSSpecification, "gpu": AcceleratorSpecification}


@dataclass(frozen=True)
class Host:
    """A kind of machine.

    ``specification``  what one of it has
    ``gres``           what Slurm calls each of its accelerators (``gpu:a100``; "" where it has no type)
    ``request``        options of sbatch that everything here asks for
    ``machines``       how many there are; None where nobody said
    ``work_root``      where runs may write much; "" where nobody said
    ``source``         the file and line of the description
    """

    name: str
    launcher: Literal["slurm", "local"]
    specification: HostSpecification
    gres: tuple[str, ...] = ()
    request: Mapping[str, Value] = field(default_factory=dict)
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
    request = _request(values)
    reader.check_request(request)
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
            max_duration=values.get("max_duration") or (values.get("timeout_min") or 0) * 60,
            min_gpu=values.get("min_gpu") or 0,
            priority=values.get("priority") or 0,
        ),
        gres=gres,
        request=request,
        cluster=values.get("cluster") or "",
        machines=values.get("machines"),
        tags=frozenset(values.get("tags") or ()),
        work_root=values.get("work_root") or "",
        source=described.fault((), "").where,
    )


def _request(values: Mapping[str, Any]) -> dict[str, Value]:
    """Options of sbatch that the description asks for. What ``slurm`` says is the last word."""
    slurm = dict(values.get("slurm") or {})
    more = slurm.pop("additional_parameters", None) or {}
    gpus = values.get("gpus_per_node") or 0
    asked: dict[str, Value] = {
        "nodes": values.get("nodes"),
        "gres": values.get("gres"),
        "gpus_per_node": gpus if gpus and not values.get("gres") else None,
        "ntasks_per_node": values.get("tasks_per_node"),
        "cpus_per_task": values.get("cpus_per_task"),
        "mem": _amount(values["mem_gb"] * 2**30) if values.get("mem_gb") else None,
        "time": values.get("timeout_min") or values.get("time_limit"),
        **{name: values.get(name) for name in PLACE},
    }
    # In a preset of vec-playbook `slurm: {partition: null}` says nothing, and takes nothing away.
    asked.update({name: value for name, value in slurm.items() if value is not None or name not in PLACE})
    asked.update(more)
    return {name: value for name, value in asked.items() if value is not None}


def filled(host: Host, requirement: HostSimpleRequirement) -> dict[str, Value]:
    """Options of sbatch for what is required of this host, which meets it."""
    asked: dict[str, Value] = {}
    if requirement.duration:
        asked["time"] = units.limit(requirement.duration)
    if requirement.cpu.cores:
        asked["cpus_per_task"] = requirement.cpu.cores
    if requirement.cpu.memory:
        asked["mem"] = _amount(requirement.cpu.memory)
    kept = dict(host.request)
    if requirement.accelerators:
        kept = {name: value for name, value in kept.items() if name not in ("gres", "gpus_per_node")}
        asked.update(_gpus(host, assigned(host.specification, requirement)))
    return {**kept, **asked}


def _gpus(host: Host, used: Sequence[int]) -> dict[str, Value]:
    """``used``: the places of the host's accelerators that are taken."""
    counts = Counter(host.gres[place] for place in used)
    if host.launcher == "local" or list(counts) == [""]:
        return {"gpus_per_node": len(used)}
    return {"gres": ",".join(f"{name or 'gpu'}:{count}" for name, count in counts.items())}


def _amount(size: float) -> str:
    """Bytes as sbatch takes them, rounded up: it reads whole numbers only.

    >>> _amount(40 * 2**30), _amount(400_000_000)
    ('40G', '382M')
    """
    return f"{int(size) >> 30}G" if size % 2**30 == 0 else f"{math.ceil(size / 2**20)}M"


class _Reader:
    """Checks values key by key, and collects what is wrong."""

    def __init__(self, described: Layered) -> None:
        self._described = described
        self.faults: list[Fault] = []

    def add(self, path: tuple[str | int, ...], what: str, hint: str = "") -> None:
        self.faults.append(self._described.fault(path, what, hint))

    def checked(self) -> dict[str, Any]:
        """The values that are right, each in its unit: bytes, seconds."""
        found: dict[str, Any] = {}
        for key, value in self._described.values.items():
            if key not in KEYS:
                self.add((key,), "unknown key", nearest(key, KEYS) or f"known are {', '.join(KEYS)}")
            elif value is not None:
                try:
                    found[key] = KEYS[key](value)
                except RequirementError as error:
                    self.add((key,), error.what, error.hint)
                except _WrongError as error:
                    self.add((key,), f"{error} expected, not {shown(value)}")
        return found

    def check_request(self, request: Mapping[str, Value]) -> None:
        for fault in sbatch.faults(request):
            name = fault.where.removeprefix("slurm.")
            paths = [("slurm", "additional_parameters", name), ("slurm", name), (name,), ("slurm",)]
            path = next((path for path in paths if path in self._described.origin), ())
            self.add(path, fault.what, fault.hint)

    def accelerators(
        self, values: Mapping[str, Any]
    ) -> tuple[list[AcceleratorSpecification], tuple[str, ...]]:
        found: list[AcceleratorSpecification] = []
        gres: list[str] = []
        listed = values.get("accelerators") or []
        if not listed and values.get("gpus_per_node"):
            listed = [{"model": values.get("gpu_type") or "", "count": values["gpus_per_node"]}]
        for place, entry in enumerate(listed):
            for key in entry.keys() - _ACCELERATOR_KEYS:
                hint = nearest(key, _ACCELERATOR_KEYS) or f"known are {', '.join(_ACCELERATOR_KEYS)}"
                self.add(("accelerators", place, key), "unknown key", hint)
            try:
                kind = ACCELERATORS[entry.get("kind", "cuda")]
                model = str(entry.get("model") or "")
                memory = _size(entry["memory"]) if entry.get("memory") else _known_memory(model)
                least = _size(entry["min_memory"]) if entry.get("min_memory") else 0
                count = _count(entry.get("count", 1))
            except KeyError:
                known = ", ".join(ACCELERATORS)
                self.add(
                    ("accelerators", place, "kind"), f"no kind {shown(entry['kind'])}", f"there are {known}"
                )
            except (RequirementError, _WrongError) as error:
                self.add(("accelerators", place), str(error))
            else:
                found += [kind(memory=memory, min_memory=least, model=model)] * count
                gres += [str(entry.get("gres") or "")] * count
        return found, tuple(gres)


class _WrongError(ValueError):
    """What was expected instead."""


def _text(value: Any) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise _WrongError("text")
    return str(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _WrongError("a whole number")
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
    if value in ("slurm", "local", "direct"):
        return "slurm" if value == "slurm" else "local"
    raise _WrongError("slurm or local")


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _WrongError("a list of texts")
    return [_text(entry) for entry in value]


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError("a mapping of sbatch's options")
    return value


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
    **dict.fromkeys(PLACE, _text),
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
    "base": _text,
}
"""What a description may say -> what makes a checked value of it."""

_ACCELERATOR_KEYS = ("kind", "model", "memory", "min_memory", "count", "gres")


@cache
def _known_memory(model: str) -> int:
    """Bytes; 0 of a GPU that the tables do not know."""
    from hyperherd.launcherfinder import gpus  # 17 ms, where a model stands without its memory

    table = gpus.read(configuration.folder() / gpus.NAME)
    return (table.known(model, ()).memory or 0) if model else 0
