"""Faults of hyperherd.yaml as the command line shows them: all of them, with line and path, and nothing is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .workspaces import Workspace

HEAD = "name: days\nlauncher: launch.sh\ngrid: all\n"
TWO = HEAD + "parameters:\n  lr: [0.1, 0.01]\n  opt: [adam, sgd]\n"
CONDITION = TWO + "conditions:\n  - name: c\n    when: {%s}\n    exclude: true\n"
EXPRESSION = CONDITION % 'expr: "%s"'

COMMANDS = [
    ("run",),
    ("run", "--dry-run"),
    ("run", "--json", "--on", "local"),
    ("ls",),
    ("ls", "--json"),
    ("test",),
    ("test", "--cfg-job", "--all"),
]

FAULTS: dict[str, tuple[str, Any]] = {
    "three mistakes": (
        "name: a/b\nlauncher: launch.sh\ngird: all\nparameters:\n  lr: {type: continuous, low: 1, high: x, steps: 3}\n",
        [(1, "name"), (3, "gird: unknown key"), (5, "parameters.lr.high")],
    ),
    "bad YAML": (HEAD + "parameters:\n  lr: [0.1, 0.01\n", [(6, "")]),
    "a tab for blanks": (HEAD + "parameters:\n\tlr: [0.1]\n", [(5, "")]),
    "a key that stands twice": (HEAD + "parameters:\n  lr: [1]\n  lr: [2]\n", [(6, "lr")]),
    "wrong types": (
        HEAD + "parameters: {lr: 3}\nslurm: fast\nstatic_overrides: {a: 1}\nconditions: yes please\n",
        [(4, "parameters.lr"), (5, "slurm"), (6, "static_overrides"), (7, "conditions")],
    ),
    "an unknown key of slurm": (TWO + "slurm: {partitoin: gpu}\n", [(7, "slurm.partitoin")]),
    "requires": (TWO + "requires: cuda(mem=24)\n", [(7, "requires")]),
    "compute": (TWO + "compute: [killarney/l40s_1x]\n", [(7, "compute")]),
    "requeue": (TWO + "requeue: {signal: STOP}\n", [(7, "requeue.signal")]),
    "an unknown parameter in a condition": (CONDITION % "optt: adam", [(9, "optt")]),
    "an unknown parameter in an expression": (EXPRESSION % "lrr > 0.01", [(9, "lrr")]),
    "a division by zero": (EXPRESSION % "1 / (lr - lr) > 1", [(9, "division by zero")]),
    "text compared with a number": (EXPRESSION % "opt > 1", [(9, "opt")]),
    "a call": (EXPRESSION % "open('x') == 1", [(9, "only min, max")]),
    "an empty list": (HEAD + "parameters:\n  lr: []\n", [(5, "parameters.lr")]),
    "an empty range": (HEAD + 'parameters:\n  lr: "range(3,3)"\n', [(5, "parameters.lr")]),
    "conditions that leave nothing": (CONDITION % "lr: [0.1, 0.01]", [(None, "condition")]),
    "names that clash": (
        HEAD + "parameters:\n  a: {type: discrete, values: [1, 2], labels: [x, x]}\n",
        [(5, "labels")],
    ),
    "abbreviations that clash": (
        HEAD
        + "parameters:\n  a: {type: discrete, values: [1], abbrev: q}\n  b: {type: discrete, values: [1], abbrev: q}\n",
        [(6, "abbrev")],
    ),
    "an empty file": ("", [(1, "empty")]),
    "no text at all": ("\x00\x01", [(None, "")]),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", FAULTS)
def test_every_command_tells_every_fault_with_its_line_and_writes_nothing(
    here: Workspace, name: str, command: tuple[str, ...]
) -> None:
    text, expected = FAULTS[name]
    here.yaml(text)
    before = here.content()
    done = here.herd(*command, code=1)
    assert done.out == ""
    told = [line for line in done.err.splitlines() if re.search(r"hyperherd\.yaml(:\d+)?: ", line)]
    assert len(told) == len(expected), done.err
    for line, (number, words) in zip(told, expected, strict=True):
        assert number is None or f"hyperherd.yaml:{number}: " in line
        assert words in line
    assert here.content() == before


MONITORED = """\
name: digits
launcher: ./launch.sh
grid: [lr, opt]
slurm: {partition: gpu, time: "00:30:00", mem: 2G, cpus_per_task: 2, max_concurrent: 4}
static_overrides: [max_epochs=20, data_dir=./data]
monitor: {interval: 300}
prune_grace_seconds: 120
discord: {guild_id: "1234", channel_name: digits, dashboard_refresh_seconds: 30}
mcp_servers:
  - {name: tracker, command: uvx, args: [tracker-mcp], env: {TRACKER_KEY: "${TRACKER_KEY}"}}
