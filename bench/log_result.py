"""What `log_result` costs: microseconds a call, and its import against a bare interpreter.

Run it with ``python bench/log_result.py``. Ratios of one run carry over to other machines, the figures do not.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from timing import environment, in_turns, process, say


def microseconds(call: Callable[[int], None], times: int) -> str:
    """On the clock, and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(times):
        call(number)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{wall / times * 1e6:.1f} µs (CPU {cpu / times * 1e6:.1f} µs)"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        os.environ["HYPERHERD_RESULTS"] = str(scratch / "results" / "0")
        from hyperherd import log_result  # after the variable, and timed below

        point = microseconds(lambda n: log_result("loss", n / 3, n, strict=True), 100_000)
        say("log_result(step=)", "10 µs", point)
        final = microseconds(lambda n: log_result("acc", n / 3, strict=True), 1_000)
        say("log_result, a final metric", "not said", final)
        programs = ("pass", "from hyperherd import log_result, parse_overrides")
        starts = [
            partial(process, [sys.executable, "-c", code], scratch, environment(scratch)) for code in programs
        ]
        bare, ours = in_turns(40, *starts)
    ratio = f"{ours.wall_s / bare.wall_s:.2f} times bare Python's {1000 * bare.wall_s:.1f} ms"
    more = f"{1000 * (ours.wall_s - bare.wall_s):.1f} ms (CPU {1000 * (ours.cpu_s - bare.cpu_s):.1f} ms)"
    say("import of both, over bare Python", "5 ms", more, ratio)


if __name__ == "__main__":
    main()
