"""Every launch script of the documents runs, whoever calls it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from machine import MANIFEST, NAMES, SCRIPTS, WORDS, Machine, Script

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


@pytest.fixture
def machine(tmp_path: Path, script: Script) -> Machine:
    if script.name == "jq" and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    return Machine(tmp_path, script)


def run(machine: Machine, *argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=machine.workspace,
        env={**machine.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def herd(machine: Machine, *argv: str) -> None:
    done = run(machine, sys.executable, "-m", "hyperherd", *argv, HYPERHERD_POLL_S="0.5")
    assert done.returncode == 0, done.stdout + done.stderr


def assert_reached(machine: Machine, index: int) -> None:
    """The trainer was given the overrides of the trial, by way of the programs that the script names."""
    seen = machine.seen(index)
    assert seen["argv"] == machine.script.argv(index)
    assert seen["through"] == list(machine.script.through)
    if "params" in seen:
        assert seen["params"]["lr"] == MANIFEST[index]["params"]["lr"]
        assert seen["params"]["opt"] == "adam"


@every_script
@pytest.mark.parametrize("index", [0, 1])
def test_a_script_passes_the_overrides_on_as_the_contract_states_them(machine: Machine, index: int) -> None:
    manifest = machine.workspace / ".hyperherd/manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps(MANIFEST))
    done = run(
        machine,
        "bash",
        str(machine.workspace / "launch.sh"),
        " ".join(WORDS[index]),
        HYPERHERD_TRIAL_NAME=NAMES[index],
        HYPERHERD_ARGV=shlex.join(WORDS[index]),
        HYPERHERD_RESULTS=str(manifest.parent / "results" / str(index)),
        SLURM_ARRAY_TASK_ID=str(index),
    )
    assert done.returncode == 0, done.stderr
    assert_reached(machine, index)


@every_script
def test_a_script_runs_as_a_trial_on_this_machine(machine: Machine) -> None:
    herd(machine, "run", "--on", "local")
    assert_reached(machine, 0)
    assert_reached(machine, 1)


@every_script
def test_a_script_runs_under_herd_test(machine: Machine) -> None:
    if machine.script.form == "look-up":
        herd(machine, "run", "--on", "local", "-i", "0")  # there is no manifest to look into before
    herd(machine, "test", "1")
    assert_reached(machine, 1)
    assert not (machine.workspace / ".hyperherd/results/1.json").exists()


@pytest.mark.parametrize("cluster", ["fake_slurm", pytest.param("slurm", marks=pytest.mark.slurm)])
def test_every_script_runs_as_a_trial_on_slurm(
    cluster: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shell = request.getfixturevalue(cluster).env
    runnable = [script for script in SCRIPTS if script.name != "jq" or shutil.which("jq")]
    machines = [Machine(tmp_path / script.name, script, shell=shell) for script in runnable]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: herd(machine, "run", "--on", "slurm", "--wait"), machines))
    for machine in machines:
        assert_reached(machine, 0)
        assert_reached(machine, 1)
