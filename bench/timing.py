"""What the benches share: processes and their costs, medians of turns, sweeps, a rival, one form of line."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERD = (sys.executable, "-m", "hyperherd")
RIVAL = "HyperHerd==0.1.3"
GRIDS = {1_000: (10, 10, 10), 2_000: (20, 10, 10), 10_000: (25, 20, 20), 100_000: (50, 50, 40)}
"""Trials -> how many values each of three parameters has."""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, of the processor for the program and for the system; the peak of memory in MiB."""

    wall_s: float
    user_s: float
    system_s: float
    peak_mib: float = 0.0

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    def __str__(self) -> str:
        return f"{self.wall_s:.3f} s (user {self.user_s:.3f} sys {self.system_s:.3f})"


def process(argv: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a program and its children to the end, without its words. Exits where it fails."""
    with (cwd / "bench.err").open("w+b") as errors:
        begin = time.perf_counter()
        child = subprocess.Popen(
            argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(argv)}: exit {child.returncode}\n{errors.read().decode(errors='replace')}")
    return Cost(wall_s, used.ru_utime, used.ru_stime, used.ru_maxrss / 1024)


def in_turns(turns: int, *works: Callable[[], Cost]) -> list[Cost]:
    """The median cost of each, turn by turn, so that a busy machine harms all alike."""
    taken: list[list[Cost]] = [[] for _ in works]
    for _ in range(turns):
        for work, costs in zip(works, taken, strict=True):
            costs.append(work())
    return [median(costs) for costs in taken]


def median(costs: Sequence[Cost]) -> Cost:
    """Of each part on its own."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.user_s for cost in costs),
        statistics.median(cost.system_s for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
    )


def say(what: str, asked: str, measured: object, ratio: str = "") -> None:
    """One line of a bench."""
    print(f"{what:<38} asked {asked:<24} measured {measured!s:<44} {ratio}".rstrip(), flush=True)


def environment(scratch: Path) -> dict[str, str]:
    """This one, with the bytecode kept as that of an installed package is, and slots of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    slots = {"HYPERHERD_SLOTS_DIR": str(scratch / "slots")}
    return {**kept, **slots, "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}


def sweep(folder: Path, trials: int) -> Path:
    """A new workspace of so many trials of ``true``."""
    steps, depths, kinds = GRIDS[trials]
    folder.mkdir(parents=True)
    (folder / "hyperherd.yaml").write_text(
        "name: speed\nlauncher: launch.sh\ngrid: all\nparameters:\n"
        f"  lr: {{type: continuous, low: 0.0001, high: 0.1, scale: log, steps: {steps}, abbrev: lr}}\n"
        f"  depth: {{type: discrete, values: {list(range(1, depths + 1))}, abbrev: d}}\n"
        f"  opt: {{type: discrete, values: {[f'opt{n}' for n in range(kinds)]}, abbrev: o}}\n"
    )
    launch = folder / "launch.sh"
    launch.write_text("#!/bin/bash\ntrue\n")
    launch.chmod(0o755)
    return folder


def rival(scratch: Path) -> str | None:
    """The ``herd`` of the rival: ``$BENCH_RIVAL``, else from PyPI in an environment of its own; None without either."""
    if named := os.environ.get("BENCH_RIVAL"):
        return named
    folder = scratch / "rival"
    pip = [
        str(folder / "bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        RIVAL,
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=60, capture_output=True)
        subprocess.run(pip, check=True, timeout=120, capture_output=True)
    except (subprocess.SubprocessError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        print(f"({RIVAL} could not be had: it is left out)")
        return None
    return str(folder / "bin/herd")
