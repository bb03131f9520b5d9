"""What cannot be run is refused with one clear error, and nothing is left on the disk."""

from __future__ import annotations

import os
import stat

import pytest

from .home import Home

SCRIPTS = {
    "empty": ("", "no command"),
    "no command": ("#!/bin/bash\n#SBATCH --time=5\n# app\n", "no command"),
    "several": ("#!/bin/bash\napp\nother\n", "--at 3"),
    "here-document": ("#!/bin/bash\napp <<EOF\nx\nEOF\n", "{overrides}"),
    "none": ("#!/bin/bash\necho app\n", "{overrides}"),
    "pipe": ("#!/bin/bash\napp | other\n", "line 2: other"),
    "bash -c": ("#!/bin/bash\nbash -c 'app'\n", "{overrides}"),
    "never closed": ("#!/bin/bash\napp 'x\n", "never closed"),
    "python": ("#!/usr/bin/python3\nprint()\n", "python"),
    "hetjob": ("#!/bin/bash\n#SBATCH -N1\n#SBATCH hetjob\n#SBATCH -N2\napp\n", "hetjob"),
    "array": ("#!/bin/bash\n#SBATCH --array=one\napp\n", "--array=one"),
    "array 2": ("#!/bin/bash\n#SBATCH -a 1-4%0\napp\n", "1-4%0"),
    "test-only": ("#!/bin/bash\n#SBATCH --test-only\napp\n", "--test-only"),
    "clusters": ("#!/bin/bash\n#SBATCH -M other\napp\n", "--clusters"),
    "quote": ("#!/bin/bash\n#SBATCH --comment='x\napp\n", "quote"),
    "no option": ("#!/bin/bash\n#SBATCH time=5\napp\n", "--time"),
    "nothing": ("#!/bin/bash\n#SBATCH\napp\n", "no option"),
    "binary": ("\x7fELF\0\0\0", "NUL"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_is_no_sbatch_script_or_has_no_certain_place_is_refused(here: Home, name: str) -> None:
    text, said = SCRIPTS[name]
    here.script(text)
    error = here.multirun("lr=1,2", code=1).stderr
    assert error.startswith("herd: ")
    assert "job.sh" in error
    assert said in error
    assert here.files() == {"job.sh"}
    assert here.given() == []


WORDS = {
    "brackets": ["lr=[1,2"],
    "quote": ["lr='1"],
    "empty sweep": ["lr=choice()"],
    "empty range": ["lr=range(5,1)"],
    "zip": ["lr=zip(1,2)", "wd=zip(1,2,3)"],
    "no value": ["lr"],
}


@pytest.mark.parametrize("name", WORDS)
def test_a_sweep_that_cannot_be_read_is_refused(here: Home, name: str) -> None:
    here.script("#!/bin/bash\napp\n")
    error = here.multirun(*WORDS[name], code=1).stderr
    assert error.startswith("herd: ")
    assert here.files() == {"job.sh"}


@pytest.mark.parametrize(
    "words",
    [
        ["--on", "nowhere", "lr=1"],
        ["--wait", "--detach", "lr=1"],
        ["--slurm", "tim=5", "lr=1"],
        ["-j", "0", "lr=1"],
        ["--seed", "x", "lr=1"],
    ],
    ids=range(5),
)
def test_options_that_are_none_are_refused(here: Home, words: list[str]) -> None:
    here.script("#!/bin/bash\napp\n")
    here.herd("multirun", "job.sh", *words, code=2)
    assert here.files() == {"job.sh"}


@pytest.mark.parametrize("name", ["none.sh", ".", "none/none.sh"])
def test_a_script_that_is_none_is_refused(here: Home, name: str) -> None:
    error = here.multirun("lr=1", script=name, code=1).stderr
    assert f"herd: {name}: cannot be read" in error
    assert here.files() == set()


def test_very_many_combinations_are_asked_about_before_they_are_made(here: Home) -> None:
    here.script("#!/bin/bash\napp\n")
    error = here.multirun("a=range(1000)", "b=range(1000)", code=2).stderr
    assert "1,000,000 trials" in error
    assert "--yes" in error
    huge = here.multirun("a=range(1000000000)", "b=range(1000000000)", code=2).stderr
    assert "1,000,000,000,000,000,000 trials" in huge
    assert here.files() == {"job.sh"}


def test_a_script_with_the_line_ends_of_windows_is_refused_or_runs_with_clean_words(here: Home) -> None:
    here.script("#!/bin/bash\r\napp x\r\n")
    done = here.multirun("lr=1", code=None)
    assert done.returncode != 0
    assert all("\r" not in word or word == "x\r" for words in here.given() for word in words[1:])


def test_a_folder_that_may_not_be_written_is_named(here: Home) -> None:
    script = here.script("#!/bin/bash\napp\n")
    (here.folder / "job.sh.herd").write_text("mine")
    error = here.multirun("lr=1", code=1).stderr
    assert "job.sh.herd" in error
    assert here.files() == {"job.sh", "job.sh.herd"}
    assert script.stat().st_mode & stat.S_IXUSR == 0


def test_commands_that_look_say_what_a_script_is_that_never_ran(here: Home) -> None:
    here.script("#!/bin/bash\napp\n")
    for command in ("status", "run", "clean", "res"):
        assert "herd multirun job.sh KEY=SWEEP" in here.herd(command, "job.sh", code=1).stderr
    assert here.files() == {"job.sh"}


def test_refused_by_slurm_is_told_in_its_words(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH --partition=none\napp\n")
    done = cluster.multirun("lr=1,2", code=None)
    assert done.returncode in (1, 3)
    assert "none" in done.stderr
    assert cluster.given() == []
    assert os.path.exists(cluster.folder / "job.sh")
