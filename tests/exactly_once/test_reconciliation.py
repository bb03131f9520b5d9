"""Any sequence of edits of the YAML and runs: what is kept, added, dropped, refused, and what runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hyperherd.cli.main import main

from .sweeps import MARK, end_all, environment

VALUES = [0, 1, 1.0, "1", True, -2.5]
SECOND = [3, 4, "b"]
STRESS = int(os.environ.get("HYPERHERD_STRESS", "1"))
LAUNCH = """\
echo "$HYPERHERD_TRIAL_ID|$HYPERHERD_PARAMS|$1" >>"$HYPERHERD_WORKSPACE/log"
while IFS= read -r bad; do
  [[ ${HYPERHERD_PARAMS// /} != *"$bad"[,}]* ]] || exit 1
done <"$HYPERHERD_WORKSPACE/failing"
"""

Params = dict[str, Any]


def same(value: Any) -> str:
    """Equal for the same parameters, in any order, or for the same value: types count."""
    return json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Known:
    """A trial as it should be known."""

    index: int
    params: Params
    completed: bool = False
    orphan: bool = False


@dataclass(frozen=True)
class Expected:
    """What a run should find. ``asked``: trials that ran and are described no longer, of which nobody has decided."""

    kept: list[Known]
    orphans: list[Known]
    asked: list[Known]
    new: list[Params]


def compare(known: Iterable[Known], described: Iterable[Params], default: Params) -> Expected:
    """The rules of reconciliation; ``default`` is the second parameter with its default, if it has one."""
    left = {same(params): params for params in described}
    kept: list[Known] = []
    gone: list[Known] = []
    for trial in known:
        found = left.pop(same(trial.params), None)
        (gone if found is None else kept).append(replace(trial, orphan=trial.orphan and found is None))
    for trial in [t for t in gone if default and not default.keys() & t.params.keys()]:
        params = {**trial.params, **default}
        if left.pop(same(params), None) is not None:
            gone.remove(trial)
            kept.append(replace(trial, params=params, orphan=False))
    orphans = [trial for trial in gone if trial.completed]
    asked = [trial for trial in orphans if not trial.orphan]
    return Expected(kept, [replace(t, orphan=True) for t in orphans], asked, list(left.values()))


class Herd:
    """Commands in this process: hundreds of them are run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, command: str, *options: str) -> tuple[int, str]:
        """(exit code, stdout)."""
        out = io.StringIO()
        quiet = contextlib.redirect_stderr(io.StringIO())
        with contextlib.redirect_stdout(out), quiet, pytest.raises(SystemExit) as ended:
            main([command, str(self.root), *options])
        return int(ended.value.code or 0), out.getvalue()


class Editing(RuleBasedStateMachine):
    """A user who edits and runs. ``used`` keeps for ever what each index was first given to."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir=os.environ["HYPERHERD_SLOTS_DIR"]))
        self.herd = Herd(self.root)
        self.first: list[Any] = []
        self.second: list[Any] = []
        self.default: Params = {}
        self.second_comes_first = False
        self.static = 0
        self.failing: list[Any] = []
        self.known: list[Known] = []
        self.names: dict[int, str] = {}
        self.params: dict[int, str] = {}
        (self.root / "launch.sh").write_text(LAUNCH)
        (self.root / "log").touch()

    @initialize(values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique_by=repr))
    def begin(self, values: list[Any]) -> None:
        self.first = values

    @rule(value=st.sampled_from(VALUES))
    def add_or_remove_a_value(self, value: Any) -> None:
        left = [x for x in self.first if same(x) != same(value)]
        if len(left) == len(self.first):
            self.first = [*left, value]
        elif left:
            self.first = left

    @precondition(lambda self: not self.second)
    @rule(values=st.permutations(SECOND), default=st.sampled_from([0, 1, None]))
    def add_a_parameter(self, values: list[Any], default: int | None) -> None:
        self.second = values[:2]
        self.default = {} if default is None else {"y": values[default]}

    @precondition(lambda self: self.second)
    @rule()
    def remove_the_second_parameter(self) -> None:
        self.second, self.default = [], {}

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        self.first = data.draw(st.permutations(self.first))
        self.second_comes_first = not self.second_comes_first

    @rule()
    def change_the_static_overrides(self) -> None:
        self.static += 1

    @rule(value=st.sampled_from(VALUES))
    def break_or_mend(self, value: Any) -> None:
        left = [x for x in self.failing if same(x) != same(value)]
        self.failing = left if len(left) < len(self.failing) else [*left, value]

    @rule(force=st.booleans())
    def run(self, force: bool) -> None:
        self._write()
        before = self._log()
        expected = compare(self.known, self._described(), self.default)
        options = ["-f"] if force else []
        dry, _ = self.herd("run", "--on", "local", "-n", *options)
        assert self._log() == before
        code, _ = self.herd("run", "--on", "local", *options)
        if expected.asked and not force:
            assert (code, dry) == (1, 1)
            assert self._log() == before
        else:
            self._expect(expected, code, self._log()[len(before) :])
        self._compare_what_is_told()

    def teardown(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def _described(self) -> list[Params]:
        if not self.second:
            return [{"x": x} for x in self.first]
        return [{"x": x, "y": y} for x, y in product(self.first, self.second)]

    def _write(self) -> None:
        second = {"type": "discrete", "values": self.second}
        if self.default:
            second["default"] = self.default["y"]
        parameters = {"x": self.first, **({"y": second} if self.second else {})}
        if self.second_comes_first:
            parameters = dict(reversed(parameters.items()))
        spec = {
            "name": "s",
            "launcher": "launch.sh",
            "grid": "all",
            "parameters": parameters,
            "static_overrides": [f"seed={self.static}"],
        }
        (self.root / "hyperherd.yaml").write_text(json.dumps(spec))  # JSON is YAML
        (self.root / "failing").write_text("".join(f'"x":{json.dumps(x)}\n' for x in self.failing))

    def _log(self) -> list[str]:
        return (self.root / "log").read_text().splitlines()

    def _expect(self, expected: Expected, code: int, said: list[str]) -> None:
        """Exactly the new and those that had failed have run, each once and with the static overrides of now."""
        free = max(self.names, default=-1) + 1
        fresh = [Known(free + n, params) for n, params in enumerate(self._in_their_order(expected.new, free))]
        wanted = [trial for trial in [*expected.kept, *fresh] if not trial.completed]
        parts = [line.split("|") for line in said]
        assert Counter((int(index), same(json.loads(params))) for index, params, _ in parts) == Counter(
            (trial.index, same(trial.params)) for trial in wanted
        )
        assert all(f"seed={self.static}" in argument.split() for *_, argument in parts)
        after = [self._after_its_run(trial) for trial in [*expected.kept, *fresh]]
        assert code == (3 if any(not trial.completed for trial in after) else 0)
        self.known = sorted([*after, *expected.orphans], key=lambda trial: trial.index)

    def _after_its_run(self, trial: Known) -> Known:
        return trial if trial.completed else replace(trial, completed=not self._fails(trial))

    def _fails(self, trial: Known) -> bool:
        return same(trial.params["x"]) in map(same, self.failing)

    def _in_their_order(self, new: list[Params], free: int) -> list[Params]:
        """The new trials in the order of the indices that they were given, all above those used before."""
        told = {same(t["params"]): t["index"] for t in self._told() if t["index"] >= free}
        assert sorted(told.values()) == list(range(free, free + len(new)))
        return sorted(new, key=lambda params: told[same(params)])

    def _told(self) -> list[dict[str, Any]]:
        code, out = self.herd("status", "--json")
        assert code == 0
        told: list[dict[str, Any]] = json.loads(out)["trials"]
        return told

    def _compare_what_is_told(self) -> None:
        told = self._told()
        assert [(t["index"], same(t["params"]), t["status"], t["orphan"]) for t in told] == [
            (t.index, same(t.params), "completed" if t.completed else "failed", t.orphan) for t in self.known
        ]
        for trial in told:
            assert self.names.setdefault(trial["index"], trial["experiment_name"]) == trial["experiment_name"]
            self.params[trial["index"]] = same(trial["params"])
        assert len({trial["experiment_name"] for trial in told}) == len(told)
        owner = {name: self.params[index] for index, name in self.names.items()}
        assert all(owner[name] == self.params[index] for index, name in self.names.items())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's environment is that of the commands."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "HYPERHERD_")):
            monkeypatch.delenv(name)
    (tmp_path / "slots").mkdir(mode=0o700)
    told = environment(os.environ, tmp_path)
    for name in ("PYTHONPATH", "HYPERHERD_SLOTS_DIR", MARK):
        monkeypatch.setenv(name, told[name])
    monkeypatch.setenv("HYPERHERD_POLL_S", "0.02")
    yield
    end_all(tmp_path)


def test_edits_and_runs_in_any_order_follow_the_rules_of_reconciliation(machine: None) -> None:
    run_state_machine_as_test(
        Editing,
        settings=settings(
            max_examples=25 * STRESS,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
