"""The bash that runs on a node knows no scheduler: it asks a dialect, and each shipped one has all the answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hyperherd
from hyperherd.launchers.direct import spawning as direct
from hyperherd.launchers.node.dialect import Dialect
from hyperherd.launchers.slurm import job_options as slurm

PACKAGE = Path(hyperherd.__file__).parent
NEUTRAL = [*PACKAGE.glob("launchers/node/*"), *PACKAGE.glob("attempts/*.sh")]
ASKED = set(re.findall(r"``(herd_\w+)[ `]", Dialect.__doc__ or ""))
OPTIONAL = {"herd_flush"}

pytestmark = pytest.mark.in_step


@pytest.mark.parametrize("path", [path for path in NEUTRAL if path.is_file()], ids=lambda path: path.name)
def test_what_runs_on_a_node_names_no_scheduler(path: Path) -> None:
    words = re.findall(r"slurm|sbatch|scontrol|squeue|scancel", path.read_text(), flags=re.IGNORECASE)
    assert words == []


@pytest.mark.parametrize(
    "dialect", [direct.DIALECT, direct.by_hand("test"), slurm.DIALECT], ids=["direct", "by hand", "slurm"]
)
def test_a_dialect_sets_and_defines_all_that_is_asked(dialect: Dialect) -> None:
    text = f"{dialect.always}\n{dialect.requeue}\ncompgen -v herd_\ncompgen -A function herd_\n"
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-uc", text],
        env={},
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        timeout=30,
    )
    # What an attempt has left is looked for by the job's variable, and these two answer by setting one.
    answers = {"herd_why", "herd_said", *(() if dialect.ends_earlier else ("herd_job_variable",))}
    names = {name for name in done.stdout.split() if not name.startswith("herd_its_")}
    assert names | OPTIONAL == ASKED - answers


def test_how_often_this_machine_has_queued_a_trial_again_is_for_its_script_alone() -> None:
    text = f"{direct.DIALECT.always}\necho $herd_restarts\nbash -c 'echo ${{HYPERHERD_RESTARTS-none}}'\n"
    argv = [shutil.which("bash") or "bash", "-c", text]
    env = {"PATH": os.environ["PATH"], "HYPERHERD_RESTARTS": "3"}
    assert subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE).stdout == b"3\nnone\n"
