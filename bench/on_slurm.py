"""`run`, `multirun`, `status` of 1,000 trials on a real Slurm (tools/minislurm), against HyperHerd 0.1.3 on it.

The partitions are down while it is measured, so that jobs wait: here nodes and login node are one machine.

python bench/on_slurm.py [TURNS]
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from timing import HERD, Cost, environment, median, process, rival, say, sweep

MINISLURM = Path(__file__).resolve().parent.parent / "tools/minislurm"
TRIALS = 1_000
COMMANDS = ("sbatch", "scancel", "scontrol", "squeue", "sacct", "sacctmgr", "sinfo")


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        print("(Slurm is not installed here: left out)")
        return
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as env:
        compare(Path(folder), env, turns)


@contextmanager
def cluster(scratch: Path) -> Iterator[dict[str, str]]:
    """A cluster whose partitions are down, and the environment of its users."""
    folder = str(scratch / "slurm")
    subprocess.run([MINISLURM, "up", "--dir", folder, "--ends-with", str(os.getpid())], check=True)
    try:
        env = _environment(scratch, folder)
        _scontrol(env, "down")
        yield env
    finally:
        subprocess.run([MINISLURM, "down", "--dir", folder], check=True)


def compare(scratch: Path, env: dict[str, str], turns: int) -> None:
    herd, apart = rival(scratch), {name: value for name, value in env.items() if name != "PYTHONPATH"}
    process([*HERD, "run", "--help"], scratch, env)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    looks: list[Cost] = []
    counts: list[list[str]] = []
    for turn in range(turns):
        folder = sweep(scratch / f"ours{turn}", TRIALS)
        ours.append(process([*HERD, "run", "--on", "slurm"], folder, env))
        _calls(scratch)
        looks.append(process([*HERD, "status"], folder, env))
        counts.append(_calls(scratch))
        cancel(env)
        if herd:
            other = sweep(scratch / f"theirs{turn}", TRIALS)
            with (other / "hyperherd.yaml").open("a") as config:
                config.write("slurm: {partition: gpu, time: '00:10:00', mem: 1G}\n")
            theirs.append(process([herd, "run", str(other)], other, apart))
            cancel(env)
    ratio = f"HyperHerd 0.1.3: {median(theirs)}" if theirs else ""
    say(f"run of {TRIALS:,} on Slurm", "0.5 s", median(ours), ratio)
    say(f"status of {TRIALS:,}, waiting", "2 calls, 150 ms besides", median(looks), f"calls: {counts[-1]}")
    multiruns(scratch, env, turns)
    folder = sweep(scratch / "ends", TRIALS)
    process([*HERD, "run", "--on", "slurm"], folder, env)
    _scontrol(env, "up")
    _wait(env)
    _calls(scratch)
    cost = median([process([*HERD, "status"], folder, env)])
    say(f"status of {TRIALS:,}, ended", "2 calls, 150 ms besides", cost, f"calls: {_calls(scratch)}")


def multiruns(scratch: Path, env: dict[str, str], turns: int) -> None:
    """`herd multirun` of as many combinations."""
    costs: list[Cost] = []
    for turn in range(turns):
        folder = scratch / f"multirun{turn}"
        folder.mkdir()
        (folder / "job.sh").write_text("#!/bin/bash\n#SBATCH --time=10 --mem=1G\n\ntrue {overrides}\n")
        words = ["multirun", "job.sh", "--on", "slurm", f"seed=range({TRIALS // 10})", "lr=range(10)"]
        costs.append(process([*HERD, *words], folder, env))
        cancel(env)
    say(f"multirun of {TRIALS:,} on Slurm", "0.5 s", median(costs))


def _environment(scratch: Path, cluster: str) -> dict[str, str]:
    """That of the cluster, with programs before Slurm's that note their names and go on as the real ones."""
    told = subprocess.run(
        ["bash", "-c", f'eval "$({shlex.quote(str(MINISLURM))} env --dir {shlex.quote(cluster)})"; env -0'],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    env = {**environment(scratch), **dict(entry.split("=", 1) for entry in told.split("\0") if entry)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    counting = scratch / "counting"
    counting.mkdir()
    for command in COMMANDS:
        if real := shutil.which(command, path=env["PATH"]):
            program = counting / command
            log = shlex.quote(str(scratch / "calls"))
            program.write_text(f'#!/bin/sh\necho {command} >>{log}\nexec {shlex.quote(real)} "$@"\n')
            program.chmod(0o755)
    return {**env, "PATH": f"{counting}:{env['PATH']}"}


def _calls(scratch: Path) -> list[str]:
    """The commands that were called since this was asked last."""
    log = scratch / "calls"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def _scontrol(env: dict[str, str], state: str) -> None:
    for partition in ("gpu", "cpu", "preempt"):
        _do(env, ["scontrol", "update", f"PartitionName={partition}", f"State={state}"])


def cancel(env: dict[str, str]) -> None:
    """Take everything out of the queue."""
    _do(env, ["scancel", "--me"])
    _wait(env)


def _wait(env: dict[str, str]) -> None:
    """Until the queue is empty."""
    while _do(env, ["squeue", "--noheader", "--me"]).strip():
        _do(env, ["sleep", "0.5"])


def _do(env: dict[str, str], words: Sequence[str]) -> str:
    return subprocess.run(words, env=env, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
