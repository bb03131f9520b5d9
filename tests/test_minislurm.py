"""What tools/minislurm promises: a real Slurm that comes up, schedules, and goes without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventually import until
from real_slurm import MINISLURM, Slurm, connect, minislurm

LONG_S = 60.0


def state(slurm: Slurm, job: str) -> str:
    return slurm.run("squeue", "-h", "-t", "all", "-o", "%T", "-j", job).stdout.strip()


def submit(slurm: Slurm, *argv: str) -> str:
    answer = slurm.run("sbatch", "--parsable", "--output=/dev/null", *argv)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def daemons(folder: Path) -> dict[str, int]:
    return {file.name: int(file.read_text().split()[0]) for file in folder.glob("daemons/*")}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for a cluster, in a short path (sockets), which is brought down whatever happens."""
    with tempfile.TemporaryDirectory(prefix="ms-") as parent:
        yield Path(parent, "c")
        minislurm("down", "--dir", f"{parent}/c")


@pytest.fixture
def small(slurm: Slurm, place: Path) -> Slurm:
    """A cluster of its own beside the shared one, without accounting, for a test that breaks it."""
    answer = minislurm(
        "up", "--dir", str(place), "--cluster", "small", "--no-accounting", "--max-array-size=11"
    )
    assert answer.returncode == 0, answer.stderr
    return connect(place)


def test_a_job_sees_exactly_the_gpus_that_it_asked_for(slurm: Slurm) -> None:
    answer = slurm.run("srun", "--gres=gpu:2", "bash", "-c", "echo $CUDA_VISIBLE_DEVICES")
    assert len(set(answer.stdout.strip().split(","))) == 2, answer.stderr


def test_the_four_nodes_have_sixteen_gpus_and_gpu_is_the_default_of_three_partitions(slurm: Slurm) -> None:
    answer = slurm.run("sinfo", "-h", "-o", "%P %D %G")
    assert sorted(answer.stdout.split("\n")) == [
        "",
        "cpu 4 gpu:t4:4",
        "gpu* 4 gpu:t4:4",
        "preempt 4 gpu:t4:4",
    ]


def test_accounting_knows_a_job_that_has_ended(slurm: Slurm) -> None:
    job = submit(slurm, "--wait", "--array=3", "--wrap=true")
    until(
        lambda: "COMPLETED" in slurm.run("sacct", "-XPn", "-o", "State", "-j", job).stdout,
        "accounting",
        LONG_S,
    )


def test_a_job_of_a_higher_partition_requeues_one_of_preempt(slurm: Slurm) -> None:
    whole_node = ("--exclusive", "--nodelist=n4")
    low = submit(slurm, "--partition=preempt", *whole_node, "--wrap=sleep 600")
    until(lambda: state(slurm, low) == "RUNNING", "the low job to run", LONG_S)
    high = submit(slurm, "--partition=gpu", *whole_node, "--wrap=true")
    until(lambda: state(slurm, high) == "COMPLETED", "the high job to end", LONG_S)
    assert state(slurm, low) == "PENDING"
    assert " Restarts=1 " in slurm.run("scontrol", "show", "job", "-o", low).stdout
    slurm.run("scancel", low)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_an_ordinary_user_who_was_named_may_submit(slurm: Slurm) -> None:
    argv = ["srun", "--chdir=/", "id", "-un"]
    answer = subprocess.run(argv, env=slurm.env, user="nobody", cwd="/", capture_output=True, text=True)
    assert answer.stdout == "nobody\n", answer.stderr


def test_an_array_of_a_thousand_is_accepted_by_default(slurm: Slurm) -> None:
    job = submit(slurm, "--hold", "--array=0-999", "--wrap=true")
    assert len(slurm.run("squeue", "-h", "-r", "-j", job).stdout.splitlines()) == 1000
    slurm.run("scancel", job)


def test_max_array_size_is_honoured(small: Slurm) -> None:
    refused = small.run("sbatch", "--array=11", "--output=/dev/null", "--wrap=true")
    assert (refused.returncode, "Invalid job array specification" in refused.stderr) == (1, True)
    submit(small, "--array=10", "--wrap=true")


def test_two_clusters_run_side_by_side(slurm: Slurm, small: Slurm) -> None:
    names = [c.run("bash", "-c", "scontrol show config | grep ^ClusterName").stdout for c in (slurm, small)]
    assert [name.split()[-1] for name in names] == ["mini", "small"]


