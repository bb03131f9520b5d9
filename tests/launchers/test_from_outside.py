"""A launcher of another package, found by its entry point: herd runs a sweep on it as on its own."""

from __future__ import annotations

import copy
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import herding
import pytest
from eventually import until

from hyperherd import Task
from hyperherd.errors import HerdError
from hyperherd.launchers.memory import MemoryLauncher

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
def herd(tmp_path: Path, site: Path) -> Iterator[Herd]:
    env = herding.environment(os.environ, tmp_path)
    env |= {"PYTHONPATH": f"{env['PYTHONPATH']}:{site}", "FOLDERQUEUE": str(tmp_path / "queue")}
    (tmp_path / "queue").mkdir()
    root = tmp_path / "sweep"
    root.mkdir()
    made = Herd(root, env, "folderqueue", "outside")
    made.describe([0, 1, 2])
    yield made
    made.go()  # what still waits ends


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


def test_a_dry_run_shows_its_script_and_submits_nothing(herd: Herd, tmp_path: Path) -> None:
    herd.launch()
    said = herd("run", "-n", "--script")
    assert "FOLDERQUEUE_JOB" in said.stdout and "nothing was written or submitted" in said.stderr
    assert not list((tmp_path / "queue").iterdir())


def test_what_it_does_not_hold_is_refused_before_anything_is_submitted(herd: Herd, tmp_path: Path) -> None:
    herd.describe([0, 1], "requeue: true\n")
    herd.launch(GATE)
    assert "the folder queue queues no trial again" in herd("run", code=1).stderr
    assert "the folder queue holds no limit of trials at once" in herd("run", "-j", "1", code=1).stderr
    assert not list((tmp_path / "queue").iterdir())
    assert "2 trials submitted as job q1" in herd("run", "--no-requeue").stderr
    other = Herd(tmp_path / "other", herd.env, herd.on, "other")
    other.root.mkdir()
    other.describe([0])
    other.launch()
    assert (
        "the folder queue waits for no other trials" in other("run", "--after", str(herd.root), code=1).stderr
    )
    assert other.started() == []
    herd.go()
    assert set(until_ended(herd).values()) == {"completed"}
    assert "1 trial submitted as job q2" in other("run", "--after", str(herd.root)).stderr


def test_it_need_not_say_which_machines_it_has(herd: Herd) -> None:
    said = herding.herd("launchers", "detect", "--on", "folderqueue", env=herd.env, folder=herd.root, code=1)
    assert "the folder queue does not say which machines it has" in said.stderr and not said.stdout


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
    unknown_to_all(herd, "submitted with folderqueue, which is not here")
    away.rename(site)
    herd.go()
    assert set(until_ended(herd).values()) == {"completed"}
    assert herd.started() == [0, 1, 2]


def unknown_to_all(herd: Herd, words: str) -> None:
    """Every command says so, shows what the files tell, and leaves the trials alone."""
    assert f"some trials were {words}" in herd("status").stderr
    assert "attempt 1, job q1_0" in herd("tail", "0").stdout
    assert words in herd("stats").stderr
    assert f"trial 1 could not be cancelled: it was {words}" in herd("stop", "--all", "--yes", code=1).stderr
    assert "Nothing was deleted" in herd("clean", "-a", "--yes", code=1).stderr
    herd("run", "--on", "local", code=None)
    assert herd.started() == [0]


def test_one_that_breaks_later_is_as_one_that_is_not_here(herd: Herd, site: Path) -> None:
    herd.launch(GATE)
    herd.submit()
    until(lambda: herd.statuses()[0] == "running", "the first one's start")
    module = site / "folderqueue/__init__.py"
    whole = module.read_text()
    module.write_text("import nowhere_at_all\n")
    unknown_to_all(herd, "submitted with folderqueue, which is not here (the launcher folderqueue cannot be")
    assert "No module named" in herd("run", code=1).stderr
    module.write_text(whole)
    herd.go()
    assert set(until_ended(herd).values()) == {"completed"}
    assert herd.started() == [0, 1, 2]


HALF = "from hyperherd.launchers.base import Launcher\nclass Half(Launcher):\n    name = 'half'\n"
WHOLE = "from folderqueue import FolderQueue\nclass Half(FolderQueue):\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all'"),
        ("import os\nos.environ['NO_SUCH_VARIABLE']\n", "KeyError: 'NO_SUCH_VARIABLE'"),
        ("raise SystemExit(0)\n", "cannot be loaded: SystemExit"),
        ("class Other: ...\n", "has no attribute 'Half'"),
        ("class Half:\n    name = 'half'\n", "it has no traits, no script, no submit, no poll, no cancel"),
        (HALF, "abstract methods"),
        (f"{WHOLE}    pass\n", "its class says name = 'folderqueue'"),
        (f"{WHOLE}    name, traits = 'half', None\n", "its traits are None, no Traits"),
    ],
    ids=[
        "it cannot be imported",
        "it needs a variable",
        "it ends its program",
        "it has no such class",
        "a class of its own lacks methods",
        "an heir lacks methods",
        "it calls itself otherwise",
        "it does not say what it is like",
    ],
)
def test_one_that_is_broken_is_one_clear_error(herd: Herd, site: Path, text: str, words: str) -> None:
    (site / "half.py").write_text(text)
    installed(site, "half", "half:Half")
    herd.launch()
    said = herd("run", "--on", "half", code=1).stderr
    assert words in said and "half" in said.lower() and "Traceback" not in said
    assert not (herd.root / ".hyperherd/manifest.json").exists()


