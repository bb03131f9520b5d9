"""What ``herd show`` and ``resolve-overrides`` tell of one trial."""

from __future__ import annotations

from typing import Any

import herding

from .conftest import here
from .herd import Herd

STATIC = "static_overrides: [data=small]\n"


def shown(herd: Herd, trial: int) -> dict[str, Any]:
    document: dict[str, Any] = herd.json("show", str(trial))
    return document


def resolved(herd: Herd, trial: int) -> str:
    words = ("resolve-overrides", ".hyperherd/manifest.json", str(trial))
    done = herding.herd(*words, folder=herd.root, env=herd.env)
    return done.stdout.strip()


def test_each_attempt_says_why_it_ended_so(herd: Herd) -> None:
    herd.describe([1])
    herd.launch("exit $((4 - HYPERHERD_ATTEMPT))")
    herd("run", "--wait", code=3)
    herd("run", "--wait", code=3)
    herd.launch()
    herd("run", "--wait")
    assert [one["reason"] for one in shown(herd, 0)["attempts"]] == ["exit 3", "exit 2", None]


@here
def test_the_environment_is_that_of_the_attempt(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch('export -p >"environment.$HYPERHERD_TRIAL_ID.$HYPERHERD_ATTEMPT"; exit 1')
    for attempt in (1, 2):
        herd("run", code=3)
        told = shown(herd, 1)["environment"]
        assert (told["HYPERHERD_ATTEMPT"], told["SLURM_ARRAY_TASK_ID"]) == (str(attempt), "1")
        exported = (herd.root / f"environment.1.{attempt}").read_text()
        assert all(f"declare -x {name}=" in exported for name in told)


def test_a_trial_that_was_not_submitted_yet_says_what_it_will_be_given(herd: Herd) -> None:
    herd.describe([1, 2], STATIC)
    herd.launch()
    herd("run", "--wait", "-i", "0")
    argument = "experiment_name=x-2 x=2 data=small"
    told = shown(herd, 1)
    assert told["command"] == ["bash", str(herd.root / "launch.sh"), argument]
    assert told["environment"]["HYPERHERD_ATTEMPT"] == "1"
    assert resolved(herd, 1) == argument
    assert resolved(herd, 0) == argument.replace("2", "1")
