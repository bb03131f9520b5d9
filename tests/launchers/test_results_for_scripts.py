"""What ``herd res`` tells scripts, such as those that read HyperHerd 0.1.3's columns."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import herds
from .herd import Herd

# The sweep of the fixture is run once, by one worker.
pytestmark = pytest.mark.xdist_group("results-for-scripts")

TRAINER = f"""\
{sys.executable} - "$1" <<'END'
from hyperherd import log_result, parse_overrides
lr = parse_overrides()["lr"]
for step in range(2):
    log_result("val_loss", step - lr, step=step)
log_result("acc", lr / 3)
log_result("status", "success")
END
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Herd]:
    """Three trials on this machine, each with a final metric, one called status, and a stream."""
    with herds(tmp_path_factory.mktemp("results"), "local", lambda: None) as make:
        herd: Herd = make()
        herd.yaml("grid: all\nparameters:\n  lr: [0.1, 0.3, 0.2]\n  opt: [sgd]\n")
        (herd.root / "launch.sh").write_text(TRAINER)
        herd("run")
        yield herd


def rows(ran: Herd, *options: str, delimiter: str = "\t") -> list[dict[str, str]]:
    return list(csv.DictReader(ran("res", *options).stdout.splitlines(), delimiter=delimiter))


def test_through_a_pipe_the_columns_are_those_of_0_1_3_and_the_status_last(ran: Herd) -> None:
    told = rows(ran)
    assert list(told[0]) == ["trial_id", "experiment_name", "lr", "opt", "acc", "status", "trial_status"]
    assert [(row["trial_id"], row["experiment_name"], row["lr"]) for row in told][1] == (
        "1",
        "lr-0.3_opt-sgd",
        "0.3",
    )
    assert (told[0]["status"], told[0]["trial_status"]) == ("success", "completed")
    assert (Path(ran.root) / ".hyperherd/results/0.json").exists()


def test_steps_through_a_pipe_are_csv_with_timestamps_as_0_1_3_writes_them(ran: Herd) -> None:
    told = rows(ran, "--steps", "0", delimiter=",")
    assert list(told[0]) == ["trial_id", "step", "metric", "timestamp", "value"]
    assert [(r["trial_id"], r["step"], r["metric"], r["value"]) for r in told] == [
        ("0", "0", "val_loss", "-0.1"),
        ("0", "1", "val_loss", "0.9"),
    ]
    times = [row["timestamp"] for row in ran.json("res", "--steps")["rows"]] + [told[0]["timestamp"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)


def test_sorting_by_a_metric_that_was_only_streamed_takes_its_last_values_and_says_so(ran: Herd) -> None:
    done = ran("res", "--sort", "val_loss")
    told = list(csv.DictReader(done.stdout.splitlines(), delimiter="\t"))
    assert [(row["trial_id"], row["val_loss"]) for row in told] == [("0", "0.9"), ("2", "0.8"), ("1", "0.7")]
    assert "val_loss was logged with steps alone" in done.stderr
    assert "did you mean 'val_loss'?" in ran("res", "--sort", "val_los", code=2).stderr


def test_steps_are_told_in_the_order_of_the_trials_that_was_asked_for(ran: Herd) -> None:
    told = rows(ran, "--steps", "--sort", "acc", delimiter=",")
    assert list(dict.fromkeys(row["trial_id"] for row in told)) == ["1", "2", "0"]
