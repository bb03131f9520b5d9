"""heracles with the real sbatch: what it is given runs with its overrides, though its file is deleted at once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import until
from real_slurm import Slurm

from .conftest import Home

DEADLINE_S = 60

SCRIPT = """\
#!/bin/bash
#SBATCH --time=5
#SBATCH --output=/dev/null

main() {
  printf '%s\\n' "$@" >"$SLURM_JOB_ID.part" && mv "$SLURM_JOB_ID.part" "$SLURM_JOB_ID.ran"
}
main {overrides}
"""

pytestmark = pytest.mark.parametrize("home", ["archive"], indirect=True)


@pytest.fixture
def real(home: Home, slurm: Slurm) -> Home:
    """The same folder, with the cluster's own sbatch."""
    home.script(SCRIPT)
    return replace(home, env=slurm.env)


def ran(folder: Path, number: str) -> list[str]:
    """What a job was given, as soon as it has run."""
    path = folder / f"{number}.ran"
    until(path.exists, f"job {number} to run", DEADLINE_S)
    return path.read_text().split("\n")[:-1]


@pytest.mark.parametrize("command", ["sbatch", "sbatch --parsable"])
def test_each_file_becomes_a_job_that_runs_with_its_overrides(real: Home, command: str) -> None:
    done = real("sbatch.sh", f"-r={command}", "opt=adam,sgd", "text='$(touch oops) \"x\"'")
    numbers = re.findall(r"\d+", done.stdout)
    assert f"2 of 2 given to sbatch; jobs {' '.join(numbers)}\n" in done.stderr
    assert len(numbers) == 2
    assert [path.name for path in real.folder.iterdir() if path.suffix not in (".part", ".ran")] == [
        "sbatch.sh"
    ]
    text = "text='$(touch oops) \"x\"'"
    assert [ran(real.folder, number) for number in numbers] == [["opt=adam", text], ["opt=sgd", text]]
    assert not (real.folder / "oops").exists()


def test_a_refused_job_is_told_and_the_others_run(real: Home) -> None:
    refusing = real.script(
        '#!/bin/bash\ngrep -q opt=sgd "$1" && exec sbatch --partition=none "$1"\nexec sbatch "$1"\n', "submit"
    )
    done = real("sbatch.sh", f"-r={refusing}", "opt=adam,sgd,sam", code=3)
    numbers = re.findall(r"\d+", done.stdout)
    assert "invalid partition specified: none" in done.stderr
    assert "sbatch_hydra1.sh (opt=sgd): " in done.stderr
    assert f"2 of 3 given to {refusing}; jobs {' '.join(numbers)}\n" in done.stderr
    assert [ran(real.folder, number) for number in numbers] == [["opt=adam"], ["opt=sam"]]
    assert real.files() == {}


def test_all_refused_is_told_with_slurms_own_words(real: Home) -> None:
    done = real("sbatch.sh", "-r=sbatch --partition=none", "opt=adam,sgd", code=3)
    assert done.stdout == ""
    assert done.stderr.count("invalid partition specified: none") == 2
    assert "0 of 2 given to sbatch\n" in done.stderr
    assert real.files() == {}