def test_two_starts_at_the_same_instant_and_a_third_later_make_one_cluster(slurm: Slurm, place: Path) -> None:
    argv = [sys.executable, str(MINISLURM), "up", "--no-accounting", "--dir", str(place)]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert ["already up" in words for words in said] == [True, False]
    before = daemons(place)
    assert minislurm("up", "--no-accounting", "--dir", str(place)).returncode == 0
    assert daemons(place) == before


def test_down_leaves_no_process_and_no_file(small: Slurm, tmp_path: Path) -> None:
    script = (
        f"env -i sleep 1000 & echo $! >{tmp_path}/child.part; mv {tmp_path}/child.part {tmp_path}/child; wait"
    )
    submit(small, f"--wrap={script}")
    until((tmp_path / "child").exists, "the job's child", LONG_S)
    pids = [*daemons(small.folder).values(), int((tmp_path / "child").read_text())]
    assert all(running(pid) for pid in pids)
    assert minislurm("down", "--dir", str(small.folder)).returncode == 0
    assert not any(running(pid) for pid in pids)
    assert list(small.folder.parent.iterdir()) == []


def test_down_clears_away_what_a_killed_up_has_left(slurm: Slurm, place: Path) -> None:
    starting = subprocess.Popen([sys.executable, str(MINISLURM), "up", "--dir", str(place)])
    until((place / "daemons" / "munged").exists, "the first daemon", LONG_S)
    starting.kill()
    starting.wait()
    pids = list(daemons(place).values())
    assert minislurm("down", "--dir", str(place)).returncode == 0
    assert not any(running(pid) for pid in pids)
    assert list(place.parent.iterdir()) == []


def test_a_cluster_ends_with_the_process_that_it_was_started_for(slurm: Slurm, place: Path) -> None:
    owner = subprocess.Popen(["sleep", "600"])
    try:
        minislurm("up", "--no-accounting", "--dir", str(place), "--ends-with", str(owner.pid))
        pids = daemons(place)
    finally:
        owner.kill()
        owner.wait()
    until(lambda: not place.exists(), "the folder to go", LONG_S)
    until(lambda: not any(running(pid) for pid in pids.values()), "all to end", LONG_S)


def test_status_names_the_daemon_that_died_and_up_starts_afresh(small: Slurm) -> None:
    assert minislurm("status", "--dir", str(small.folder)).returncode == 0
    os.kill(daemons(small.folder)["slurmd-n3"], signal.SIGKILL)
    until(lambda: not running(daemons(small.folder)["slurmd-n3"]), "its end", LONG_S)
    answer = minislurm("status", "--dir", str(small.folder))
    assert answer.returncode == 1
    assert "slurmd-n3    ended" in answer.stdout
    again = minislurm("up", "--no-accounting", "--dir", str(small.folder))
    assert again.returncode == 0, again.stderr
    assert running(daemons(small.folder)["slurmd-n3"])


def test_a_daemon_that_does_not_start_is_named_with_the_end_of_its_log(
    slurm: Slurm, place: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "munged"
    broken.write_text("#!/bin/sh\necho no key today >&2\nexit 1\n")
    broken.chmod(0o755)
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}")
    answer = minislurm("up", "--dir", str(place), env=env)
    assert answer.returncode == 1
    assert "munged ended while starting up" in answer.stderr
    assert "no key today" in answer.stderr
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("command", ["up", "down", "status", "env"])
def test_a_folder_that_is_not_a_cluster_is_left_alone(command: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("three years")
    answer = minislurm(command, "--dir", str(tmp_path))
    if answer.returncode == 3:
        pytest.skip(answer.stderr)
    assert answer.returncode in (1, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_without_a_cluster_env_says_what_to_type(place: Path) -> None:
    answer = minislurm("env", "--dir", str(place))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert f"minislurm up --dir {place}" in answer.stderr


def test_up_says_how_to_point_a_shell_at_that_very_cluster(slurm: Slurm) -> None:
    told = minislurm("up", "--dir", str(slurm.folder)).stdout
    assert f'eval "$({MINISLURM} env --dir {slurm.folder})"' in told


def test_the_python_of_an_activated_environment_stays_the_first(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\n")
    (tmp_path / "python3").chmod(0o755)
    script = 'eval "$("$0" "$1" env --dir "$2")" && command -v python3 && command -v sbatch'
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}")
    argv = ["bash", "-c", script, sys.executable, str(MINISLURM), str(slurm.folder)]
    found = subprocess.run(
        argv, capture_output=True, text=True, env=env, check=True, timeout=60
    ).stdout.split()
    assert found[0] == str(tmp_path / "python3")
    assert found[1].endswith("/sbatch")
