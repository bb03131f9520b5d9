"""Every launch script of the documents runs, whoever calls it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import herding
import pytest

from hyperherd.bash import training
from hyperherd.bash.training import Runs

from .machine import MANIFEST, NAMES, SCRIPTS, SHIPPED, WORDS, Machine, Script

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


@pytest.fixture
def machine(tmp_path: Path, script: Script) -> Machine:
    if script.name == "look-up-with-jq" and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    return Machine(tmp_path, script)


def run(machine: Machine, *argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**machine.environ, **variables}
    return herding.ran(argv, folder=machine.workspace, env=env, code=None, limit_s=120)


def herd(machine: Machine, *argv: str) -> None:
    env = {**machine.environ, "HYPERHERD_POLL_S": "0.5"}
    herding.herd(*argv, before=herding.ANEW, folder=machine.workspace, env=env, limit_s=120)


def assert_reached(machine: Machine, index: int) -> None:
    """The trainer was given the overrides of the trial, by way of the programs that the script names."""
    seen = machine.seen(index)
    assert seen["argv"] == machine.script.argv(index)
    assert seen["through"] == machine.through
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
        HYPERHERD_WORKSPACE=str(machine.workspace),
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
    runnable = [script for script in SCRIPTS if script.name != "look-up-with-jq" or shutil.which("jq")]
    machines = [Machine(tmp_path / script.name, script, shell=shell) for script in runnable]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: herd(machine, "run", "--on", "slurm", "--wait"), machines))
    for machine in machines:
        assert_reached(machine, 0)
        assert_reached(machine, 1)


def test_every_shipped_script_is_tested_and_can_be_run() -> None:
    shipped = sorted(SHIPPED.glob("*.sh"))
    assert {path.stem for path in shipped} == {script.name for script in SCRIPTS}
    assert [path for path in shipped if not os.access(path, os.X_OK)] == []


@every_script
def test_the_doctor_finds_the_training_of_a_script(script: Script) -> None:
    found = training.find((SHIPPED / f"{script.name}.sh").read_text())
    assert found.runs is Runs.PYTHON, found.why
    assert found.arguments[0] == "train.py"


@pytest.mark.parametrize(
    "script", [s for s in SCRIPTS if s.name in ("apptainer", "modules", "uv")], ids=lambda s: s.name
)
def test_the_doctor_looks_through_what_a_script_calls(machine: Machine) -> None:
    done = run(machine, sys.executable, "-m", "hyperherd", "doctor", "--on", "local", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["here"]["trainer_found"]
    assert not (machine.workspace / "seen").exists()
