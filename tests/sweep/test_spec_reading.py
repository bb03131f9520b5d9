"""What a right hyperherd.yaml becomes: every form of every key."""

from __future__ import annotations

import pytest

from hyperherd.config import about, parse
from hyperherd.jobs import Requeue
from hyperherd.sweep import spec
from hyperherd.sweep.metrics import About, Metric
from hyperherd.sweep.spec import Growth

HEAD = "name: x\nlauncher: launch.sh\n"


def parameter(text: str) -> spec.Parameter:
    return parse.spec(HEAD + f"grid: all\nparameters:\n  p: {text}\n").parameters[0]


def test_a_whole_file_is_read() -> None:
    made = parse.spec(
        """
        name: resnet sweep
        launcher: ./launch.sh
        grid: [lr, opt]
        slurm:
          partition: gpu
          time: 04:00:00
          mem: 8G
          cpus_per_task: 4
          exclusive: true
          qos: null
          max_concurrent: 8
          extra_args: [--mail-type=END]
        requeue: false
        static_overrides: [data.root=/scratch/imagenet]
        parameters:
          lr: {type: continuous, low: 1e-4, high: 1e-2, scale: log, steps: 3}
          opt: {type: discrete, values: [adam, sgd], abbrev: o}
          model.depth: {type: discrete, values: [18, 50], labels: [small, big], default: 50}
        conditions:
          - name: no fast sgd
            when: {opt: sgd, expr: lr > 5e-3}
            exclude: true
        """
    )
    assert made.name == "resnet sweep"
    assert made.launcher == "./launch.sh"
    assert made.grid == ("lr", "opt")
    assert made.slurm == {
        "partition": "gpu",
        "time": "04:00:00",
        "mem": "8G",
        "cpus_per_task": 4,
        "exclusive": True,
        "qos": None,
    }
    assert (made.max_concurrent, made.extra_args) == (8, ("--mail-type=END",))
    assert made.static_overrides == ("data.root=/scratch/imagenet",)
    assert [p.values for p in made.parameters] == [(0.0001, 0.001, 0.01), ("adam", "sgd"), (18, 50)]
    assert [p.abbrev for p in made.parameters] == ["lr", "o", "model.depth"]
    assert made.parameters[2].labels == ("small", "big")
    assert made.defaults == {"model.depth": 50}
    assert [c.name for c in made.conditions] == ["no fast sgd"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[1, 1.0, '1', true, null, [1, 2], {a: 1}]", (1, 1.0, "1", True, None, [1, 2], {"a": 1})),
        ("range(0,5)", (0, 1, 2, 3, 4)),
        ("'range(0,1,0.25)'", (0.0, 0.25, 0.5, 0.75)),
        ("adam,sgd", ("adam", "sgd")),
        ("choice(a,1)", ("a", 1)),
        ("{type: discrete, values: 'range(1,4)', abbrev: q}", (1, 2, 3)),
        ("{type: continuous, low: 0, high: 1}", (0.0, 0.25, 0.5, 0.75, 1.0)),
    ],
)
def test_each_form_of_a_parameter_has_its_values(text: str, values: tuple[object, ...]) -> None:
    found = parameter(text).values
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_a_default_has_the_type_of_the_value_that_is_meant() -> None:
    assert repr(parameter("{type: discrete, values: [1.0, 2.0], default: 1}").default) == "1.0"
    assert repr(parameter("{type: discrete, values: [1, 1.0], default: 1.0}").default) == "1.0"
    assert repr(parameter("{type: continuous, low: 0, high: 4, default: 1}").default) == "1.0"


def test_null_is_a_default_where_it_is_a_value_and_none_elsewhere() -> None:
    assert parameter("{type: discrete, values: [null, 1], default: null}").default is None
    assert parameter("{type: discrete, values: [0, 1], default: null}").default is spec.MISSING


def test_a_name_without_hydras_prefix_stands_in_trial_names() -> None:
    made = parse.spec(HEAD + "grid: all\nparameters: {+model.depth: [1]}\n")
    assert made.parameters[0].abbrev == "model.depth"


