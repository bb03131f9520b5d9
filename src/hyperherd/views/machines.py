"""Kinds of machines, presets, and who would run what, as text and as JSON documents (bytes, seconds)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperherd.jobs import NativeValue
from hyperherd.launcherfinder.choice import Chosen
from hyperherd.launcherfinder.configuration import SHIPPED
from hyperherd.launcherfinder.finder import Verdict
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launcherfinder.presets import Preset
from hyperherd.launcherfinder.registry import Answer, Look
from hyperherd.launchers import shipped
from hyperherd.requirements.amounts import durations_for_people, sizes_for_people
from hyperherd.views import columns
from hyperherd.views.columns import Cell, Screen

_HEAD = (
    "machine",
    "launcher",
    "partition",
    "number",
    "cores",
    "memory",
    "accelerators",
    "longest",
    "priority",
    "tags",
)


def table(found: Sequence[Host], screen: Screen) -> str:
    """One line a kind of machine; what each has is of one machine."""
    return columns.table(
        [_row(host) for host in found], screen, head=_HEAD, right=(3, 4, 5, 7, 8), middle=(0,)
    )


def _row(host: Host) -> list[str]:
    has = host.specification
    return [
        host.name,
        f"{host.launcher} ({host.cluster})" if host.cluster else host.launcher,
        str(host.request.native.get(shipped.native().queue) or ""),
        str(host.machines or ""),
        str(has.cpu.cores or ""),
        sizes_for_people(has.cpu.memory)[0] if has.cpu.memory else "",
        _accelerators(host),
        durations_for_people(has.max_duration)[0] if has.max_duration else "",
        f"{has.priority:g}",
        " ".join(sorted(host.tags)),
    ]


def _accelerators(host: Host) -> str:
    counted = Counter(host.specification.accelerators)
    return ", ".join(
        f"{count} x {' '.join(filter(None, (one.model or one.kind, _size(one.memory))))}"
        for one, count in counted.items()
    )


def _size(memory: int) -> str:
    return sizes_for_people(memory)[0] if memory else ""


def explained(verdicts: Sequence[Verdict], screen: Screen) -> str:
    """Of each machine whether it fits, and what Slurm would be asked for on the first."""
    rows: list[Sequence[str | Cell]] = []
    for place, verdict in enumerate(verdicts):
        if verdict.meets is None:
            rows.append([verdict.host.name, Cell("no", "red"), "; or ".join(verdict.refusals)])
        else:
            rows.append(
                [verdict.host.name, Cell("chosen" if place == 0 else "fits", "green"), str(verdict.meets)]
            )
    told = columns.table(rows, screen) + "\n"
    best = verdicts[0]
    if best.meets is None:
        return told
    lines = (
        "\n".join(shipped.native().lines(best.request))
        if shipped.traits(best.host.launcher).elsewhere
        else "runs on this machine"
    )
    return f"{told}\n{lines}\n"


def answered(answer: Answer, chosen: Chosen | None, screen: Screen) -> str:
    """Who was chosen by a ``launchers.py``, each machine that it has tried, and what Slurm would be asked for."""
    rows: list[Sequence[str | Cell]] = []
    if chosen:
        rows.append([chosen.host, Cell("chosen", "green"), repr(chosen.launcher)])
    for look in answer.looks:
        said = Cell("fits", "green") if look.meets else Cell("no", "red")
        rows.append([look.where, said, look.refusal or str(look.meets)])
    told = columns.table(list(dict.fromkeys(map(tuple, rows))), screen) + "\n"
    if chosen is None:
        return told
    lines = "\n".join(directives(chosen)) or "runs on this machine"
    return f"{told}\n{lines}\n"


def look(one: Look) -> dict[str, Any]:
    """A machine that a ``launchers.py`` has tried; who runs jobs there, and what it would be given, is not known."""
    return {
        "host": one.where,
        "launcher": None,
        "fits": one.meets is not None,
        "meets": str(one.meets) if one.meets else None,
        "refusals": [refusal for refusal in one.asked.refusals(one.host) if not one.meets],
        "options": None,
    }


def directives(chosen: Chosen) -> list[str]:
    """The ``#SBATCH`` lines of what was chosen; none on this machine."""
    if not chosen.launcher.traits.elsewhere:
        return []
    native = shipped.native()
    return native.lines(native.request(asked(chosen)))


def asked(chosen: Chosen) -> Mapping[str, NativeValue]:
    """All options that its launcher would be given."""
    return chosen.launcher.asked_for(chosen.request)


def presets(found: Iterable[tuple[Preset, Path]], screen: Screen) -> str:
    """One line a preset."""
    rows = [_preset_row(one, path) for one, path in found]
    head = ("preset", "nodes", "GPUs", "tasks", "cores/task", "memory", "time", "from")
    return columns.table(rows, screen, head=head, right=(1, 3, 4, 5, 6), middle=(7,))


def _preset_row(one: Preset, path: Path) -> list[str]:
    said, has = one.values, one.host.specification
    kind = f" {said['gpu_type']}" if said.get("gpu_type") else ""
    return [
        one.host.name,
        str(said.get("nodes") or ""),
        f"{said['gpus_per_node']}{kind}" if said.get("gpus_per_node") else "",
        str(said.get("tasks_per_node") or ""),
        str(said.get("cpus_per_task") or ""),
        sizes_for_people(has.cpu.memory)[0] if has.cpu.memory else "",
        durations_for_people(has.max_duration)[0] if has.max_duration else "",
        "shipped" if path.is_relative_to(SHIPPED) else str(path),
    ]


def resolved(one: Preset) -> str:
    """The values as YAML, and the lines of the script."""
    lines = [f"{key}: {_yaml(value)}" for key, value in one.values.items()]
    return "\n".join([*lines, "", *shipped.native().lines(one.host.request)]) + "\n"


def _yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def host(one: Host) -> dict[str, Any]:
    """A kind of machine."""
    has = one.specification
    return {
        "name": one.name,
        "launcher": one.launcher,
        "cluster": one.cluster or None,
        "machines": one.machines,
        "cores": has.cpu.cores,
        "memory_bytes": has.cpu.memory,
        "accelerators": [
            {
                "kind": gpu.kind,
                "model": gpu.model or None,
                "memory_bytes": gpu.memory,
                "count": count,
                "gres": gres or None,
            }
            for (gpu, gres), count in Counter(zip(has.accelerators, one.gres, strict=True)).items()
        ],
        "max_duration_seconds": has.max_duration or None,
        "min_gpu": has.min_gpu,
        "priority": has.priority,
        "tags": sorted(one.tags),
        "options": dict(one.request.native),
        "source": one.source or None,
    }


def verdict(one: Verdict) -> dict[str, Any]:
    """Whether a machine fits; ``options`` are what Slurm would be given."""
    return {
        "host": one.host.name,
        "launcher": one.host.launcher,
        "fits": one.meets is not None,
        "meets": str(one.meets) if one.meets else None,
        "refusals": list(one.refusals),
        "options": dict(one.request.native) if one.meets else None,
    }


def chosen(one: Chosen) -> dict[str, Any]:
    """Who was chosen."""
    return {"host": one.host, "launcher": one.launcher.name, "why": one.why, "options": dict(asked(one))}


def preset(one: Preset, path: Path | None) -> dict[str, Any]:
    """A preset, its values filled in."""
    return {
        "name": one.host.name,
        "path": str(path) if path else None,
        "values": dict(one.values),
        "options": dict(one.host.request.native),
    }
