"""A launcher of another package, found by its entry point: herd runs a sweep on it as on its own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import herding
import pytest
from eventually import until

from .herd import GATE, Herd

PACKAGE = Path(__file__).with_name("outside") / "folderqueue"


def installed(site: Path, name: str, target: str) -> None:
    """What pip leaves of a distribution with one entry point."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[hyperherd.launchers]\n{name} = {target}\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site / "folderqueue")
    installed(site, "folderqueue", "folderqueue:FolderQueue")
    return site


@pytest.fixture
def herd(tmp_path: Path, site: Path) -> Herd:
    env = herding.environment(os.environ, tmp_path)
    env |= {"PYTHONPATH": f"{env['PYTHONPATH']}:{site}", "FOLDERQUEUE": str(tmp_path / "queue")}
    (tmp_path / "queue").mkdir()
    root = tmp_path / "sweep"
    root.mkdir()
    made = Herd(root, env, "folderqueue", "outside")
    made.describe([0, 1, 2])
    return made


def until_ended(herd: Herd) -> dict[int, str]:
    live = {"submitted", "queued", "running"}
    until(lambda: not live & set(herd.statuses().values()), "the end of all trials")
    return herd.statuses()


def test_a_sweep_runs_on_it_and_what_failed_runs_again_there(herd: Herd) -> None:
    herd.launch('[[ $1 != *x=1 || -e "$HYPERHERD_WORKSPACE/mended" ]] || { echo no such file >&2; exit 4; }')
    said = herd("run").stderr
    assert "3 trials submitted as job q1" in said
    assert until_ended(herd) == {0: "completed", 1: "failed", 2: "completed"}
    assert herd.trials()[1]["reason"] == "exit 4"
    assert "no such file" in herd("tail", "1").stdout
    assert herd("stats").stdout.splitlines()[2].split()[:3] == ["1", "x-1", "FAILED"]
    (herd.root / "mended").touch()
    assert "1 trial submitted as job q2" in herd("run").stderr
    assert set(until_ended(herd).values()) == {"completed"}
    assert herd.started() == [0, 1, 1, 2]
    herd("clean", "-a", "--yes")
    assert not (herd.root / ".hyperherd").exists()


def test_what_runs_and_what_waits_can_be_stopped(herd: Herd) -> None:
    herd.launch(GATE)
    herd.submit()
    until(lambda: herd.statuses()[0] == "running", "the first one's start")
    assert herd.trials()[1]["reason"] == "others are before it"
    herd("stop", "--all", "--yes")
    herd.go()
    assert set(until_ended(herd).values()) == {"cancelled"}
    assert herd.started() == [0]


def test_it_is_offered_where_a_name_is_not_known(herd: Herd) -> None:
    herd.launch()
    said = herd("run", "--on", "folderqeue", code=2).stderr
    assert "--on folderqeue: no such place" in said and "folderqueue" in said
    assert "local, slurm, folderqueue or auto" in herd("run", "--on", "xyz", code=2).stderr


def test_without_it_nothing_can_be_said_of_its_trials_and_nothing_is_lost(herd: Herd, site: Path) -> None:
    herd.launch(GATE)
    herd.submit()
    until(lambda: herd.statuses()[0] == "running", "the first one's start")
    away = site.with_name("away")
    site.rename(away)
    said = herd("status")
    assert "some trials were submitted with folderqueue, which is not here" in said.stdout + said.stderr
    herd("run", "--on", "local", code=None)
    assert herd.started() == [0]
    away.rename(site)
    herd.go()
    assert set(until_ended(herd).values()) == {"completed"}
    assert herd.started() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all'"),
        ("class Half:\n    name = 'half'\n", "it has no traits, no script, no submit, no poll, no cancel"),
        (
            "from hyperherd.launchers.base import Launcher\nclass Half(Launcher):\n    name = 'half'\n",
            "abstract methods",
        ),
    ],
    ids=["it cannot be imported", "a class of its own lacks methods", "an heir lacks methods"],
)
def test_one_that_is_broken_is_one_clear_error(herd: Herd, site: Path, text: str, words: str) -> None:
    (site / "half.py").write_text(text)
    installed(site, "half", "half:Half")
    herd.launch()
    said = herd("run", "--on", "half", code=1).stderr
    assert words in said and "half" in said
    assert not (herd.root / ".hyperherd/manifest.json").exists()


@pytest.mark.parametrize("words", [["--help"], ["status"]])
def test_nobody_looks_for_other_launchers_where_none_is_named(herd: Herd, words: list[str]) -> None:
    herd.launch()
    argv = [sys.executable, "-X", "importtime", "-m", "hyperherd", *words]
    done = herding.ran(argv, env=dict(herd.env), folder=herd.root, code=None)
    assert "hyperherd.cli.main" in done.stderr
    assert "importlib.metadata" not in done.stderr
