"""How much memory this process may use: the machine's, or what its cgroups allow."""

from __future__ import annotations

from pathlib import Path

from hyperherd.launchers.direct import cgroups


def usable() -> int:
    """Bytes."""
    import psutil  # 20 ms, and asked for by few commands

    total: int = psutil.virtual_memory().total
    allowed = limit()
    return total if allowed is None else min(total, allowed)


def limit(root: Path = Path("/")) -> int | None:
    """The tightest limit of this process's cgroups, in bytes, or None. ``root`` is where /proc and /sys are found.

    cgroup v2: ``memory.max``, a number or ``max`` (kernel, admin-guide/cgroup-v2); v1: ``memory.limit_in_bytes``,
    a huge number where there is none (kernel, admin-guide/cgroup-v1/memory). A group's limit binds those below it.
    """
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    told = [
        cgroups.text(folder / names[version]).strip()
        for version, folder in cgroups.of_process("memory", root)
    ]
    return min((int(word) for word in told if word.isdigit()), default=None)
