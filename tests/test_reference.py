"""docs/reference.md is complete and true: commands, keys, statuses, reasons, variables, files."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest

from hyperherd.attempts import variables
from hyperherd.attempts.filenames import Outcome
from hyperherd.cli.main import COMMANDS
from hyperherd.config import document, parse
from hyperherd.jobs import Ended, Phase, State
from hyperherd.launchers.slurm import option_check
from hyperherd.search.conditions import OPERATORS
from hyperherd.sweep.trial import Status, status_of
from hyperherd.workspace import layout

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference.md"
TEXT = PAGE.read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
SCHEMA = json.loads((ROOT / "src/hyperherd/schema.json").read_text())

pytestmark = pytest.mark.in_step


def properties(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"])


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_the_commands_help_is_what_herd_prints() -> None:
    made = runpy.run_path(str(ROOT / "tools/reference.py"))["page"](TEXT)
    assert made == TEXT, "python tools/reference.py makes it anew"


def test_every_command_has_a_section() -> None:
    assert re.findall(r"^### herd (.+)$", TEXT, flags=re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_a_key_is_read(example: str) -> None:
    rest = {
        "name": "name: x",
        "launcher": "launcher: launch.sh",
        "parameters": "parameters: {lr: {type: discrete, values: [1, 2], default: 1}}",
    }
    given = document.read(example, file="example").value
    assert isinstance(given, dict)
    text = example + "\n".join(line for key, line in rest.items() if key not in given)
    assert parse.spec(text, file="example", native=option_check.faults)


def test_every_key_has_an_example() -> None:
    shown = set().union(*(keys(document.read(example, file="example").value) for example in EXAMPLES))
    promised = set(SCHEMA["properties"])
    for part in ("Discrete", "Continuous", "SampleKeys", "ConditionKeys", "SlurmKeys"):
        promised |= properties(part)
    assert promised - shown == set()


def test_every_key_and_operator_is_named() -> None:
    promised = {*SCHEMA["properties"], *OPERATORS}
    for part in ("Discrete", "Continuous", "ConditionKeys"):
        promised |= properties(part)
    assert {word for word in promised if f"`{word}`" not in TEXT} == set()


def test_every_status_is_explained() -> None:
    assert [status.value for status in Status if f"`{status}`" not in TEXT] == []


@pytest.mark.parametrize(
    ("state", "outcome", "started"),
    [
        *((State.of_end(end), None, True) for end in Ended if end.from_outside),
        (State(Phase.ENDED, "FAILED", signal=9, end=Ended.FAILED), None, True),
        (State(Phase.ENDED, "FAILED", exit_code=1, end=Ended.FAILED), None, False),
        (State(Phase.ABSENT), Outcome(2), True),
        (State(Phase.ABSENT), Outcome(143, terminated=True), True),
    ],
)  # fmt: skip
def test_every_reason_is_explained(state: State, outcome: Outcome | None, started: bool) -> None:
    status, reason = status_of(state, outcome, started=started)
    assert status is Status.FAILED
    assert f"`{reason}`" in TEXT


def test_every_variable_of_a_trial_is_explained() -> None:
    assert [name for name in variables.PROMISED if f"`{name}`" not in TEXT] == []


def test_every_file_is_explained() -> None:
    names = (layout.MANIFEST, layout.JOB_IDS, layout.FORMAT, layout.ENDED, layout.LOCK, layout.NEWEST_SCRIPT)
    folders = (
        layout.JOBS,
        layout.SLURM_LOGS,
        layout.TASKS,
        layout.SOURCE,
        f"{layout.GENERATION}<generation>",
    )
    assert [name for name in (*names, *(f"{folder}/" for folder in folders)) if f"`{name}`" not in TEXT] == []
