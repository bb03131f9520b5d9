"""Every launch script of the documents runs, whoever calls it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
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
        timeout=60,
        check=False,
    )


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
