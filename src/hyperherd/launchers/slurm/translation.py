"""What a job asks for: sbatch's options read into a `Request`, and a request written in sbatch's options. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hyperherd import units
from hyperherd.jobs import NativeValue, Request
from hyperherd.launchers.slurm import gpu_options
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm.option_table import DESCRIBED, MEMORY, REQUEUE, TASKS, WRITTEN

_SHELL_SIGNAL = re.compile(r"R?B:(?:SIG)?([A-Z0-9]+)(?:@\d+)?", re.IGNORECASE)
_NUMBERED_SIGNALS = {
    "1": "HUP",
    "2": "INT",
    "3": "QUIT",
    "10": "USR1",
    "12": "USR2",
    "14": "ALRM",
    "15": "TERM",
}


def request(native: Mapping[str, NativeValue], lines: tuple[str, ...] = ()) -> Request:
    """What options ask for; what sbatch could not read asks for nothing.

    >>> found = request({"time": "1:30", "mem_per_cpu": "2G", "gres": "gpu:a100:2", "nodes": "2-4"})
    >>> found.time_s, found.memory_bytes // 2**30, found.gpus, found.nodes, found.tasks, found.cpus
    (90.0, 2, 2, 2, 4, None)
    """
    nodes = _numbers(native.get("nodes"))
    return Request(
        time_s=sbatch.seconds(native.get("time")),
        memory_bytes=_memory(native),
        cpus=next(iter(_numbers(native.get("cpus_per_task"))), None),
        gpus=gpu_options.count(native) or None,
        nodes=nodes[0] if nodes else None,
        tasks=_tasks(native),
        signal=shell_signal(native.get("signal")),
        native=native,
        native_lines=lines,
    )


def options(asked: Request) -> dict[str, NativeValue]:
    """The options to write: those of its user word for word, but where a request asks for something else since.

    >>> from dataclasses import replace
    >>> asked = request({"mem_per_cpu": "1000", "time": "90"})
    >>> options(asked), options(replace(asked, memory_bytes=2**30, requeue=False))
    ({'mem_per_cpu': '1000', 'time': '90'}, {'mem_per_cpu': '1G', 'time': '90', 'no_requeue': True})
    >>> options(Request(time_s=60, cpus=2, gpus=1))
    {'time': '00:01:00', 'cpus_per_task': 2, 'gpus_per_node': 1}
    """
    said, native = request(asked.native), dict(asked.native)
    if asked.requeue is not None:
        native = {name: value for name, value in native.items() if name not in REQUEUE}
        native |= {} if asked.requeue else {"no_requeue": True}
    if asked.time_s != said.time_s:
        native["time"] = None if asked.time_s is None else units.limit(asked.time_s)
    if asked.memory_bytes != said.memory_bytes:
        amount = None if asked.memory_bytes is None else units.asked_bytes(asked.memory_bytes)
        native[_name_of_memory(native)] = amount
    whole = {"nodes": "nodes", "tasks": "ntasks", "cpus": "cpus_per_task"}
    native |= {
        name: getattr(asked, of) for of, name in whole.items() if getattr(asked, of) != getattr(said, of)
    }
    if asked.gpus == said.gpus:
        return native
    return gpu_options.without(native) | ({} if asked.gpus is None else {"gpus_per_node": asked.gpus})


def filled(under: Request, asked: Request, gpus: Mapping[str, int] | None) -> Request:
    """What stands in a description, with what is asked of one such machine over it: ``asked.cpus`` are of all tasks
    there, ``gpus`` those that have to be had, by what Slurm calls them ("" where it has no type for them).

    >>> under = request({"ntasks_per_node": 2, "mem_per_cpu": "1G"})
    >>> filled(under, Request(cpus=7, memory_bytes=2**30), {"": 2}).native
    {'ntasks_per_node': 2, 'cpus_per_task': 4, 'mem': '1G', 'gpus_per_node': 2}
    >>> filled(request({"gres": "gpu:1,disk:9"}), Request(), {"gpu:a40": 2}).native
    {'gres': 'gpu:a40:2,disk:9'}
    """
    more: dict[str, NativeValue] = {}
    if asked.time_s:
        more["time"] = units.limit(asked.time_s)
    if asked.cpus:
        more["cpus_per_task"] = -(-asked.cpus // _tasks_of_node(under.native))
    if asked.memory_bytes:
        more["mem"] = units.asked_bytes(asked.memory_bytes)
    if gpus is None:
        return request(sbatch.merged(under.native, more))
    kept = gpu_options.without(under.native)
    if list(gpus) == [""]:
        more["gpus_per_node"] = gpus[""] or None
    else:
        counts = [f"{name or 'gpu'}:{count}" for name, count in gpus.items()]
        more["gres"] = ",".join([*counts, *([str(kept["gres"])] if "gres" in kept else [])])
    return request(sbatch.merged(kept, more))


def described(values: Mapping[str, Any]) -> dict[str, NativeValue]:
    """The options that the description of a machine asks for. What ``slurm`` says is the last word."""
    slurm = dict(values.get("slurm") or {})
    slurm.update(_said(slurm.pop("additional_parameters", None) or {}))
    gpus = values.get("gpus_per_node") or 0
    asked: dict[str, NativeValue] = {
        "nodes": values.get("nodes"),
        "gres": values.get("gres"),
        "gpus_per_node": gpus if gpus and not values.get("gres") else None,
        "ntasks_per_node": values.get("tasks_per_node"),
        "cpus_per_task": values.get("cpus_per_task"),
        "mem": units.asked_bytes(values["mem_gb"] * 2**30) if values.get("mem_gb") else None,
        "time": values.get("timeout_min") or values.get("time_limit"),
        **{name: values.get(name) for name in DESCRIBED},
    }
    asked.update(_said(slurm))
    return {name: value for name, value in asked.items() if value is not None}


def _said(slurm: Mapping[str, NativeValue]) -> dict[str, NativeValue]:
    """In a preset of vec-playbook `slurm: {partition: null}` says nothing, and takes nothing away."""
    return {name: value for name, value in slurm.items() if value is not None or name not in DESCRIBED}


def names_in_description(option: str) -> tuple[str, ...]:
    """The keys of a description that say what an option does."""
    return WRITTEN.get(option, (option,))


def shell_signal(option: NativeValue) -> str:
    """The signal that ``--signal=B:USR1@60`` sends to the batch shell alone, to be passed on; else empty.

    >>> shell_signal("B:SIGUSR1@60"), shell_signal("B:10"), shell_signal("USR1@60"), shell_signal(None)
    ('USR1', 'USR1', '', '')
    """
    match = _SHELL_SIGNAL.fullmatch(option) if isinstance(option, str) else None
    return _NUMBERED_SIGNALS.get(match[1], match[1].upper()) if match else ""


def of_tasks(native: Mapping[str, NativeValue]) -> dict[str, NativeValue]:
    """Of the options those that say how many processes a job is."""
    return {name: native[name] for name in TASKS if native.get(name) is not None}


def _memory(native: Mapping[str, NativeValue]) -> int | None:
    amount = native.get(_name_of_memory(native))
    try:
        return units.bytes_asked(str(amount)) if amount else None
    except ValueError:
        return None


def _name_of_memory(native: Mapping[str, NativeValue]) -> str:
    return next((name for name in MEMORY if native.get(name)), MEMORY[0])


def _tasks(native: Mapping[str, NativeValue]) -> int | None:
    """``ntasks`` alone decides; else so many on each node, and as many nodes as there may be."""
    if native.get("ntasks") is not None:
        return max(_numbers(native["ntasks"]), default=None)
    counts = {name: max(numbers) for name in TASKS if (numbers := _numbers(native.get(name)))}
    return counts.pop("nodes", 1) * max(counts.values(), default=1) if counts else None


def _tasks_of_node(native: Mapping[str, NativeValue]) -> int:
    tasks = str(native.get("ntasks_per_node") or "")
    return max(1, int(tasks)) if tasks.isascii() and tasks.isdigit() else 1


def _numbers(value: NativeValue) -> list[int]:
    """Those in the text of an option, such as ``2-4``."""
    return [int(number) for number in re.findall(r"\d+", str(value or ""))]
