"""The sweep of ``make demo``, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import herding
import pytest

pytest.importorskip("sklearn")
pytestmark = pytest.mark.xdist_group("quickstart")  # the sweep of the fixture is run once, by one worker

EXAMPLE = Path(__file__).parents[1] / "examples/quickstart"
ENVIRON = {**os.environ, "QUICKSTART_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
TRIALS = 28


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart after ``herd run``; tests only read it, or run it again."""
    folder = tmp_path_factory.mktemp("demo") / "quickstart"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".hyperherd", "outputs"))
    herd("run", folder, "--on", "local")
    return folder


def herd(command: str, workspace: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return herding.herd(command, workspace, *options, before=herding.ANEW, env=ENVIRON, limit_s=300)


def train(folder: Path, overrides: str) -> dict[str, Any]:
    """Run the trainer alone; return its final metrics."""
    results = folder / "results/0"
    env = {**ENVIRON, "HYPERHERD_TRIAL_NAME": "alone", "HYPERHERD_RESULTS": str(results)}
    done = herding.ran([sys.executable, EXAMPLE / "train.py", overrides], folder=folder, env=env)
    metrics: dict[str, Any] = json.loads(results.with_suffix(".json").read_text())
    return {**metrics, "resumed": "resumed" in done.stdout}


def test_every_trial_completes(workspace: Path) -> None:
    totals = json.loads(herd("status", workspace, "--json").stdout)["totals"]
    assert totals == {"total": TRIALS, "completed": TRIALS}


def test_a_second_run_has_nothing_to_do(workspace: Path) -> None:
    again = herd("run", workspace, "--on", "local", "--json")
    assert json.loads(again.stdout)["submitted_indices"] == []


def test_the_table_of_results_is_best_first(workspace: Path) -> None:
    lines = herd("res", workspace, "--sort", "accuracy", "--format", "tsv").stdout.splitlines()
    column = lines[0].split("\t").index("accuracy")
    accuracies = [float(line.split("\t")[column]) for line in lines[1:]]
    assert len(accuracies) == TRIALS
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.95


def test_each_condition_did_its_work(workspace: Path) -> None:
    manifest = json.loads((workspace / ".hyperherd/manifest.json").read_text())
    rates = {(trial["params"]["optimizer"], trial["params"]["learning_rate"]) for trial in manifest}
    assert ("sgd", 0.1) in rates
    assert ("adam", 0.1) not in rates
    momenta = {(trial["params"]["optimizer"], trial["extras"].get("momentum")) for trial in manifest}
    assert momenta == {("sgd", 0.9), ("adam", None)}


def test_each_epoch_is_in_the_streams(workspace: Path) -> None:
    rows = json.loads(herd("res", workspace, "--steps", "--json").stdout)["rows"]
    epochs = [row["step"] for row in rows if row["trial_id"] == 0 and row["metric"] == "loss"]
    assert epochs == list(range(20))


def test_a_training_that_was_cut_off_ends_on_the_numbers_of_one_that_was_not(tmp_path: Path) -> None:
    overrides = "optimizer=sgd momentum=0.9 learning_rate=0.1 hidden=16 batch_size=128 seed=0"
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    straight.mkdir()
    cut.mkdir()
    whole = train(straight, f"{overrides} epochs=6")
    train(cut, f"{overrides} epochs=2")
    rest = train(cut, f"{overrides} epochs=6")
    assert rest.pop("resumed") and not whole.pop("resumed")
    assert rest == whole
