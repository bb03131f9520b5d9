"""The examples of heracles' own page, through `herd multirun`; a stand-in for singularity notes what it is given."""

from __future__ import annotations

import shlex
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from .home import Home

STAND_INS = Path(__file__).parents[1] / "stand_ins"
SCRIPT = """\
#!/bin/bash
#SBATCH --account=main
#SBATCH --time=6:00:00
#SBATCH --job-name=WOW  #Job name
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2           # CPU cores/threads
%s
singularity --quiet exec --nv -H ~/projects/ACCOUNT/USER/PROJ/temp/ \\
  --env WANDB_MODE="offline",WANDB_API_KEY="LOL_U_THOUGHT",WANDB_WATCH="false" \\
  apptainer.sif /YOUR_PROJECT/main.py"""
ARRAY = "#SBATCH --array=1-90\n"
SWEEP = ["env.num_envs=8,16,32", "env.name=HalfCheetah,Reacher"]
SIX = [
    f"env.num_envs={number} env.name={name}" for number in (8, 16, 32) for name in ("HalfCheetah", "Reacher")
]


@pytest.fixture
def cheetahs(home: Home) -> Home:
    shutil.copy(STAND_INS / "singularity", home.folder.parent / "bin")
    return replace(home, env={**home.env, "STAND_IN_SEEN": str(home.folder.parent / "ran")})


def ran(home: Home) -> Counter[str]:
    """What main.py was given, a line for each run."""
    lines = (home.folder.parent / "ran").read_text().splitlines()
    assert all(line.startswith("/YOUR_PROJECT/main.py") for line in lines)
    return Counter(shlex.join(shlex.split(line)[1:]) for line in lines)


def test_the_sweep_runs_each_product_once(cheetahs: Home) -> None:
    cheetahs.script(SCRIPT % "", "sbatch.sh")
    cheetahs.multirun(*SWEEP, script="sbatch.sh")
    assert ran(cheetahs) == Counter(SIX)
    cheetahs.multirun("env.num_envs=range(8,10)", "env.name=Reacher", script="sbatch.sh")
    more = [f"env.num_envs={number} env.name=Reacher" for number in (8, 9)]
    assert ran(cheetahs) == Counter({*SIX, *more})


def test_the_array_of_ninety_is_kept_for_each_product(cheetahs: Home) -> None:
    cheetahs.script(SCRIPT % ARRAY, "sbatch.sh")
    document = cheetahs.document("multirun", "sbatch.sh", "-n", "--on", cheetahs.place, *SWEEP)
    assert document["submitted_indices"] == list(range(6))
    assert len(document["submissions"]) == 6
    if cheetahs.place == "slurm":
        assert all("#SBATCH --array=1-90\n" in one["sbatch_script"] for one in document["submissions"])


def test_the_arrays_number_as_the_seed(cheetahs: Home) -> None:
    text = SCRIPT % ARRAY.replace("90", "2") + " seed=$SLURM_ARRAY_TASK_ID\n"
    cheetahs.script(text, "sbatch.sh")
    cheetahs.multirun(*SWEEP, script="sbatch.sh")
    assert ran(cheetahs) == Counter(f"seed={seed} {one}" for seed in (1, 2) for one in SIX)


def test_a_seed_of_its_own_for_each_product(cheetahs: Home) -> None:
    cheetahs.script(SCRIPT % "", "sbatch.sh")
    words = ["env.num_envs=8", "seed=__randseed(3)__", "env.name=HalfCheetah,Reacher", "x=__randperm__"]
    cheetahs.multirun(*words, script="sbatch.sh")
    runs = [shlex.split(line) for line in ran(cheetahs)]
    seeds = [word.split("=")[1] for words in runs for word in words if word.startswith(("seed=", "x="))]
    assert len(runs) == 6
    assert len(set(seeds)) == len(seeds) == 12
