"""The cgroups of this process: their folders and files, for both versions of the kernel's interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def of_process(controller: str, root: Path) -> Iterator[tuple[int, Path]]:
    """Version and folder of this process's groups for a controller, such as ``cpu``, with those above them.

    ``root`` is where /proc and /sys are found. In a container the path may be the host's.
    """
    for line in text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            version, mount = 2, root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            version, mount = 1, root / "sys/fs/cgroup" / controller
        else:
            continue
        group = PurePosixPath(path)
        for above in (group, *group.parents):
            yield version, mount / above.relative_to("/")


def text(path: Path) -> str:
    """A file's text; empty where there is none, or none for us to see."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
