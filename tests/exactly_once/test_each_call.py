"""Each command with a fault at each call by which it changes the world: the truth afterwards, and each trial once.

Truth is the log that trials append to, and a lock that each holds while it runs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until

from .each_call import Instant, instants, ran
from .sweeps import GATE, Sweep

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")

VALUES = ("1", "2", "3")
SCRIPT = f"""\
exec 5>>"$HYPERHERD_WORKSPACE/lock.$x"
flock -n 5 || say double
[[ $x != 3 || -e $HYPERHERD_WORKSPACE/go ]] || exit 4
{GATE}"""
LIVE = {"submitted", "queued", "running"}


def fresh(sweep: Sweep) -> None:
    """Nothing has run yet."""


def running(sweep: Sweep) -> None:
    """Two run, and one has failed."""
    sweep.herd("run", "--detach", "-j", "3")
    until(lambda: sweep.statuses() == {0: "running", 1: "running", 2: "failed"}, "two to run")


def without_its_record(sweep: Sweep) -> None:
    running(sweep)
    (sweep.root / ".hyperherd/job_ids.json").unlink()


COMMANDS: dict[str, tuple[Callable[[Sweep], None], tuple[str, ...]]] = {
    "run": (fresh, ("run", "--detach", "-j", "3")),
    "run again": (running, ("run", "--detach", "-j", "3")),
    "stop": (running, ("stop", "--all", "--yes")),
    "clean -l": (running, ("clean", "--logs", "--yes")),
    "clean -a": (running, ("clean", "--all", "--yes")),
    "repair": (without_its_record, ("repair",)),
}


@dataclass(frozen=True)
class Trial:
    """What a trial's own words say: whether it runs, and how often it has ended well."""

    lives: bool
    ends: int


def truth(sweep: Sweep) -> dict[str, Trial]:
    """By value."""
    pids = {line.pid for line in sweep.lines()}
    living = {pid for pid in pids if _lives(pid)}
    return {
        x: Trial(
            any(line.x == x and line.pid in living for line in sweep.lines()),
            sum(line.x == x for line in sweep.lines("end")),
        )
        for x in VALUES
    }


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in b"ZX"
    except OSError:
        return False


def lies(sweep: Sweep) -> list[str]:
    """What status says of a trial that is not so. What lives is shown as living, what has not ended well never as
    completed; a trial may end between the two looks, so they are compared with the truth before and after.
    """
    before = truth(sweep)
    done = sweep.herd("status", "--json", code=None)
    if done.returncode:
        return [f"status: {done.stderr}"]
    after = truth(sweep)
    trials = json.loads(done.stdout)["trials"]
    shown = {str(trial["params"]["x"]): trial["status"] for trial in trials if trial["params"]}
    found = []
    for x, word in shown.items():
        lived = before[x].lives and after[x].lives
        if lived and word not in LIVE | {"lost"}:
            found.append(f"{x} is {word}, and lives")
        if word == "completed" and not after[x].ends:
            found.append(f"{x} is completed, and has not ended")
    return found


def finished(sweep: Sweep) -> None:
    """Every trial runs to its end, as a user would see to it: by `herd run`, and `herd repair` if told to."""
    (sweep.root / "go").touch()

    def all_have_ended() -> bool:
        done = sweep.herd("run", "--detach", "-j", "3", code=None)
        if "herd repair" in done.stderr:
            sweep.herd("repair")
        until(lambda: not LIVE & set(sweep.statuses().values()), "all that live to end")
        if "lost" in sweep.statuses().values():
            sweep.herd("run", "--detach", "--lost", code=None)
            until(lambda: not LIVE & set(sweep.statuses().values()), "all that live to end")
        return set(sweep.statuses().values()) == {"completed"}

    until(all_have_ended, lambda: f"all to complete: {sweep.statuses()} {sweep.said()}", DEADLINE_S)


@dataclass(frozen=True)
class Rig:
    """Where the sweeps of one test run."""

    make: Callable[..., Sweep]
    env: Mapping[str, str]
    launcher: str

    def ready(self, command: str, folder: str) -> Sweep:
        """A sweep for which the command is to be typed next."""
        sweep = self.make(self.env, self.launcher, folder)
        slots = {"HYPERHERD_SLOTS_DIR": str(sweep.root.parent / f"slots-{folder}")}
        sweep = replace(sweep, env={**sweep.env, **slots, "HYPERHERD_FOLDER_WAIT_S": "1"})
        sweep.describe(VALUES)
        sweep.script(SCRIPT)
        COMMANDS[command][0](sweep)
        return sweep

    def instants(self, command: str) -> list[Instant]:
        """All of the command's, shuffled by a seed."""
        sweep = self.ready(command, "counted")
        every = instants(sweep.words(*COMMANDS[command][1]), sweep.env, sweep.root.parent / "trace")
        (sweep.root / "go").touch()
        assert len(every) > 20
        random.Random(17).shuffle(every)
        return every

    def wrong(self, command: str, chosen: Sequence[Instant], tally: dict[str, int]) -> list[str]:
        """What went wrong after a fault at each of these."""
        words = COMMANDS[command][1]
        return [
            f"{instant}: {what}"
            for number, instant in enumerate(chosen)
            for what in judged(self.ready(command, f"f{number}"), instant, words, tally)
        ]


@pytest.fixture(params=["local", "fake"])
def rig(make: Callable[..., Sweep], request: pytest.FixtureRequest) -> Rig:
    if request.param == "fake":
        return Rig(make, request.getfixturevalue("fake_slurm").env, "slurm")
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return Rig(make, env, "local")


PARTS = 4
SAMPLE = 7
"""Of each command's instants in each place; all of them in `make torture`."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_at_some_calls_of_a_command_makes_no_double_no_lie_and_no_loss(
    rig: Rig, command: str, tally: dict[str, int]
) -> None:
    assert rig.wrong(command, rig.instants(command)[:SAMPLE], tally) == []


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_at_any_call_of_a_command_makes_no_double_no_lie_and_no_loss(
    rig: Rig, command: str, part: int, tally: dict[str, int]
) -> None:
    assert rig.wrong(command, rig.instants(command)[SAMPLE:][part::PARTS], tally) == []


def judged(sweep: Sweep, instant: Instant, words: tuple[str, ...], tally: dict[str, int]) -> list[str]:
    """What went wrong after a fault at this instant."""
    done = ran(instant.before(), sweep.words(*words), sweep.env)
    wrong = ["a traceback"] if "Traceback" in done.stderr else []
    wrong += lies(sweep)
    tally["instants" if instant.fault == "killed" else "faults"] += 1
    tally["lies"] += len(wrong)
    finished(sweep)
    doubles = [line.x for line in sweep.lines("double")]
    ends = {x: one.ends for x, one in truth(sweep).items()}
    tally["doubles"] += len(doubles) + sum(count > 1 for count in ends.values())
    tally["losses"] += sum(count == 0 for count in ends.values())
    wrong += [f"{x} ran beside itself" for x in doubles]
    wrong += [f"{x} has ended {count} times" for x, count in ends.items() if count != 1]
    return [f"{what}\n{done.stderr}" for what in wrong]
