"""Folders with odd names, links, folders that may not be written, scripts named without an extension."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n\n"


@pytest.mark.parametrize("name", ["two words", "100%j %A", "new\nline", "quo'te\"s $HOME", "ünï.herd"])
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


@pytest.mark.parametrize("name", ["job", "my job.sbatch", "a=b.sh", "-job.sh", "7", "%A.sh"])
def test_a_script_of_any_name(home: Home, name: str) -> None:
    home.script(f"{HEAD}app\n", name)
    typed = f"./{name}"
    home.multirun("lr=1", script=typed)
    assert home.given() == [["lr=1"]]
    assert home.statuses(typed) == ["completed"]
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


def test_a_folder_that_may_not_be_written_is_named_with_a_way_out(here: Home) -> None:
    if os.geteuid() == 0:
        readonly = "/proc/self"
        done = here.multirun("lr=1", script=f"{readonly}/environ", code=1)
        assert done.stderr.startswith("herd: ")
        return
    here.script(f"{HEAD}app\n")
    here.folder.chmod(0o555)
    try:
        done = here.multirun("lr=1", code=1)
    finally:
        here.folder.chmod(0o755)
    assert "ln -s" in done.stderr
    assert here.files() == {"job.sh"}
