"""1,000 jobs of a Hydra application handed to a real Slurm (tools/minislurm) with ``hydra/launcher=hyperherd``; and
what the plugin costs an application that does not use it.

The partitions are down while it is measured, so that jobs wait: here nodes and login node are one machine.

python bench/hydra_launcher.py [TURNS]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from on_slurm import cancel, cluster
from timing import Cost, environment, median, process, say

CONFIGURATION = "lr: 0.1\ndepth: 1\nopt: a\n"
APPLICATION = """\
import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    pass


main()
"""
HERD = ("hydra/launcher=hyperherd", "hydra.launcher.place=slurm")
SWEEPS = {
    "1,000 jobs, 3 keys of 10 values": ("lr=range(10)", "depth=range(10)", "opt=range(10)"),
    "1,000 jobs, 1 key of 1,000 values": ("lr=range(1000)",),
    "1,000 jobs, folders by overrides": (
        "lr=range(1000)",
        "hydra.sweep.subdir=${hydra.job.override_dirname}",
    ),
    "100 jobs, folders by a value": ("lr=range(100)", "hydra.sweep.subdir=${lr}"),
}
IMPORT = """\
import time
import hydra.core.plugins, hydra.core.utils, hydra.core.config_store, hydra.plugins.launcher
begin = time.perf_counter()
import hydra_plugins.hyperherd_launcher
print(1000 * (time.perf_counter() - begin))
"""


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "application")
        folder.mkdir()
        (folder / "app.py").write_text(APPLICATION)
        (folder / "config.yaml").write_text(CONFIGURATION)
        unused(environment(folder), turns)
        if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            print("(Slurm is not installed here: the rest is left out)")
            return
        with cluster(Path(name)) as env:
            for what, words in SWEEPS.items():
                say(what, "3 s", handed_over(folder, env, words, turns))


def unused(env: dict[str, str], turns: int) -> None:
    """Hydra imports every plugin whenever an application starts."""
    taken = [
        float(subprocess.run([sys.executable, "-c", IMPORT], env=env, check=True, capture_output=True).stdout)
        for _ in range(turns + 1)
    ]
    say("the plugin, unused", "5 ms", f"{min(taken):.1f} ms")


def handed_over(folder: Path, env: dict[str, str], words: tuple[str, ...], turns: int) -> Cost:
    """The application from its start to its end."""
    costs = []
    for _ in range(turns):
        costs.append(process([sys.executable, "app.py", "--multirun", *HERD, *words], folder, env))
        cancel(env)
    return median(costs)


if __name__ == "__main__":
    main()
