"""The JSON Schema that editors use is the one that is made from the models, and agrees with the reader."""

from __future__ import annotations

import importlib.resources
import json

import jsonschema
import pytest

from hyperherd.config import schema

GOOD = {
    "name": "x",
    "launcher": "launch.sh",
    "grid": "all",
    "parameters": {
        "lr": {"type": "continuous", "low": 1e-5, "high": 1, "scale": "log", "steps": 4, "default": 0.1},
        "opt": ["adam", "sgd"],
        "seed": "range(0,5)",
        "d": {"type": "discrete", "values": [[1], {"a": 1}], "labels": ["a", "b"], "default": [1]},
    },
    "zip": [["opt", "d"]],
    "conditions": [
        {"name": "a", "when": {"opt": "sgd", "expr": "lr > 1"}, "exclude": True},
        {"when": {"lr": {"gt": 0.1}, "opt": ["adam"]}, "force": {"opt": "sgd"}, "set": {"x": {"expr": "lr"}}},
        {"when": {"lr": 0.1}, "exclude": {"opt": ["adam"]}},
    ],
    "static_overrides": ["a=1"],
    "slurm": {
        "partition": "gpu",
        "time": 60,
        "exclusive": True,
        "max_concurrent": 3,
        "extra_args": ["--hold"],
    },
    "requeue": False,
}


def valid(content: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema.make()).is_valid(content))


def test_the_shipped_schema_is_the_one_that_is_generated() -> None:
    shipped = importlib.resources.files("hyperherd").joinpath("schema.json").read_text(encoding="utf-8")
    assert shipped == schema.text(), "python -m hyperherd.config.schema > src/hyperherd/schema.json"
    jsonschema.Draft202012Validator.check_schema(json.loads(shipped))


def test_what_herd_reads_is_valid() -> None:
    assert valid(GOOD)
    assert valid({**{k: v for k, v in GOOD.items() if k != "grid"}, "sample": {"n": 3, "method": "sobol"}})
    full = {
        "after": ["timeout", "oom"],
        "signal": "USR1@60",
        "mem": "x1.5",
        "max_mem": "200G",
        "max_restarts": 3,
    }
    assert all(valid({**GOOD, "requeue": requeue}) for requeue in (True, None, {}, full))
    assert valid({**GOOD, "grid": ["opt"], "conditions": None, "slurm": None})
    assert valid({**GOOD, "constraints": GOOD["conditions"], "hydra": {"static_overrides": ["a=1"]}})


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"name": 1},
        {"grid": "al"},
        {"parameters": {}},
        {"parameters": {"a": 1}},
        {"parameters": {"a": {"type": "discret", "values": [1]}}},
        {"parameters": {"a": {"type": "continuous", "low": 1, "high": 2, "steps": 0}}},
        {"conditions": [{"when": {"a": {"gte": 1}}, "exclude": True}]},
        {"conditions": [{"exclude": True}]},
        {"slurm": {"partition": 1.5}},
        {"sample": {"n": 0}},
        {"compute": 3},
        {"requires": ["duration=4h"]},
        {"requeue": "yes"},
        {"requeue": {"after": ["time"]}},
        {"requeue": {"max_timeouts": -1}},
        {"requeue": {"mem": 1.5}},
    ],
)
def test_what_herd_refuses_is_not_valid(change: dict[str, object]) -> None:
    assert not valid({**GOOD, **change})
