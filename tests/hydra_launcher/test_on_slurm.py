"""A multirun as one array on Slurm, which is asked for what the launcher's options say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakeslurm.fixture import FakeSlurm

from .applications import Application


def test_it_is_one_array_with_what_was_asked_for_also_when_it_is_submitted_again(
    on_the_fake: Application, fake_slurm: FakeSlurm
) -> None:
    asked = ("hydra.launcher.slurm.mem=2G", "hydra.launcher.slurm.time=0:10:00")
    on_the_fake.sweep("fails=true", "lr=1,2", *asked, "hydra.launcher.max_concurrent=1", code=1)
    first = fake_slurm.jobs()
    assert len({job["id"].partition("_")[0] for job in first}) == 1
    (on_the_fake.root / "mended").touch()
    on_the_fake.herd("run", "--wait")
    submitted = [path.read_text() for path in on_the_fake.output.glob("app.sh.herd/.hyperherd/jobs/*.sbatch")]
    assert len(submitted) == 2
    for script in submitted:
        assert "#SBATCH --mem=2G" in script and "#SBATCH --time=0:10:00" in script
    assert {job["name"] for job in fake_slurm.jobs()} == {"app"}
    assert on_the_fake.statuses() == ["completed"] * 2
    trials = json.loads(on_the_fake.herd("status", "--json"))["trials"]
    assert [trial["experiment_name"] for trial in trials] == ["lr-1", "lr-2"]


def test_a_preset_of_the_applications_own_is_asked_for(
    on_the_fake: Application, fake_slurm: FakeSlurm
) -> None:
    folder = on_the_fake.root / "configs/compute"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("cpus_per_task: 3\nmem_gb: 1\ntimeout_min: 7\n")
    words: tuple[str, ...] = (
        "hydra.launcher.compute=mine",
        "hydra.launcher.slurm.mem=2G",
        "hydra.launcher.place=auto",
    )
    words = (*words, "+hydra.launcher.slurm.job_name=mine")
    on_the_fake.run("app.py", *on_the_fake.words("lr=1"), *words)
    script = (on_the_fake.output / "app.sh").read_text()
    assert {job["name"] for job in fake_slurm.jobs()} == {"mine"}
    assert "--cpus-per-task=3" in script and "--mem=2G" in script and "--mem=1" not in script
    assert on_the_fake.statuses() == ["completed"]


def test_a_refusal_of_slurm_is_said_in_its_words(on_the_fake: Application, fake_slurm: FakeSlurm) -> None:
    fake_slurm.controller_down()
    done = on_the_fake.sweep("lr=1,2", code=1)
    assert "Unable to contact slurm controller" in done.stderr and "Traceback" not in done.stderr
    assert not on_the_fake.facts()


def test_what_slurm_does_not_have_is_an_option_of_the_launchers(on_the_fake: Application) -> None:
    done = on_the_fake.sweep("lr=1,2", "hydra.launcher.slurm.partition=nowhere", code=1)
    assert "hydra.launcher.slurm.partition: there is no partition 'nowhere'" in done.stderr


def test_who_waits_has_the_results_with_the_last_note_however_seldom_slurm_is_asked_and_jobs_have_its_ids(
    on_the_fake: Application, fake_slurm: FakeSlurm
) -> None:
    seldom = replace(on_the_fake, env={**on_the_fake.env, "HYPERHERD_POLL_S": "3600"})
    asked = "hydra.launcher.slurm='${some_memory:}'"
    assert "1 jobs completed, 1 not" in seldom.sweep("fails=false,true", asked, code=1).stdout
    assert "--mem=2G" in (on_the_fake.output / "app.sh").read_text()
    assert [facts["id"] for facts in on_the_fake.facts()] == sorted(job["id"] for job in fake_slurm.jobs())


@pytest.mark.slurm
def test_all_processes_of_a_job_are_started_and_the_first_one_says_what_it_returned(
    on_the_real: Application,
) -> None:
    counts = ("nodes=2", "ntasks_per_node=2", "cpus_per_task=2", "mem=100M")
    on_the_real.sweep("lr=1,2", *(f"hydra.launcher.slurm.{one}" for one in counts))
    seen = sorted((facts["number"], facts["rank"]) for facts in on_the_real.facts())
    assert seen == [(number, rank) for number in (0, 1) for rank in "0123"]
    results = json.loads(on_the_real.herd("res", "--json"))["trials"]
    assert [trial["metrics"] for trial in results] == [{"return_value": 1}, {"return_value": 2}]


@pytest.mark.slurm
def test_jobs_run_on_a_real_cluster_and_are_collected(on_the_real: Application) -> None:
    done = on_the_real.sweep(
        "name='a b'", "lr=1,2", "fails=false,true", "hydra.launcher.slurm.mem=100M", code=1
    )
    assert "2 jobs completed, 2 not" in done.stdout
    assert on_the_real.statuses() == ["completed", "failed", "completed", "failed"]
    assert [facts["config"]["name"] for facts in on_the_real.facts()] == ["a b"] * 4
    results = json.loads(on_the_real.herd("res", "--json"))["trials"]
    assert [trial["metrics"].get("return_value") for trial in results] == [1, None, 2, None]
