"""``herd doctor`` finds what would fail on a node, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Site

on_the_fake = pytest.mark.parametrize("place", ["fake"], indirect=True)
on_the_real = pytest.mark.parametrize("place", [pytest.param("real", marks=pytest.mark.slurm)], indirect=True)
on_both = pytest.mark.parametrize(
    "place", ["fake", pytest.param("real", marks=pytest.mark.slurm)], indirect=True
)


def fatal(document: dict[str, object]) -> list[str]:
    return [one["what"] for one in document["findings"] if one["fatal"]]  # type: ignore[attr-defined]


@on_the_fake
def test_nothing_is_said_of_a_script_that_finds_the_same_everywhere(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    site.write(f'{python} -u train.py "$1" | tee log || exit 75\ncp log elsewhere')
    document = site.doctor()
    assert document["well"]
    assert document["findings"] == []
    for seen in (document["here"], document["node"]):
        assert seen["python"] == str(python)
        assert seen["packages"] == {"only_here": {"found": True, "version": "1.2", "needed": True}}
        assert (seen["trainer"], seen["trainer_found"]) == ("train.py", True)
        assert seen["workspace_writable"]
    assert document["node"]["place"] not in ("here", "")


@on_both
def test_a_package_that_is_here_and_not_on_the_node_is_found(site: Site) -> None:
    here, there = site.python("login", only_here="1.2"), site.python("node")
    site.write("python train.py $1")
    document = site.doctor(code=1)
    (what,) = fatal(document)
    assert f"{there} on {document['node']['place']} does not have only_here" in what
    assert f"which {here} has here" in what
    hint = document["findings"][0]["hint"]
    assert str(here) in hint
    assert "launch.sh" in hint


@on_the_fake
def test_a_trainer_without_hyperherd_is_told_what_to_install(site: Site) -> None:
    python = site.python("shared")
    site.write(f"unset PYTHONPATH\n{python} train.py $1", trainer="import hyperherd\n")
    (one,) = [one for one in site.doctor(code=1)["findings"] if one["fatal"]]
    checkout = Path(__file__).parents[2]
    assert f"{python} -m pip install --no-deps {checkout} (" in one["hint"]


@on_the_fake
def test_an_interpreter_that_is_only_here_is_found(site: Site) -> None:
    here = site.python("login", only_here="1.2")
    (here.parent / "trainers-python3").symlink_to("python")
    site.write('PYTHON=trainers-python3\n"$PYTHON" train.py $1')
    document = site.doctor(code=1)
    assert "trainers-python3 is not on PATH on " in fatal(document)[0]
    assert "login/bin/trainers-python3" in fatal(document)[0]


@on_the_fake
def test_versions_that_differ_are_said_and_fail_nothing(site: Site) -> None:
    site.python("login", only_here="1.2")
    site.python("node", only_here="2.0")
    site.write("exec python train.py $1")
    document = site.doctor()
    assert any("only_here 1.2 here and 2.0 on" in one["what"] for one in document["findings"])


@on_the_fake
def test_the_people_are_shown_both_and_what_differs_first(site: Site) -> None:
    here, there = site.python("login", only_here="1.2"), site.python("node")
    site.write("python train.py $1")
    done = site.herd("doctor", code=1)
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["here", "on"]
    assert lines[1].split() == ["program", str(here), str(there)]
    assert ["only_here", "1.2", "not", "there"] in [line.split() for line in lines]
    assert done.stderr.splitlines()[-1].startswith("1 thing would fail on ")


@on_the_fake
def test_a_setup_that_fails_on_the_node_is_said_with_its_last_words(site: Site) -> None:
    site.python("login", only_here="1.2")
    (site.folder / "login/bin/load-modules").write_text("#!/bin/bash\n")
    (site.folder / "login/bin/load-modules").chmod(0o755)
    site.write("load-modules\npython train.py $1")
    document = site.doctor(code=1)
    (what,) = fatal(document)
    assert "before it comes to its training (exit 127)" in what
    assert "launch.sh: line 4: load-modules: command not found" in what
    assert document["here"]["python"]


@on_the_fake
def test_a_trainer_that_is_not_where_the_script_looks_is_found(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    site.write(f"cd /\n{python} train.py $1")
    assert "train.py is not there" in fatal(site.doctor(code=1))[0]


@on_the_real
def test_what_srun_starts_is_looked_at_on_the_node_alone(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    site.write(f"srun --ntasks=1 {python} train.py $1")
    document = site.doctor()
    assert document["here"]["python"] is None
    assert document["node"]["python"] == str(python)
    assert "would ask for an allocation here" in document["findings"][0]["what"]


@on_the_real
def test_the_script_of_a_multirun_is_looked_at_in_its_own_folder_and_shell(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    (site.herd.root / "train.py").write_text("import only_here, not_at_all\n")
    script = site.herd.root / "job.sh"
    script.write_text(f"#!/bin/sh\n#SBATCH --mem=100M\n. /dev/null\n{python} -m train\n")
    before = site.files()
    document = json.loads(site.tool("doctor", "job.sh", "--json", code=1).stdout)
    assert "does not have not_at_all" in fatal(document)[0]
    assert (document["node"]["python"], document["node"]["bash"]) == (str(python), None)
    assert document["node"]["folder"] == str(site.herd.root)
    assert site.files() == before


@on_the_fake
def test_long_scripts_are_looked_at_or_refused_in_words(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    data = "cat >/dev/null <<'END'\n" + "x\n" * 100_000 + "END\n"
    site.write(f"{data}{python} train.py $1")
    assert "launch.sh: it is too long to be looked at" in site.herd("doctor", code=1).stderr
    (site.herd.root / "job.sh").write_text(f"#!/bin/bash\n{data}{python} train.py\n")
    assert json.loads(site.tool("doctor", "job.sh", "--json", code=0).stdout)["node"]["trainer_found"]


@on_the_fake
def test_the_launch_script_of_a_sweep_means_the_sweep(site: Site) -> None:
    python = site.python("shared", only_here="1.2")
    site.write(f"{python} train.py $1")
    document = json.loads(site.tool("doctor", "launch.sh", "--json", code=0).stdout)
    assert document["node"]["trainer_found"] and document["node"]["folder"] == str(site.herd.root)


@on_the_fake
def test_a_job_that_does_not_start_is_cancelled(site: Site, cluster: Callable[..., None]) -> None:
    cluster(held=True)
    python = site.python("shared", only_here="1.2")
    site.write(f"{python} train.py $1")
    document = site.doctor("--timeout", "1s", code=1)
    assert "and is cancelled" in fatal(document)[0]
    assert document["here"]["python"] == str(python)
    assert site.herd.tool("squeue", "-h").strip() == ""


@on_the_fake
def test_a_setup_that_takes_too_long_is_told(site: Site, cluster: Callable[..., None]) -> None:
    cluster(minute_s=1, kill_wait_s=0)
    site.write(f"if [[ ${{SLURM_JOB_ID-}} ]]; then sleep 60; fi\n{sys.executable} train.py $1", "import os\n")
    document = site.doctor(code=1)
    assert "before it comes to its training (failed, time limit)" in fatal(document)[0]
    assert "--slurm time=" in document["findings"][0]["hint"]


@on_the_fake
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_told_to_end_it_cancels_the_job(
    site: Site, cluster: Callable[..., None], number: str, code: int
) -> None:
    cluster(held=True)
    site.write(f"{site.python('shared', only_here='1.2')} train.py $1")
    before = site.files()
    with site.start() as process:
        site.herd.until(lambda: [*site.herd.root.rglob("node/*.state")], "the job's submission")
        process.send_signal(signal.Signals[number])
        assert process.wait(60) == code
    assert site.herd.tool("squeue", "-h").strip() == ""
    assert site.files() == before


@on_the_fake
def test_the_job_is_the_sweeps_but_for_its_length(site: Site) -> None:
    site.write(
        f"{site.python('shared', only_here='1.2')} train.py $1",
        yaml="slurm: {partition: cpu, time: '2-0', signal: 'B:USR1@120', begin: now+1hour, "
        "extra_args: [--mem=100M, -t 9-0 --signal=B:USR1@120]}\n",
    )
    site.doctor()
    job = site.herd.tool("sacct", "-n", "-P", "-X", "-o", "Partition,Timelimit,ReqMem,State")
    assert job.split() == ["cpu|00:01:00|100M|COMPLETED"]


@on_the_fake
def test_a_refused_job_is_told_in_slurms_words(site: Site, cluster: Callable[..., None]) -> None:
    cluster(sbatch={"refuse": "Invalid qos specification"})
    site.write("python train.py $1")
    before = site.files()
    done = site.herd("doctor", code=1)
    assert "Invalid qos specification" in done.stderr
    assert site.files() == before
