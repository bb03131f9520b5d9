"""Trials of ``true`` a second on this machine, against ``xargs -P2 bash`` with two output files each in the
same run.

python bench/local_throughput.py [TRIALS] [ROUNDS]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import Cost, in_turns, say

from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.jobs import Batch, Element, Files
from hyperherd.launchers.direct import DirectLauncher


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    # Nothing is removed between the rounds: ext4 is slow to give away inodes that have just been freed.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPERHERD_SLOTS_DIR"] = f"{folder}/slots"
        compare(Path(folder), trials, rounds)


def compare(root: Path, trials: int, rounds: int) -> None:
    turns = iter(range(rounds))
    theirs, ours = in_turns(
        rounds,
        lambda: measured(lambda: with_xargs(root / f"xargs{next(turns)}", trials)),
        lambda: measured(lambda: with_herd(Path(tempfile.mkdtemp(dir=root)), trials)),
    )
    ratio = f"{theirs.wall_s / ours.wall_s:.2f} of xargs -P2: {rate(theirs, trials)}"
    say(f"{trials:,} trials of true, here", "500/s, or half of xargs", rate(ours, trials), ratio)


def measured(work: Callable[[], None]) -> Cost:
    """What the children used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    work()
    elapsed_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(elapsed_s, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime)


def rate(cost: Cost, trials: int) -> str:
    user, system = 1000 * cost.user_s / trials, 1000 * cost.system_s / trials
    return f"{trials / cost.wall_s:.0f}/s (each user {user:.2f} sys {system:.2f} ms)"


def with_herd(root: Path, trials: int) -> None:
    for name in ("submissions", "logs", "jobs"):
        (root / name).mkdir(parents=True)
    launch = root / "launch.sh"
    launch.write_text("true\n")
    script, register = root / "jobs/t.sbatch", root / "submissions/t.state"
    files = Files(script, register, AttemptFolder(root / "attempts"), root / "logs", root / ".env")
    elements = tuple(
        Element(
            index,
            Unit(index),
            1,
            f"experiment_name=lr-{index} lr={index}",
            (("HYPERHERD_TRIAL_ID", str(index)),),
        )
        for index in range(trials)
    )
    for element in elements:
        files.attempts.block(element.unit).mkdir(parents=True, exist_ok=True)
    batch = Batch("t", "hyperherd_bench", root, launch, files, elements, at_once=2)
    DirectLauncher().submit(batch)
    os.wait()
    succeeded = len(list((root / "attempts").glob("*/*.1.completed.0")))
    if succeeded != trials:
        sys.exit(f"only {succeeded} of {trials} succeeded: {root}")


def with_xargs(root: Path, trials: int) -> None:
    root.mkdir()
    (root / "launch.sh").write_text("true\n")
    words = ["xargs", "-P2", "-I{}", "sh", "-c", "exec bash launch.sh {} >{}.out 2>{}.err"]
    numbers = "\n".join(map(str, range(trials)))
    subprocess.run(words, input=numbers, text=True, cwd=root, check=True)


if __name__ == "__main__":
    main()
