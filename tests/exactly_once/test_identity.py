"""Whose a job is: what shows its submission's token, whatever its name, its comment or its id."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .sweeps import GATE, Sweep
from .test_by_hand import by_hand
from .test_scheduler import both_run, job_of, slurm


def changed(sweep: Sweep, *words: str) -> None:
    slurm(sweep, "scontrol", "update", f"JobId={job_of(sweep)}", *words)


CHANGES = {"another name": ["JobName=theirs"], "both": ["JobName=theirs", "Comment=charged to group 7"]}


@pytest.mark.parametrize("change", CHANGES)
def test_a_job_with_another_name_or_comment_is_shown_and_stopped(cluster: Sweep, change: str) -> None:
    cluster.script(GATE)
    both_run(cluster)
    changed(cluster, *CHANGES[change])
    assert cluster.statuses() == {0: "running", 1: "running"}
    cluster.herd("stop", "1")
    until(lambda: cluster.statuses() == {0: "running", 1: "cancelled"}, "trial 1 to be cancelled")
    cluster.go()
    cluster.finish()
    assert cluster.starts() == {"1": 1, "2": 2}


@pytest.fixture
def other(make: Callable[..., Sweep], fake_slurm: FakeSlurm) -> Sweep:
    """Another sweep of the same user and the same name."""
    return make(fake_slurm.env, "slurm", "other")


def test_a_job_that_has_our_jobs_id_after_the_cluster_was_rebuilt_is_not_ours(
    fake: Sweep, other: Sweep, fake_slurm: FakeSlurm
) -> None:
    for sweep in (fake, other):
        sweep.write((fake.root / "hyperherd.yaml").read_text())
        sweep.script(GATE)
    fake_slurm.hold_queue()
    fake.herd("run")
    fake_slurm.rebuild()
    fake_slurm.release_queue()
    both_run(other)
    assert job_of(fake) == job_of(other)
    assert set(fake.statuses().values()) <= {"lost", "cancelled"}
    fake.herd("stop", "--all", "--yes")
    fake.herd("clean", "--all", "--yes")
    assert other.statuses() == {0: "running", 1: "running"}
    other.go()
    other.finish()
    assert (other.starts(), fake.starts()) == ({"1": 1, "2": 1}, {})


def test_anothers_success_completes_nothing_of_ours(fake: Sweep, other: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.script(GATE)
    both_run(fake)
    fake_slurm.vanish(job_of(fake))
    fake_slurm.rebuild()
    other.herd("run")
    other.until_statuses("completed")
    assert job_of(fake) == job_of(other)
    assert fake.statuses() == {0: "lost", 1: "lost"}


def test_a_job_of_which_slurm_shows_nothing_but_the_id_is_ours_as_its_register_has_it(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.script(GATE)
    fake_slurm.knobs(hides_whose=True)
    both_run(fake)
    assert fake.statuses() == {0: "running", 1: "running"}
    fake.herd("stop", "--all", "--yes")
    fake_slurm.wait_idle(DEADLINE_S)
    assert fake.statuses() == {0: "cancelled", 1: "cancelled"}


def test_stop_also_cancels_a_job_that_was_made_of_our_script_by_hand(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.script(GATE)
    fake_slurm.hold_queue()
    fake.herd("run")
    twin = by_hand(fake, program=("sbatch", "--parsable", "--output=/dev/null"))
    assert twin != job_of(fake)
    fake.herd("stop", "--all", "--yes")
    fake_slurm.release_queue()
    fake_slurm.wait_idle(DEADLINE_S)
    assert set(fake_slurm.states().values()) == {"CANCELLED"}
    assert not fake.starts()