parameters:
  lr: {abbrev: lr, type: continuous, low: 1e-4, high: 1e-1, scale: log, steps: 4, default: 0.001}
  opt: {abbrev: opt, type: discrete, values: [adam, sgd, adamw], default: adam}
  width: {abbrev: w, type: discrete, values: [64, 128], default: 128}
  dropout: {abbrev: do, type: discrete, values: [0.0, 0.2], default: 0.2}
conditions:
  - {name: fast sgd diverges, when: {expr: "opt == 'sgd' and lr > 0.05"}, exclude: {lr: [0.1, 1.0]}}
  - {name: adamw decays, when: {opt: adamw}, set: {weight_decay: 0.01}}
  - {name: sgd decays with lr, when: {opt: sgd}, set: {weight_decay: {expr: "0.1 * lr"}}}
  - {name: slow ones drop nothing, when: {lr: {le: 1e-3}}, force: {dropout: 0.0}}
"""
"""A sweep with every key that HyperHerd's own example has."""
HALVED = (
    MONITORED + "successive_halving: {metric: val_loss, direction: min, min_steps: 1, budget: 20, eta: 3}\n"
)


def test_a_sweep_of_hyperherd_with_its_monitor_loads_with_one_warning(here: Workspace) -> None:
    here.yaml(MONITORED)
    listed = here.herd("ls")
    assert listed.err.count("\n") == 1
    assert all(
        key in listed.err for key in ("monitor (line 6)", "prune_grace_seconds", "discord", "mcp_servers")
    )
    assert len(here.herd("ls", "--json").json["trials"]) == 11
    assert here.herd("run", "-n", "--on", "local").err.count("not built yet") == 1


def test_successive_halving_is_refused_by_name_with_what_to_do_meanwhile(here: Workspace) -> None:
    here.yaml(HALVED)
    said = here.herd("run", code=1).err
    assert "hyperherd.yaml:21: successive_halving: 'successive_halving' is not built yet" in said
    assert "remove it, and all trials run to their end" in said
    assert "unknown key" not in said and "did you mean" not in said and "discord" not in said


def test_the_nearest_word_is_named(here: Workspace) -> None:
    here.yaml(TWO.replace("grid", "gird") + "slurm: {partitoin: gpu}\n")
    said = here.herd("run", code=1).err
    assert "did you mean 'grid'?" in said
    assert "did you mean 'partition'?" in said


def test_a_file_that_is_not_utf8_is_said_with_its_line(here: Workspace) -> None:
    (here.root / "hyperherd.yaml").write_bytes(TWO.encode() + b"static_overrides: ['name=caf\xe9']\n")
    before = here.content()
    for command in COMMANDS:
        assert "hyperherd.yaml:7: not UTF-8" in here.herd(*command, code=1).err
    assert here.content() == before


@pytest.mark.parametrize(
    "command", [("run",), ("run", "--dry-run"), ("run", "--on", "local", "--json"), ("test",), ("ls",)]
)
def test_more_than_a_million_trials_want_a_yes(here: Workspace, command: tuple[str, ...]) -> None:
    here.yaml(HEAD + 'parameters:\n  a: "range(0,2000)"\n  b: "range(0,2000)"\n')
    before = here.content()
    said = here.herd(*command, code=1).err
    assert "4,000,000" in said
    assert "--yes" in said or command == ("test",)
    assert here.content() == before


@pytest.mark.parametrize("command", [("run", "--yes"), ("run", "-n", "--yes"), ("ls",)])
def test_what_no_memory_holds_is_refused_with_its_size(here: Workspace, command: tuple[str, ...]) -> None:
    here.yaml(HEAD + "".join(["parameters:\n", *(f'  {name}: "range(0,1000)"\n' for name in "abc")]))
    before = here.content()
    assert "1,000,000,000 combinations" in here.herd(*command, code=1).err
    assert here.content() == before


def test_a_sweep_that_needs_quoting_is_still_one_document_of_faults(here: Workspace) -> None:
    """Under ``--json`` the words go to stderr, and stdout stays empty."""
    here.yaml(HEAD + "parameters: {'a b': [1], '': [2]}\n")
    done = here.herd("run", "--json", code=1)
    assert done.out == ""
    assert "hyperherd.yaml:4" in done.err
