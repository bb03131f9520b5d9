"""Hydra's sweeps on the command line: start-up, 100,000 combinations, 10,000 values, and thousands of made-up sweeps
against hydra-core itself.

python bench/sweeps.py [EXAMPLES]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from timing import HERD, environment, in_turns, process, say

from hyperherd.grammar import product

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from grammar import test_product

TURNS = 5
VALUES = 10_000


def main() -> None:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    commands()
    text = "a=" + ",".join(f"v{number}" for number in range(VALUES))
    ours, hydra = (
        seconds(lambda: product.read([text])),
        seconds(lambda: OverridesParser.create().parse_override(text)),
    )
    say(f"{VALUES:,} values read", "50 ms", f"{1000 * ours:.0f} ms; hydra-core {1000 * hydra:.0f} ms")
    test_product.compare_many(examples)
    say(f"{examples:,} sweeps against hydra-core", "no difference", "none")


def commands() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = {
            "bare Python": [sys.executable, "-c", ""],
            "herd expand a=1": [*HERD, "expand", "a=1"],
            "100,000 combinations": [*HERD, "expand", "a=range(1000)", "b=range(100)"],
            "100,000 as JSON": [*HERD, "expand", "--json", "a=range(1000)", "b=range(100)"],
        }
        env = environment(folder)
        works = [partial(process, argv, folder, env) for argv in runs.values()]
        works[1]()  # the bytecode
        for what, cost in zip(runs, in_turns(TURNS, *works), strict=True):
            say(what, "80 ms; 1 s for 100,000", cost)


def seconds(work: Callable[[], object]) -> float:
    """The median of the turns."""
    taken = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