def test_constraints_are_conditions() -> None:
    body = "[{name: a, when: {lr: 1}, force: {lr: 2}}]\n"
    head = HEAD + "grid: all\nparameters: {lr: [1, 2]}\n"
    assert (
        parse.spec(head + f"constraints: {body}").conditions
        == parse.spec(head + f"conditions: {body}").conditions
    )


def test_overrides_of_the_older_place_come_first() -> None:
    made = parse.spec(
        HEAD
        + "grid: all\nparameters: {lr: [1]}\nhydra: {static_overrides: [a=1, b=1]}\nstatic_overrides: [a=2]\n"
    )
    assert made.static_overrides == ("a=1", "b=1", "a=2")


@pytest.mark.parametrize(
    "text, requeue, growth",
    [
        ("false", None, Growth()),
        ("true", Requeue(("timeout", "preemption", "node_fail", "exit75"), 10, 20, "USR2", 120), Growth()),
        ("{after: [timeout], max_timeouts: 0}", Requeue(("timeout",), max_timeouts=0), Growth()),
        (
            "{max_restarts: 3, signal: SIGUSR1@60}",
            Requeue(max_restarts=3, signal="USR1", notice_s=60),
            Growth(),
        ),
        ("{signal: term}", Requeue(signal="TERM", notice_s=120), Growth()),
        (
            "{mem: x1.5, max_mem: 200G, time: x2, max_time: 2-00:00:00}",
            Requeue(("timeout", "preemption", "node_fail", "oom", "exit75")),
            Growth(1.5, 2.0, 200 * 2**30, 2 * 86400.0),
        ),
    ],
)
def test_requeue_is_read_in_all_its_forms(text: str, requeue: Requeue | None, growth: Growth) -> None:
    made = parse.spec(HEAD + "grid: all\nparameters: {lr: [1]}\nrequeue: " + text)
    assert (made.requeue, made.growth) == (requeue, growth)


def test_optional_keys_with_nothing_behind_them_are_absent() -> None:
    keys = ("sample", "zip", "conditions", "static_overrides", "hydra", "slurm", "compute", "requeue")
    made = parse.spec(HEAD + "grid: all\nparameters: {lr: [1]}\n" + "".join(f"{key}:\n" for key in keys))
    assert made == parse.spec(HEAD + "grid: all\nparameters: {lr: [1]}\n")


def test_a_spec_of_ten_thousand_values_is_read() -> None:
    values = "".join(f"    - {i / 7}\n" for i in range(10_000))
    assert len(parameter("range(0,10000)").values) == 10_000
    made = parse.spec(HEAD + "grid: all\nparameters:\n  p:\n" + values)
    assert made.parameters[0].values[7] == 1.0
    assert len(made.parameters[0].values) == 10_000


@pytest.mark.parametrize(
    "text, metrics",
    [
        ("", ()),
        ("acc", (Metric("acc"),)),
        ("{name: val/loss, mode: min, at: best}", (Metric("val/loss", "min", "best"),)),
        ("[acc, {name: loss, mode: min}]", (Metric("acc"), Metric("loss", "min"))),
    ],
)
def test_metric_is_read_in_all_its_forms_and_from_the_text_alone(
    text: str, metrics: tuple[Metric, ...]
) -> None:
    whole = HEAD + "grid: all\nparameters: {lr: [1]}\nmetric: " + text + "\n"
    assert parse.spec(whole).metrics == about.of_text(whole).metrics == metrics


def test_abbreviations_and_repeats_are_read_from_the_text_alone() -> None:
    text = (
        "repeat: {seed: 3}\nparameters:\n  optimizer: {type: discrete, values: [a], abbrev: opt}\n  lr: [1]\n"
    )
    assert about.of_text(HEAD + text) == About((), ("seed",), abbrevs={"optimizer": "opt"})
    assert about.of_text(HEAD + text + "  lr: [2]\n") == About()  # the same key twice is no YAML


@pytest.mark.parametrize(
    "text",
    [
        "loss",
        "{nam: a}",
        "3",
        "[a, a]",
        "{name: a",
        "[]",
        "{name: a, mode: maximize}",
        "{name: [a]}",
        "{name: a, at: first}",
    ],
)
def test_a_metric_with_a_fault_is_none_to_those_who_only_look(text: str) -> None:
    assert about.of_text(HEAD + "metric: " + text).metrics == ()
