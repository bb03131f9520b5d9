"""The most at once is the most at once, however many arrays the cluster makes of a sweep."""

from __future__ import annotations

import pytest
from fakeslurm.fixture import FakeSlurm

from .sweeps import Sweep

TOGETHER = """\
for i in {1..100}; do
  (($(grep -c ^start "$HYPERHERD_WORKSPACE/log") - $(grep -c ^end "$HYPERHERD_WORKSPACE/log") > MOST)) && break
  sleep 0.01
done
"""
"""Bash: stay for a second, so that one too many is seen."""


def most_at_once(sweep: Sweep) -> int:
    """How many trials were between their start and their end at the same time, by their own log."""
    now = most = 0
    for line in (sweep.root / "log").read_text().splitlines():
        now += 1 if line.startswith("start") else -1
        most = max(most, now)
    return most


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_sweep_of_several_arrays_runs_no_more_at_once_than_was_said(
    fake: Sweep, fake_slurm: FakeSlurm, most: int
) -> None:
    fake_slurm.knobs(max_array_size=2)
    fake.describe(range(5))
    fake.script(TOGETHER.replace("MOST", str(most)))
    fake.herd("run", "-j", str(most), "--wait")
    assert len(fake.submissions()) == 3
    assert most_at_once(fake) == most
    assert fake.starts() == {str(x): 1 for x in range(5)}


def test_several_arrays_in_a_row_wait_for_another_job_too(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(max_array_size=2)
    before = fake_slurm.run("sbatch", "--parsable", "--hold", "--wrap=true", cwd=fake.root).stdout.strip()
    fake.describe(range(4))
    fake.herd("run", "-j", "1", "--after", before)
    waiting = [call["argv"] for call in fake_slurm.calls("sbatch")]
    assert any(f"afterok:{before},afterany:" in word for word in waiting[-1])
    fake_slurm.run("scontrol", "release", before)
    fake.until_statuses("completed")
    assert most_at_once(fake) == 1
