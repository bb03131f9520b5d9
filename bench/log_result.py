"""What `log_result` costs: microseconds a call, and its import against a bare interpreter.

Run it with ``python bench/log_result.py``. Ratios of one run carry over to other machines, the figures do not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def microseconds(call: Callable[[int], None], times: int) -> float:
    begin = time.perf_counter()
    for number in range(times):
        call(number)
    return (time.perf_counter() - begin) / times * 1e6


def starts_ms(programs: list[str], cache: Path) -> list[float]:
    """The median start of an interpreter that runs each program; turn by turn, so that a busy machine harms all alike.

    The bytecode is kept in ``cache``, as that of an installed package is.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": ""}
    taken: list[list[float]] = [[] for _ in programs]
    for _ in range(40):
        for program, times in zip(programs, taken, strict=True):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            times.append((time.perf_counter() - begin) * 1e3)
    return [statistics.median(times) for times in taken]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPERHERD_RESULTS"] = str(Path(folder) / "results" / "0")
        from hyperherd import log_result  # after the variable, and timed below

        print(
            f"a point    {microseconds(lambda n: log_result('loss', n / 3, n, strict=True), 100_000):8.1f} µs"
        )
        print(f"a final    {microseconds(lambda n: log_result('acc', n / 3, strict=True), 1_000):8.1f} µs")
        bare, ours = starts_ms(["pass", "from hyperherd import log_result"], Path(folder) / "cache")
    print(
        f"import     {ours - bare:8.2f} ms over {bare:.2f} ms of a bare interpreter ({ours / bare:.2f} times)"
    )


if __name__ == "__main__":
    main()
