"""Slips of the hand on the command line; the wrong folder; a workspace that was moved, copied, or is no workspace."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from .workspaces import Workspace

SLIPS = {
    "a command": (("statuss",), 2, "'status'"),
    "an option": (("run", "--dryrun"), 2, "--dry-run"),
    "an option of another command": (("ls", "--dry-run"), 2, "--dry-run"),
    "a place": (("run", "--on", "slrum"), 2, "'slurm'"),
    "a parameter": (("run", "-p", "xx=1"), 2, "'x'"),
    "a parameter as a word": (("ls", "xx=1"), 2, "'x'"),
    "a parameter in an expression": (("ls", "--where", "xx > 1"), 1, "'x'"),
    "a status in an expression": (("status", "--where", "stauts == failed"), 1, "'status'"),
    "an expression that is none": (("ls", "--where", "x >"), 1, "--where"),
    "an expression that calls": (("ls", "--where", "__import__('os')"), 1, "--where"),
    "no number for -j": (("run", "-j", "many"), 2, "many"),
    "nothing at once": (("run", "-j", "0"), 2, "0"),
    "no indices": (("run", "-i", "a-b"), 2, "a-b"),
    "a backward range": (("run", "-i", "5-2"), 2, "2-5"),
    "an endless range": (("run", "-i", "0-99999999999"), 2, "0-99999999999"),
    "an index that is not there": (("run", "-i", "99"), 1, "99"),
    "an empty index": (("run", "-i", ","), 2, ","),
    "a value without a name": (("run", "=3"), 2, "=3"),
    "a value that is none": (("run", "x=[1"), 2, "x=[1"),
    "two workspaces": (("stats", ".", "."), 1, ""),
    "a workspace and a folder": (("status", ".", "/"), 1, "/"),
    "a trial that is not there": (("show", "77"), 1, "77"),
    "a name that is not there": (("show", "x-7"), 1, "x-7"),
    "no trial": (("show",), 2, "which trial"),
    "no trials to stop": (("stop",), 2, "--all"),
    "a format": (("res", "--format", "xml"), 2, "xml"),
    "a shell": (("completion", "tcsh"), 2, "tcsh"),
    "minus lines": (("tail", "0", "-n", "-5"), 2, "-5"),
    "a job to come after": (("run", "--after", "12"), 2, "12"),
    "a workspace to come after": (("run", "--after", "nowhere"), 1, "nowhere"),
    "a name too long for a file": (("show", "x" * 5000), 1, "no trial"),
    "a value too long for a file": (("ls", "x=" + "y" * 5000), 1, "no trial has"),
    "a value that no trial has": (("ls", "x=zz"), 1, "no trial has x='zz'"),
    "a value for a trial": (("status", "x=1"), 1, "--where 'x == 1'"),
    "a trial that has not run": (("show", "0"), 1, "trial 0 has not run yet"),
    "the output of a trial that has not run": (("tail", "0"), 1, "herd run"),
    "to stay and to leave": (("run", "--wait", "--detach"), 2, "--detach"),
    "-C behind the command": (("res", "-C", "nowhere"), 1, "nowhere"),
    "a folder too long for a file": (("ls", "y" * 5000), 1, "File name too long"),
    "-C to nowhere": (("-C", "nowhere", "status"), 1, "nowhere"),
    "a file for a workspace": (("ls", "launch.sh"), 1, "launch.sh"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_said_with_what_would_be_right(here: Workspace, slip: str) -> None:
    words, code, hint = SLIPS[slip]
    before = here.files()
    done = here.herd(*words, code=code)
    assert done.out == "" or code == 0
    assert hint in done.err
    assert here.files() == before


def test_minus_c_works_on_both_sides_of_the_command(here: Workspace) -> None:
    assert here.herd("ls", "-C", str(here.root)).out == here.herd("-C", str(here.root), "ls").out


def test_a_yaml_of_the_other_ending_is_pointed_out(here: Workspace) -> None:
    (here.root / "hyperherd.yaml").rename(here.root / "hyperherd.yml")
    for words in (("ls",), ("ls", ".")):
        assert "did you mean hyperherd.yaml" in here.herd(*words, code=1).err


def test_a_run_of_what_has_completed_says_so_and_how_to_run_it_again(here: Workspace) -> None:
    here.herd("run", "-i", "0")
    told = here.herd("run", "-i", "0").err
    assert "Trial 0 is completed" in told
    assert "herd run -f -i 0" in told


def test_the_end_of_a_run_of_some_says_that_it_is_about_those(here: Workspace) -> None:
    assert "1 completed (of the 1 that ran now)" in here.herd("run", "-i", "0").err
    assert "that ran now" not in here.herd("clean", "-a", "--yes").err + here.herd("run").err


COMMANDS = [
    ("run",),
    ("ls",),
    ("status",),
    ("res",),
    ("stats",),
    ("snapshot",),
    ("test",),
    ("stop", "0"),
    ("clean",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_folder_without_a_yaml_is_no_workspace(here: Workspace, words: tuple[str, ...]) -> None:
    (here.root / "hyperherd.yaml").unlink()
    before = here.content()
    said = here.herd(*words, code=1).err
    assert f"no hyperherd.yaml in {here.root} or any folder above it" in said
    assert "herd init" in said
    assert here.content() == before


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_path_that_is_wrong_is_named(here: Workspace, words: tuple[str, ...]) -> None:
    said = here.herd("-C", str(here.root / "sweeps"), *words, code=1).err
    assert str(here.root / "sweeps") in said


@pytest.mark.parametrize("command", ["status", "show", "ls", "drill", "test", "doctor", "run"])
@pytest.mark.parametrize("inside", [True, False], ids=["in a workspace", "in none"])
def test_a_path_that_leads_nowhere_is_named_as_it_was_resolved(
    here: Workspace, tmp_path: Path, command: str, inside: bool
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    place = here if inside else Workspace(plain, here.env)
    for typed in ("../nowhere/launch.sh", str(tmp_path / "nowhere" / "launch.sh")):
        said = place.herd(command, typed, code=1).err
        assert f"there is no {tmp_path / 'nowhere/launch.sh'}\n" in said
        assert "herd init" not in said and "name a script" in said
    assert "did you mean 'sweep'?" in place.herd(command, "../swep", code=1).err


@pytest.mark.parametrize("command", ["status", "show", "ls", "drill", "test", "doctor"])
def test_where_there_is_no_workspace_a_word_is_a_path(here: Workspace, tmp_path: Path, command: str) -> None:
    plain = tmp_path / "plain"
    (plain / "empty").mkdir(parents=True)
    place = Workspace(plain, here.env)
    said = place.herd(command, "dgits", code=1).err
    assert f"there is no {plain / 'dgits'}\n" in said and "herd init dgits" in said
    assert "no hyperherd.yaml in empty" in place.herd(command, "empty", code=1).err


def test_trials_where_there_is_no_workspace_are_no_path(here: Workspace, tmp_path: Path) -> None:
    place = Workspace(tmp_path, here.env)
    assert "or any folder above it" in place.herd("show", "3", code=1).err
    assert "or any folder above it" in place.herd("status", "lr=a/b", code=1).err


def test_a_folder_that_is_called_hyperherd_yaml_is_no_yaml(here: Workspace) -> None:
    (here.root / "hyperherd.yaml").unlink()
    (here.root / "hyperherd.yaml").mkdir()
    assert "no hyperherd.yaml" in here.herd("ls", code=1).err


def test_a_folder_inside_the_workspace_leads_to_it(here: Workspace) -> None:
    (here.root / "deep/er").mkdir(parents=True)
    inside = Workspace(here.root / "deep/er", here.env)
    assert len(inside.herd("ls", "--json").json["trials"]) == 3


def moved(workspace: Workspace, how: str) -> Workspace:
    new = workspace.root.parent / "elsewhere"
    if how == "moved":
        workspace.root.rename(new)
    else:
        shutil.copytree(workspace.root, new)
    return Workspace(new, workspace.env)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_workspace_that_has_run_may_be_moved_or_copied(here: Workspace, how: str) -> None:
    """What has completed stays completed; what is new runs in the new folder, and nothing is written to the old."""
    here.herd("run")
    old = here.root / "log"
    new = moved(here, how)
    assert set(new.statuses().values()) == {"completed"}
    new.yaml((new.root / "hyperherd.yaml").read_text().replace("[1, 2, 3]", "[1, 2, 3, 4]"))
    lines = old.read_text() if old.exists() else None
    new.herd("run")
    assert set(new.statuses().values()) == {"completed"}
    assert [index for index, _, _ in new.ran()].count(3) == 1
    assert len(new.ran()) == 4
    assert (old.read_text() if old.exists() else None) == lines


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_workspace_whose_trials_still_run_elsewhere_is_never_run_twice(
    fake: Workspace, fake_slurm: FakeSlurm, how: str
) -> None:
    """A copy knows the jobs of the original by their ids: they are shown as they are, and not submitted again."""
    fake_slurm.knobs(held=True)
    fake = Workspace(fake.root, {**fake.env, "HYPERHERD_FOLDER_WAIT_S": "1"})
    fake.herd("run")
    new = moved(fake, how)
    assert set(new.statuses().values()) == {"queued"}
    assert new.herd("run", "--json").json["submitted_indices"] == []
    fake_slurm.knobs(held=False)
    fake_slurm.wait_idle()
    assert set(new.until_ended().values()) == {"failed" if how == "moved" else "completed"}
    new.herd("run")
    assert set(new.until_ended().values()) == {"completed"}
    assert len(new.ran() if how == "moved" else fake.ran()) == 3


def test_a_workspace_through_a_link_is_the_same_workspace(here: Workspace) -> None:
    here.herd("run")
    link = here.root.parent / "link"
    link.symlink_to(here.root)
    linked = Workspace(link, here.env)
    assert set(linked.statuses().values()) == {"completed"}
    assert linked.herd("run", "--json").json["submitted_indices"] == []


@pytest.mark.parametrize("words", [("init",), ("init", "."), ("init", "-f", "--config", "nowhere.yaml")])
def test_init_never_replaces_what_is_there(here: Workspace, words: tuple[str, ...]) -> None:
    before = here.content()
    assert here.herd(*words, code=None).code in (1, 2)
    assert here.content() == before


def test_a_trial_s_name_is_the_trial_though_its_checkpoints_lie_in_a_folder_of_that_name(
    here: Workspace,
) -> None:
    (here.root / "x-2").mkdir()
    here.herd("run")
    assert here.herd("show", "x-2", "--json").json["experiment_name"] == "x-2"
    assert [t["index"] for t in here.herd("status", "x-2", "--json").json["trials"]] == [1]


def test_a_folder_that_is_neither_a_workspace_nor_a_trial_s_is_named(here: Workspace) -> None:
    (here.root / "outputs").mkdir()
    for command in ("status", "show", "res"):
        assert "outputs holds no hyperherd.yaml" in here.herd(command, "outputs", code=1).err
        assert "no hyperherd.yaml in outputs" in here.herd(command, "./outputs/", code=1).err


def test_init_in_a_place_that_is_a_file_is_said(here: Workspace, tmp_path: Path) -> None:
    done = here.herd("init", "launch.sh", code=1)
    assert "launch.sh" in done.err


def test_one_trial_is_one_trial(here: Workspace) -> None:
    here.herd("run", "-i", "0")
    here.write("[2, 3]")
    said = here.herd("run", code=1).err
    assert "no longer describes 1 trial that ran" in said and "1 trials" not in said


@pytest.mark.parametrize(
    "name",
    [
        *("20261129", "123", "1.5", "1e3", "0x1f", "0o17", "1_000", "2026-11-29", "true", "Null", "no", "y"),
        *("my_sweep", "r2", "-1", ".inf", "é", "a" * 255, "x: y", "#1"),
    ],
)
def test_what_init_writes_can_be_read_whatever_the_folder_is_called(here: Workspace, name: str) -> None:
    """By herd, as text; and by readers of YAML 1.1, to which a date is none."""
    here.herd("init", "--", name)
    line = (here.root / name / "hyperherd.yaml").read_text().splitlines()[1]
    assert re.fullmatch(r'name: ("[\w.-]+"|[A-Za-z][\w.-]*)', line)
    listed = Workspace(here.root / name, here.env).herd("ls", "--json").json
    assert len(listed["trials"]) > 1
