"""How many cores this process may use: its affinity and the quotas of its cgroups, which are found here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath


def cgroup_folders(controller: str, root: Path) -> Iterator[tuple[int, Path]]:
    """Version and folder of this process's groups for a controller, such as ``cpu``, with those above them.

    ``root`` is where /proc and /sys are found. In a container the path may be the host's.
    """
    for line in file_text(root / "proc/self/cgroup").splitlines():
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


def file_text(path: Path) -> str:
    """A file's text; empty where there is none, or none for us to see."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def usable() -> tuple[int, ...]:
    """The numbers of the cores that this process may use; fewer where a quota allows fewer at a time."""
    cores = _affinity()
    quota = cpu_quota()
    return cores if quota is None else cores[: max(1, int(quota))]


@contextlib.contextmanager
def confined(cores: Collection[int]) -> Iterator[None]:
    """What is started within uses these cores and no others; all that there are where none is named, or where the
    system cannot do it (macOS).
    """
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The tightest quota of this process's cgroups, in cores, or None. ``root`` is where /proc and /sys are
    found.

    cgroup v2: ``cpu.max`` holds ``<quota or max> <period>`` (kernel, admin-guide/cgroup-v2); v1:
    ``cpu.cfs_quota_us`` (-1: none) and ``cpu.cfs_period_us`` (kernel, scheduler/sched-bwc). A group's quota
    binds the groups below it.
    """
    quotas = [
        _quota_v1(folder) if version == 1 else _quota_v2(folder)
        for version, folder in cgroup_folders("cpu", root)
    ]
    return min((quota for quota in quotas if quota is not None), default=None)


def _affinity() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _quota_v2(folder: Path) -> float | None:
    words = file_text(folder / "cpu.max").split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = (
        file_text(folder / "cpu.cfs_quota_us").strip(),
        file_text(folder / "cpu.cfs_period_us").strip(),
    )
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None
