"""``hyperherd.Sweep``: what the commands do, from Python, on this machine, a fake Slurm and a real one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import herding
import pytest
from eventually import until
from exactly_once.sweeps import GATE
from fakeslurm.fixture import FakeSlurm

from hyperherd import Sweep
from hyperherd.errors import HerdError

from .conftest import here, on_the_fake_slurm

YAML = "name: s\nlauncher: launch.sh\ngrid: all\nparameters: {x: [1, 2, 4]}\n"
LOGS = f"""\
{sys.executable} - $1 <<'END'
from hyperherd import log_result, parse_overrides
x = parse_overrides()["x"]
log_result("loss", 1, step=1)
log_result("loss", 1 / x, step=2)
if x < 4:
    log_result("acc", x / 10)
END
"""


@pytest.fixture
def sweep(surroundings: FakeSlurm | None) -> Sweep:
    """A sweep of three trials in the current folder, whose launch script logs."""
    Path("hyperherd.yaml").write_text(YAML)
    script(LOGS)
    return Sweep()


def script(body: str) -> None:
    Path("launch.sh").write_text(f"#!/bin/bash\n{body}")
    Path("launch.sh").chmod(0o755)


def test_a_sweep_is_run_waited_for_and_read(sweep: Sweep, place: str) -> None:
    assert sweep.trials == []
    assert sweep.run(max_concurrent=2, on="local" if place == "local" else "auto") == [0, 1, 2]
    assert sweep.wait() == dict.fromkeys(range(3), "completed")
    assert sweep.trials == json.loads(herding.herd("status", "--json").stdout)["trials"]
    two = {"trial_id": 1, "experiment_name": "x-2", "x": 2, "acc": 0.2, "loss": 0.5, "status": "completed"}
    assert sweep.results("2", "0-1", frame="rows") == [
        {"trial_id": 2, "experiment_name": "x-4", "x": 4, "acc": None, "loss": 0.25, "status": "completed"},
        {"trial_id": 0, "experiment_name": "x-1", "x": 1, "acc": 0.1, "loss": 1.0, "status": "completed"},
        two,
    ]
    assert sweep.results("x-2", frame="rows") == sweep.results(where="x == 2", frame="rows") == [two]
    assert (sweep.best("acc"), sweep.best("nothing")) == (two, None)
    assert (sweep.best("acc", "min") or {})["x"] == 1
    with Path("hyperherd.yaml").open("a") as file:
        file.write("\nmetric: {name: loss, mode: min, at: best}\n")
    assert (sweep.best() or {})["trial_id"] == min(sweep.results(frame="rows"), key=lambda row: row["loss"])[
        "trial_id"
    ]
    rows = [
        (row["trial_id"], row["step"], row["metric"], row["value"]) for row in sweep.streams(1, frame="rows")
    ]
    assert rows == [(1, 1, "loss", 1), (1, 2, "loss", 0.5)]
    assert str(sweep).endswith("3 trials: 3 completed") and repr(sweep) == f"Sweep({str(Path.cwd())!r})"
    shown = sweep._repr_html_()
    assert "3 done" in shown and "<th>loss ↓</th>" in shown and "<td>★ 2</td>" in shown
    assert (
        list(sweep.results(frame="pandas")["loss"])
        == list(sweep.results(frame="polars")["loss"])
        == [1, 0.5, 0.25]
    )
    assert list(sweep.settings(over=["x"], frame="pandas")["n"]) == [3]


@here
def test_what_has_completed_runs_again_only_where_it_is_named_and_forced(sweep: Sweep) -> None:
    script("true")
    sweep.run(on="local")
    sweep.wait()
    assert sweep.run(on="local") == sweep.run(on="local", trials=[1]) == []
    assert sweep.run(on="local", trials=[1], force=True) == [1]
    sweep.wait()
    assert [trial["attempt"] for trial in sweep.trials] == [1, 2, 1]


def test_trials_are_stopped_by_name_and_all(sweep: Sweep, place: str) -> None:
    script(GATE.replace("$HYPERHERD_WORKSPACE/", ""))
    sweep.run(on="local" if place == "local" else "slurm")
    assert sweep.stop("x-2") == [1]
    until(lambda: sweep.trials[1]["status"] == "cancelled", "trial 1 to end")
    assert sweep.stop() == [0, 2]
    assert sweep.wait() == dict.fromkeys(range(3), "cancelled")
    assert sweep.stop() == []


@on_the_fake_slurm
def test_a_slurm_that_does_not_answer_is_a_warning_and_stops_what_must_know(
    sweep: Sweep, surroundings: FakeSlurm
) -> None:
    sweep.run()
    sweep.wait()
    script("exit 3")
    assert sweep.run(trials=[0], force=True) == [0]
    surroundings.controller_down()
    with pytest.warns(UserWarning, match="Unable to contact slurm controller"):
        assert len(sweep.trials) == 3
    with pytest.raises(HerdError, match="Unable to contact slurm controller"):
        sweep.stop()


@here
@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda sweep: sweep.results(7), "no trial 7"),
        (lambda sweep: sweep.results(where="lr > 1"), "lr"),
        (lambda sweep: sweep.best("acc", "most"), "max or min"),
        (lambda sweep: sweep.best(), "by which metric"),
        (lambda sweep: sweep.run(on="nowhere"), "no such place"),
        (lambda sweep: sweep.run(on="local", trials=[9]), "no trial 9"),
        (lambda sweep: Sweep("launch"), "launch"),
    ],
)
def test_what_the_commands_refuse_is_refused(sweep: Sweep, do: Callable[[Sweep], object], said: str) -> None:
    with pytest.raises(HerdError, match=said):
        do(sweep)
    assert not Path(".hyperherd/manifest.json").exists()
