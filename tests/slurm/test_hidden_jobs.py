"""A cluster may hide other users' jobs (PrivateData): what is not shown is unknown then, job by job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from hyperherd.jobs import Phase

from .conftest import Cluster, batch_in


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_colleagues_job_that_is_not_shown_is_unknown_though_ones_own_is_asked_about_too(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    cluster = Cluster(fake_slurm.env)
    fake_slurm.knobs(sacct={"off": True})
    jobs = []
    for name in ("theirs", "mine"):
        (tmp_path / name).mkdir()
        batch = batch_in(tmp_path / name, token=name)
        batch.files.script.write_text(cluster.launcher.script(batch))
        jobs.append(cluster.job(batch, "77" if name == "theirs" else "78", 0.0))
    os.chown(jobs[0].files.script, 12345, 12345)
    for asked in (jobs, jobs[:1]):
        assert cluster.launcher.poll(asked)[jobs[0].token][0].phase is Phase.UNKNOWN
    assert cluster.launcher.poll(jobs)[jobs[1].token][0].phase is Phase.ABSENT
