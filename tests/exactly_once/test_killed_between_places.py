"""A run whose trials go to two places is killed (SIGKILL) at random instants, most of them around its submissions."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm
from repetition import seeds

from .sweeps import Sweep
from .test_killed import STRESS, Killer, each_has_run_once, kill_again_and_again, moments

KILLS = 8 * STRESS
HOSTS = (
    "hosts: {one: {partition: cpu, cores: 4}, two: {partition: gpu, accelerators: {memory: 8GiB, count: 4}}}"
)
REQUIRES = """\
requires: cpu(cores=1)
conditions: [{when: {expr: "x % 2 == 1"}, requires: cuda(mem=1GiB)}]
"""


class TwoPlaces(Sweep):
    """Even values go to one kind of machine, odd ones to another."""

    def describe(self, values: Iterable[object], *, more: str = "") -> None:
        super().describe(values, more=REQUIRES + more)


@pytest.mark.parametrize("seed", seeds(2))
def test_runs_killed_between_two_submissions_start_each_trial_once(
    fake: Sweep, fake_slurm: FakeSlurm, seed: int
) -> None:
    folder = Path(fake.env["HYPERHERD_CONFIG_DIR"])
    folder.mkdir()
    (folder / "launchers.yaml").write_text(HOSTS)
    fake_slurm.knobs(sbatch={"delay_s": [0, 1], "delay_when": "either"})
    sweep = TwoPlaces(fake.root, fake.env, fake.place, fake.name)
    submissions = [lambda: len(fake_slurm.calls("sbatch"))] * 8
    values = kill_again_and_again(Killer(sweep, random.Random(seed), (*moments(sweep), *submissions)), KILLS)
    each_has_run_once(sweep, values)
    assert {one["host"] for one in sweep.submissions()} == {"one", "two"}
