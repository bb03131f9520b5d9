"""What preflight finds and does not stop at, and a workspace in a place that is no good one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import Workspace, environment


@pytest.fixture
def memory(fake_slurm: object, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on a file system that lives in this machine's memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(argv, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    made = Workspace(folder / "a sweep", environment(fake_slurm.env, tmp_path))  # type: ignore[attr-defined]
    made.write()
    yield made
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_workspace_that_other_nodes_do_not_see_is_noted_and_not_refused(memory: Workspace) -> None:
    said = memory.herd("run").err
    assert said.count("which other nodes do not see") == 1
    assert "put it on a shared file system" in said
    assert set(memory.until_ended().values()) == {"completed"}
    assert "do not see" not in memory.herd("run", "--on", "local").err


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="herd runs in no virtual environment here")
@pytest.mark.parametrize(
    ("script", "noted"),
    [
        ("python train.py $1\n", True),
        ("set -e; exec python3 -u train.py\n", True),
        ("source env/bin/activate\npython train.py\n", False),
        ("conda run -n x python train.py\n", False),
        ("/opt/env/bin/python train.py\n", False),
        ("# python train.py\ntrue\n", False),
        ("mypython train.py\n", False),
    ],
)
def test_the_interpreter_of_herd_itself_is_noted_where_a_script_says_python(
    here: Workspace, script: str, noted: bool
) -> None:
    (here.root / "launch.sh").write_text(script)
    active = Workspace(here.root, {**here.env, "PATH": f"{sys.prefix}/bin:{here.env['PATH']}"})
    assert ("is herd's own interpreter" in active.herd("run", "-n").err) is noted
    assert "is herd's own interpreter" not in here.herd("run", "-n").err


def test_memory_and_time_may_be_written_as_slurm_takes_them(cluster: Workspace) -> None:
    name = cluster.env.get("DAYS_NAME", "days")
    for options in ('mem: 1G, time: "00:10:00"', "mem: 512M, time: 10", 'mem: 600, time: "0-1"', "mem: 1GB"):
        cluster.write(name=name, more=f"slurm: {{{options}}}\n")
        done = cluster.herd("run", "-n", code=None)
        assert done.code == 0, (options, done.err)


def test_a_controller_that_does_not_answer_is_never_a_reason_to_run_here(
    fake: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.controller_down()
    for words in (("run",), ("run", "--on", "slurm"), ("run", "-n")):
        assert "Unable to contact slurm controller" in fake.herd(*words, code=1).err
    assert fake.ran() == []
    assert set(fake.files()) == {"hyperherd.yaml", "launch.sh"}


def test_a_slurm_that_is_not_there_is_said(here: Workspace) -> None:
    done = here.herd("run", "--on", "slurm", code=1)
    assert "sbatch is not on PATH" in done.err
    assert set(here.files()) == {"hyperherd.yaml", "launch.sh"}


@pytest.mark.parametrize("key", ["partition", "account", "qos", "reservation"])
def test_a_sweep_for_a_cluster_is_not_run_on_a_login_node_whose_slurm_is_not_loaded(
    here: Workspace, key: str
) -> None:
    here.write(more=f"slurm: {{{key}: gpu, time: 60}}\n")
    for words in (("run",), ("run", "-n")):
        said = here.herd(*words, code=1).err
        assert f"hyperherd.yaml names its {key}" in said and "--on local" in said
    assert set(here.files()) == {"hyperherd.yaml", "launch.sh"}
    here.herd("run", "--on", "local")
    assert len(here.ran()) == 3


def test_a_sweep_that_has_run_on_slurm_stays_there_until_the_user_says_otherwise(
    fake: Workspace, here: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake.herd("run")
    fake_slurm.wait_idle()
    fake.write("[1, 2, 3, 4]")
    unloaded = Workspace(fake.root, here.env)
    assert "it has trials there" in unloaded.herd("run", code=1).err
    assert len(fake.ran()) == 3
    unloaded.herd("run", "--on", "local")
    assert len(fake.ran()) == 4


def test_a_run_says_of_which_trials_nothing_can_be_known(
    fake: Workspace, here: Workspace, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.hold_queue()
    fake.herd("run")
    fake.write("[1, 2, 3, 4]")
    said = Workspace(fake.root, here.env).herd("run", "--on", "local").err
    assert "submitted with slurm, which is not here: nothing can be said of them" in said
