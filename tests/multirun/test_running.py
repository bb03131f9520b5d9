"""`herd multirun SCRIPT KEY=SWEEP ...`: each combination runs once, with its overrides where they belong."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from eventually import until

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n\n"
LR = [["lr=0.01"], ["lr=0.1"]]


def test_each_combination_runs_once_as_one_array(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    done = home.multirun("lr=0.1,0.01", "env=a,b")
    assert home.given() == [[f"lr={lr}", f"env={env}"] for lr in ("0.01", "0.1") for env in "ab"]
    assert home.statuses() == ["completed"] * 4
    assert len(json.loads((home.folder / "job.sh.herd/.hyperherd/job_ids.json").read_text())) == 1
    assert "4 completed" in done.stderr


def test_no_sweep_at_all_is_one_run(here: Home) -> None:
    here.script(f"{HEAD}app x\n")
    here.multirun()
    assert here.given() == [["x"]]
    here.multirun()
    assert here.given() == [["x"]]
    here.multirun("lr=1")
    assert here.given() == [["x"], ["x", "lr=1"]]


@pytest.mark.parametrize(
    "body",
    [
        "app x",
        "app x\n",
        "app x\n\n\n",
        "app x   \n# the end\n\n# really\n",
        "app \\\n  x\n",
        "app \\\n  x",
        "app \\\n  x # why\n",
        "app {overrides} x\n",
        "for i in 1; do app {overrides} x | cat; done\n",
        "if true; then\n  app x {overrides}\nfi\necho done\n",
        "set -euo pipefail\nexport A=1\ntime app x\n",
        ': {overrides}; args=({overrides}); app "${args[@]}" x\n',
    ],
    ids=range(12),
)
def test_overrides_stand_at_the_last_command_or_where_the_script_says(here: Home, body: str) -> None:
    here.script(HEAD + body)
    here.multirun("lr=0.1,0.01")
    assert [sorted(words) for words in here.given()] == [["lr=0.01", "x"], ["lr=0.1", "x"]]


FIRST = ["#!/bin/bash -l", "#!/bin/sh", "#!/usr/bin/env bash", "#!/usr/bin/dash", ""]


@pytest.mark.parametrize("first", FIRST)
def test_a_script_is_read_by_the_program_that_it_names(here: Home, first: str) -> None:
    if first and not Path(first.split()[0][2:]).exists():
        pytest.skip(f"{first} is not installed")
    app = here.folder.parent / "bin/app"  # a login shell has a PATH of its own
    here.script(f'{first}\n#SBATCH --time=5\nx="a  b"\n{app} "$x"\n')
    here.multirun("lr=0.1,0.01", r"""text='$(touch oops) `id` "x"'""")
    text = r"""text='$(touch oops) `id` "x"'"""
    assert here.given() == [["a  b", "lr=0.01", text], ["a  b", "lr=0.1", text]]
    assert not (here.folder / "oops").exists()


def test_a_script_for_zsh_runs(here: Home) -> None:
    if not Path("/usr/bin/zsh").exists():
        pytest.skip("zsh is not installed")
    here.script("#!/usr/bin/zsh\nnames=(a b)\napp $names[1] ${names[2]}\n")
    here.multirun("text='$names *', \"=ls\"")
    assert here.given() == [["a", "b", 'text="=ls"'], ["a", "b", "text='$names *'"]]


def test_it_runs_where_it_is_submitted_from_also_when_it_runs_again_from_elsewhere(home: Home) -> None:
    project = home.folder / "project"
    project.mkdir()
    home.script(f"{HEAD}app\n")
    home.fail("lr=1")
    home.multirun("lr=1", script="../job.sh", cwd=project, code=3)
    home.fail()
    state = home.folder / "job.sh.herd"
    home.herd("run", "--on", home.place, "--wait", cwd=state)
    assert home.statuses() == ["completed"]
    assert home.folders() == {str(project)}


def test_chdir_of_the_script_is_where_it_runs(home: Home) -> None:
    (home.folder / "a b").mkdir()
    home.script(f"{HEAD}#SBATCH --chdir='a b'\napp\n")
    home.multirun("lr=1")
    assert home.folders() == {str(home.folder / "a b")}


def test_what_it_prints_is_shown_by_tail_and_status(home: Home) -> None:
    home.script(f"{HEAD}echo oops >&2\napp\n")
    home.multirun("lr=0.1,0.01")
    assert "given 1 words" in home.herd("tail", "job.sh", "1").stdout
    assert "oops" in home.herd("tail", "job.sh", "1", "--stderr").stdout
    assert "given 1 words" in home.herd("status", "job.sh").stdout


def test_a_dry_run_says_what_would_be_and_changes_nothing(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    before = home.files()
    shown = home.herd("multirun", "job.sh", "-n", "--on", home.place, "lr=0.1,0.01").stdout
    assert "HYPERHERD_ARGV=lr=0.1\n" in shown
    document = home.document("multirun", "job.sh", "-n", "--on", home.place, "lr=0.1,0.01")
    assert document["dry_run"] is True
    assert document["submitted_indices"] == [0, 1]
    assert home.files() == before
    assert home.given() == []


def test_the_printed_script_of_a_dry_run_has_the_scripts_own_lines(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH --time=5 --cpus-per-task=2\n#SBATCH -J WOW\napp\n")
    shown = cluster.herd("multirun", "job.sh", "-n", "--on", "slurm", "lr=1").stdout
    lines = [line for line in shown.splitlines() if line.startswith("#SBATCH")]
    assert {"#SBATCH --job-name=WOW", "#SBATCH --time=5", "#SBATCH --cpus-per-task=2"} <= set(lines)


def test_j_bounds_how_many_run_at_once(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go app\n")
    home.begin("lr=1,2,3", "-j", "1")
    until(lambda: home.statuses().count("running") == 1, "the first one")
    until(lambda: len(home.runs()) == 1, "its start")
    assert home.statuses().count("queued") == 2
    (home.folder.parent / "go").touch()
    assert home.until_ended() == ["completed"] * 3


def test_after_waits_for_the_success_of_another_scripts_sweep(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go app first\n", "first.sh")
    home.script(f"{HEAD}app second\n", "second.sh")
    home.begin("lr=1", script="first.sh")
    home.begin("lr=2", "--after", "first.sh", script="second.sh")
    until(lambda: home.given() == [["first", "lr=1"]], "the first one")
    (home.folder.parent / "go").touch()
    until(lambda: len(home.given()) == 2, "the second one")
    assert home.given() == [["first", "lr=1"], ["second", "lr=2"]]


def test_options_on_the_command_line_win_over_the_scripts(cluster: Home) -> None:
    cluster.script(f"{HEAD}#SBATCH --mem=100M\napp\n")
    document = cluster.document(
        "multirun", "job.sh", "-n", "--on", "slurm", "--slurm", "time=9", "--slurm", "mem=", "lr=1"
    )
    script = document["sbatch_script"]
    assert "#SBATCH --time=9\n" in script
    assert "--mem" not in [word.split("=")[0] for line in script.splitlines()[:20] for word in line.split()]


def test_json_says_what_was_submitted(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    document = json.loads(here.multirun("lr=0.1,0.01", "--json").stdout)
    assert document["submitted_indices"] == [0, 1]
    assert [trial["params"] for trial in document["trials"]] == [{"lr": 0.1}, {"lr": 0.01}]
    assert Path(document["sbatch_path"]).is_file()


def test_a_program_of_the_script_finds_what_every_trial_is_given(here: Home) -> None:
    here.script(f"{HEAD}env | grep ^HYPERHERD_ >env.txt\napp\n")
    here.multirun("+model.depth=3", "text='a b'")
    found = dict(line.split("=", 1) for line in (here.folder / "env.txt").read_text().splitlines())
    assert json.loads(found["HYPERHERD_PARAMS"]) == {"+model.depth": 3, "text": "a b"}
    assert found["HYPERHERD_TRIAL_NAME"] == "model.depth-3_text-a-b"
    assert re.fullmatch(r"/.*/results/0", found["HYPERHERD_RESULTS"])
    assert os.path.dirname(found["HYPERHERD_WORKSPACE"]) == str(here.folder)
