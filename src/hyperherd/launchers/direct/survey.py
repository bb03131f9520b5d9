"""This machine, as a description."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hyperherd.launchers import survey as surveys
from hyperherd.launchers.direct import cores, gpu_slots
from hyperherd.launchers.direct.gpu_slots import Card
from hyperherd.launchers.survey import Description, Detected, GpuTable


def survey(gpus: GpuTable, environ: Mapping[str, str] | None = None) -> Detected:
    """What this process may use here: cores, memory, NVIDIA GPUs (CUDA_VISIBLE_DEVICES holds) or Apple's.

    ``environ`` None is this process's own.
    """
    return Detected(hosts={"this-machine": _machine(gpus, os.environ if environ is None else environ)})


def _machine(table: GpuTable, environ: Mapping[str, str]) -> Description:
    total = usable_memory()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    found = [_apple(total)] if apple else _nvidia(gpu_slots.cards(environ), table)
    host: dict[str, object] = {
        "launcher": "local",
        "machines": 1,
        "cores": len(cores.usable()),
        "memory": surveys.memory(total),
    }
    return {**host, "accelerators": found} if found else host


def _nvidia(cards: tuple[Card, ...], table: GpuTable) -> list[Description]:
    return [_accelerator(card, count, table) for card, count in Counter(cards).items()]


def _accelerator(card: Card, count: int, table: GpuTable) -> Description:
    known = table.of_card(card.name, card.memory)
    size = {"memory": surveys.memory(known.memory)} if known.memory else {}
    return {"kind": known.kind, "model": known.model, **size, "count": count}


def _apple(total: int) -> Description:
    """Its GPU shares the machine's memory."""
    return {"kind": "mps", "memory": surveys.memory(total), "count": 1}


def usable_memory() -> int:
    """Bytes."""
    import psutil  # 20 ms, and asked for by few commands

    total: int = psutil.virtual_memory().total
    allowed = memory_limit()
    return total if allowed is None else min(total, allowed)


def memory_limit(root: Path = Path("/")) -> int | None:
    """The tightest limit of this process's cgroups, in bytes, or None. ``root`` is where /proc and /sys are found.

    cgroup v2: ``memory.max``, a number or ``max`` (kernel, admin-guide/cgroup-v2); v1: ``memory.limit_in_bytes``,
    a huge number where there is none (kernel, admin-guide/cgroup-v1/memory). A group's limit binds those below it.
    """
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    told = [
        cores.file_text(folder / names[version]).strip()
        for version, folder in cores.cgroup_folders("memory", root)
    ]
    return min((int(word) for word in told if word.isdigit()), default=None)