@pytest.mark.parametrize("end", ["raise SubmissionUnknownError('no answer')", "os._exit(9)"])
def test_a_submission_whose_answer_was_lost_runs_once(herd: Herd, site: Path, end: str) -> None:
    (site / "half.py").write_text(
        "import os\nfrom hyperherd.errors import SubmissionUnknownError\n"
        f"{WHOLE}    name = 'half'\n    def submit(self, batch):\n        super().submit(batch)\n        {end}\n"
    )
    installed(site, "half", "half:Half")
    lost = Herd(herd.root, herd.env, "half", herd.name)
    lost.launch()
    lost("run", code=None)
    lost("run")
    assert set(until_ended(lost).values()) == {"completed"}
    assert lost.started() == [0, 1, 2]
    assert [record["slurm_job_id"] for record in lost.job_ids()] == ["q1"]


@pytest.mark.parametrize("words", [["--help"], ["status"]])
def test_nobody_looks_for_other_launchers_where_none_is_named(herd: Herd, words: list[str]) -> None:
    herd.launch()
    herd("run", "--on", "local", code=None)
    argv = [sys.executable, "-X", "importtime", "-m", "hyperherd", *words]
    done = herding.ran(argv, env=dict(herd.env), folder=herd.root)
    assert "hyperherd.cli.main" in done.stderr
    assert "importlib.metadata" not in done.stderr


def test_nobody_looks_for_others_where_a_shipped_one_is_not_here(herd: Herd) -> None:
    asks = "from hyperherd.launchers import shipped; print(shipped.why_absent('slurm'))"
    done = herding.ran([sys.executable, "-X", "importtime", "-c", asks], env=dict(herd.env))
    assert done.stdout == "which is not here\n"
    assert "importlib.metadata" not in done.stderr


MYQ = """\
#!/bin/bash
cd "$FOLDERQUEUE" || exit
case $1 in
  submit)
    token=$2 script=$3 id=$$
    shift 3
    for number; do echo waits >"$id $token $number"; done
    echo "$id"
    for number; do
      [[ $(<"$id $token $number") == removed ]] && continue
      echo runs >"$id $token $number"
      MYQ_JOB=$id MYQ_NUMBER=$number setsid bash "$script" & echo $! >"../pid.$id.$number"
      if wait $!; then word=done; else word=failed; fi
      [[ $(<"$id $token $number") == removed ]] || echo "$word" >"$id $token $number"
    done </dev/null >/dev/null 2>&1 &
    ;;
  list) for row in *; do [[ ! -e $row ]] || echo "$row $(<"$row")"; done ;;
  remove)
    for number in "${@:3}"; do
      for row in "$2 "*" $number"; do echo removed >"$row"; done
      [[ ! -e ../pid.$2.$number ]] || kill "$(<"../pid.$2.$number")"
    done
    ;;
esac
"""
"""The scheduler that docs/launchers.md is about."""


@pytest.fixture
def guided(herd: Herd, site: Path, tmp_path: Path) -> Herd:
    """The launcher of the guide is installed, as its reader writes it, and its scheduler is on PATH."""
    page = (Path(__file__).parents[2] / "docs/launchers.md").read_text()
    (block,) = (text for text in page.split("```") if "class MyQueue" in text)
    (site / "my_package.py").write_text(block.removeprefix("python\n"))
    installed(site, "myqueue", "my_package:MyQueue")
    program = tmp_path / "bin/myq"
    program.parent.mkdir()
    program.write_text(MYQ)
    program.chmod(0o755)
    path = f"{program.parent}:{herd.env['PATH']}"
    return Herd(herd.root, {**herd.env, "PATH": path}, "myqueue", herd.name)


def test_the_launcher_of_the_guide_runs_a_sweep(guided: Herd) -> None:
    guided.launch("[[ $1 != *x=1 ]] || exit 4")
    assert "3 trials submitted as job" in guided("run").stderr
    assert until_ended(guided) == {0: "completed", 1: "failed", 2: "completed"}


def test_the_launcher_of_the_guide_stops_what_runs_and_what_waits(guided: Herd) -> None:
    guided.launch(GATE)
    guided.submit()
    until(lambda: guided.statuses()[0] == "running", "the first one's start")
    guided("stop", "--all", "--yes")
    guided.go()
    assert set(until_ended(guided).values()) == {"cancelled"}
    assert guided.started() == [0]


def test_the_launcher_of_the_guide_needs_its_program(guided: Herd) -> None:
    guided.launch()
    bare = Herd(guided.root, {**guided.env, "PATH": os.environ["PATH"]}, "myqueue", guided.name)
    assert "my queue's myq is not on PATH" in bare("run", code=1).stderr


class Plain:
    """It inherits nothing, and has what is needed alone."""

    name = "plain"

    def __init__(self) -> None:
        self._queue = MemoryLauncher()
        self.traits = self._queue.traits
        self.script, self.submit = self._queue.script, self._queue.submit
        self.poll, self.cancel, self.run_all = self._queue.poll, self._queue.cancel, self._queue.run_all


def test_a_class_that_inherits_nothing_runs_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    queue: Any = Plain()
    task = Task("true").submit(queue)
    assert task.state() == "queued"
    queue.run_all()
    assert (task.wait(timeout_s=10), task.state()) == (0, "completed")
    assert copy.copy(task.launcher).name == "plain"


def test_a_class_that_lacks_methods_is_told_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    class Executor:
        def submit(self) -> None: ...

    lacking: Any = Executor()
    with pytest.raises(HerdError, match="it has no name, no traits, no script, no poll, no cancel"):
        Task("true").submit(lacking)
    assert not (tmp_path / ".hyperherd").exists()
