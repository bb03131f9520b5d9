"""What it costs to parse one requirement and to match it against 1,000 kinds of machines, and to import that.

python bench/requirements.py [TURNS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from timing import environment, in_turns, process, say

from hyperherd.requirements.parser import parse
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)

GIB = 2**30
HOSTS = 1_000
ASKED = {
    "that half of them meet": "duration=4h & cpu(mem=32GiB, cores=8) & cuda(mem=24GiB) * 2",
    "that few meet": "duration=4h & cpu(cores=8) & cuda(mem=24GiB) * 9",
    "of five kinds of GPU": "cuda(mem=4G) & cuda(mem=8G) & gpu(mem=2G) * 3 & gpu(mem=12G) & cuda(model=A100, mem=16G)",
    "of three alternatives": "cuda(model=H100, mem=80GiB) * 8 | cuda(mem=40GiB) * 4 | mps(mem=64GiB) & cpu(mem=32GiB)",
}


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for what, text in ASKED.items():
        seconds, met = matching(text, turns)
        say(f"a requirement {what}", "20 ms for 1,000 machines", f"{1000 * seconds:.1f} ms, {met:,} meet it")
    importing(turns)


def matching(text: str, turns: int) -> tuple[float, int]:
    """The median of the turns, each on machines that have not been matched before; and how many meet it."""
    taken = []
    for _ in range(turns):
        machines = [machine(number) for number in range(HOSTS)]
        begin = time.perf_counter()
        asked = parse(text)
        matches = [asked.match(one) for one in machines]
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken), HOSTS - matches.count(None)


def machine(number: int) -> HostSpecification:
    """Of 1,000 kinds: most with GPUs of one kind, each tenth an Apple machine, each seventh with two models."""
    cpu = CPUSpecification(memory=(16 + number) * GIB, cores=8 + number % 64)
    if number % 10 == 0:
        return HostSpecification(cpu, [MPSSpecification(cpu.memory)], priority=number)
    model, memory = [("A40", 48), ("A100", 80), ("L40S", 48), ("H100", 80), ("T4", 16), ("RTX 2080", 11)][
        number % 6
    ]
    accelerators: list[AcceleratorSpecification] = [CudaSpecification(memory * GIB, model=model)] * (
        1 + number % 8
    )
    if number % 7 == 0:
        accelerators += [CudaSpecification(24 * GIB, model="RTX 3090")] * 2
    return HostSpecification(cpu, accelerators, max_duration=(number % 5) * 24 * 3600, priority=number)


def importing(turns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        env = environment(scratch)
        words = ("pass", "import hyperherd.errors", "import hyperherd.requirements.builders")
        works = [partial(process, [sys.executable, "-c", word], scratch, env) for word in words]
        works[-1]()  # the bytecode
        bare, errors, ours = in_turns(turns, *works)
    ratio = f"{1000 * (ours.cpu_s - errors.cpu_s):.1f} ms more than hyperherd.errors"
    say(
        "import hyperherd.requirements.builders",
        "15 ms",
        f"{1000 * (ours.cpu_s - bare.cpu_s):.1f} ms (CPU)",
        ratio,
    )


if __name__ == "__main__":
    main()
