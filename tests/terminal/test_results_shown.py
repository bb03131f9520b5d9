"""What ``res`` and the end of a run say of the best trial, and that all say the same."""

from __future__ import annotations

import json
import re
import sys

import pytest

from .conftest import Home

TRAIN = f"""\
exec {sys.executable} - "$1" <<'END'
import os, sys
from hyperherd import log_result, parse_overrides
x = parse_overrides()["x"]
if x == 4:
    sys.exit("no such thing as 4")
for step in range(5):
    log_result("score", x * (1 - abs(step - 2) / 10), step=step)
    log_result("loss", 1 / x, step=step)
log_result("final", x)
os.makedirs(os.environ["HYPERHERD_TRIAL_DIR"])
END
"""


@pytest.fixture
def home_with_results(home: Home) -> Home:
    root = home.sweep("[1, 2, 3, 4]", TRAIN, "a")
    with (root / "hyperherd.yaml").open("a") as file:
        file.write("metric: {name: score, at: best}\n")
    ran = home.run("run", root, "--on", "local")
    assert ran.returncode == 3
    assert "  3: failed (exit 1)  x-4\n      no such thing as 4\n" in ran.stderr
    assert "best: trial 2, score 3 ↑  (x 3)" in ran.stderr
    return home


def test_the_best_comes_first_on_a_terminal_and_by_number_in_a_pipe(home_with_results: Home) -> None:
    home, root = home_with_results, home_with_results.folder / "a"
    rows = [line.split() for line in home.seen("res", root).lines]
    assert rows[0] == ["trial", "status", "x", "score", "↑", "final", "loss"]
    assert [row[:2] if row[0] == "★" else row[0] for row in rows[1:5]] == [["★", "2"], "1", "0", "3"]
    piped = [line.split("\t") for line in home.run("res", root).stdout.splitlines()]
    assert [row[0] for row in piped] == ["trial_id", "0", "1", "2", "3"]
    assert (piped[0][-1], piped[3][3]) == ("status", "3.0")
    last = [line.split("\t") for line in home.run("res", root, "--last").stdout.splitlines()]
    assert last[3][3] == "2.4000000000000004"


def test_the_best_with_its_command_and_folder(home_with_results: Home) -> None:
    home, root = home_with_results, home_with_results.folder / "a"
    shown = home.run("res", root, "--best", "1", "--format", "table").stdout
    assert f"bash {root}/launch.sh 'experiment_name=x-3 x=3'" in shown
    assert f"{root}/outputs/x-3" in shown and "x-2" not in shown
    assert f"{root}/outputs/x-3" in home.run("show", root, "2").stdout
    by_loss = json.loads(home.run("res", root, "--best", "2", "--sort", "-final", "--json").stdout)
    assert ([trial["index"] for trial in by_loss["trials"]], by_loss["best"]) == ([0, 1], 0)


def test_several_sweeps_are_one_table(home_with_results: Home) -> None:
    home, first = home_with_results, home_with_results.folder / "a"
    second = home.sweep("[5]", TRAIN, "b")
    with (second / "hyperherd.yaml").open("a") as file:
        file.write("metric: {name: score, at: best}\n")
    assert home.run("run", second, "--on", "local").returncode == 0
    lines = home.run("res", first, second, "--format", "table").stdout.splitlines()
    assert [re.split(" +", line.strip())[:2] for line in lines[1:]] == [
        ["b", "0"],
        ["a", "2"],
        ["a", "1"],
        ["a", "0"],
        ["a", "3"],
    ]
    piped = [line.split("\t") for line in home.run("res", first, second).stdout.splitlines()]
    assert (piped[0][0], piped[0][-1], len(piped)) == ("sweep", "status", 6)
    told = json.loads(home.run("res", first, second, "--json").stdout)["sweeps"]
    assert [(one["sweep_name"], one["best"]) for one in told] == [("a", 2), ("b", 0)]


def test_the_best_of_a_sweep_that_is_about_nothing_is_asked_back(home: Home) -> None:
    root = home.sweep("[1]", "true\n")
    done = home.run("res", root, "--best", "1")
    assert done.returncode == 2 and "by which metric?" in done.stderr
