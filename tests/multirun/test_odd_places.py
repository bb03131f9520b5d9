"""Folders with odd names, links, folders that may not be written, scripts named without an extension."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from another_user import NOBODY, skip_where_nobody_runs_python

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n\n"


@pytest.mark.parametrize("name", ["two words 100%j %A\nquo'te\"s $HOME ünï", "mine.herd"])
def test_a_folder_of_any_name(home: Home, name: str) -> None:
    folder = home.folder / name
    folder.mkdir()
    odd = replace(home, folder=folder)
    odd.script(f"{HEAD}app\n")
    home.herd("multirun", "job.sh", "--on", home.place, "--wait", "lr=1,2", cwd=folder)
    assert home.given() == [["lr=1"], ["lr=2"]]
    assert home.folders() == {str(folder)}
    assert "2 completed" in home.herd("status", "job.sh", cwd=folder).stdout
    assert "given 1 words" in home.herd("tail", f"{name}/job.sh", "0").stdout


NAMES = ["job", "my job.sbatch", "a=b.sh", "-job.sh", "7", "%A.sh"]


def test_scripts_of_any_name(home: Home) -> None:
    for name in NAMES if home.place == "local" else NAMES[-1:]:
        home.script(f"{HEAD}app '{name}'\n", name)
        home.multirun("lr=1", script=f"./{name}")
        assert [name, "lr=1"] in home.given()
        assert home.statuses(f"./{name}") == ["completed"]
        assert (home.folder / f"{name}.herd/.hyperherd").is_dir()


def test_a_link_to_a_script_is_a_sweep_of_its_own(here: Home) -> None:
    (here.folder / "shared").mkdir()
    here.script(f"{HEAD}app\n", "shared/job.sh")
    (here.folder / "mine.sh").symlink_to("shared/job.sh")
    here.multirun("lr=1", script="mine.sh")
    assert here.statuses("mine.sh") == ["completed"]
    assert not (here.folder / "shared/job.sh.herd").exists()
    here.multirun("lr=1", script="shared/job.sh")
    assert here.given() == [["lr=1"]] * 2


def test_a_folder_that_may_not_be_written_is_told_with_a_way_out(here: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    skip_where_nobody_runs_python(here.env)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        theirs = replace(here, folder=Path(folder))
        script = theirs.script(f"{HEAD}app\n")
        herd = [*NOBODY, sys.executable, "-m", "hyperherd", "multirun", "job.sh", "--on", "local", "lr=1"]
        done = theirs.run(*herd, code=1)
        assert f"ln -s {script}" in done.stderr
        assert theirs.files() == {"job.sh"}
