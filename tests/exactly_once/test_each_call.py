"""Each command with a fault at each call by which it changes the world: the truth afterwards, and each trial once.

Truth is the log that trials append to, and a lock that each holds while it runs.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from .each_call import ERRORS, TAKEN_BACK, Instant, has_ended, instants, ran, shim, traced
from .sweeps import GATE, Sweep

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")

VALUES = ("1", "2", "3")
SCRIPT = f"""\
exec 5>>"$HYPERHERD_WORKSPACE/lock.$x"
flock -n 5 || say double
[[ $x != 3 || -e $HYPERHERD_WORKSPACE/go ]] || exit 4
{GATE}"""
SETTINGS = {"HYPERHERD_FOLDER_WAIT_S": "1", "PYTHONDONTWRITEBYTECODE": "1"}
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
    "supervisor": (fresh, ("run", "--detach", "-j", "3")),
    "script": (fresh, ("run", "--detach", "-j", "3")),
}
STARTED = {"supervisor": sys.executable, "script": shutil.which("bash") or ""}
"""What the command starts -> the program that it is. The fault is in that, and not in the command."""


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


def shown(sweep: Sweep) -> dict[str, str]:
    """How each trial is shown, by value."""
    return {str(trial["params"]["x"]): trial["status"] for trial in sweep.trials() if trial["params"]}


def lies(sweep: Sweep) -> list[str]:
    """What status says of a trial that is not so. What lives is shown as living, what has not ended well never as
    completed; a trial may end between the two looks, so they are compared with the truth before and after.
    """
    before = truth(sweep)
    words = shown(sweep)
    after = truth(sweep)
    found = []
    for x, word in words.items():
        lived = before[x].lives and after[x].lives
        if lived and word not in LIVE | {"lost"}:
            found.append(f"{x} is {word}, and lives")
        if word == "completed" and not after[x].ends:
            found.append(f"{x} is completed, and has not ended")
    return found


EXCUSED = {"stop": "cancelled", "clean -a": "cancelled", "clean -l": "cancelled", "script": "failed"}
"""What -> how a trial may be shown that has ended well: as stopped, where a stop was killed that had told the trial's
script and not yet the trial; as killed, where its script was between the trial's end and the note of it.
"""


def finished(sweep: Sweep, excused: str) -> set[str]:
    """Every trial runs to its end, as a user would see to it: by `herd run`, and `herd repair` if told to.

    The values of those that have ended well before, and are shown as ``excused``.
    """
    sweep.go()
    until(lambda: not {"queued", "running"} & set(shown(sweep).values()), "all that live to end")
    ended = {x for x, word in shown(sweep).items() if word == excused and truth(sweep)[x].ends}

    def all_have_ended() -> bool:
        done = sweep.herd("run", "--detach", "-j", "3", code=None)
        if "herd repair" in done.stderr:
            sweep.herd("repair")
            return False
        until(lambda: not LIVE & set(sweep.statuses().values()), "all that live to end")
        if "lost" in sweep.statuses().values():
            sweep.herd("run", "--detach", "--lost", code=None)
            until(lambda: not LIVE & set(sweep.statuses().values()), "all that live to end")
        return set(sweep.statuses().values()) == {"completed"}

    until(all_have_ended, lambda: f"all to complete: {sweep.statuses()} {sweep.said()}", DEADLINE_S)
    return ended


@dataclass(frozen=True)
class Rig:
    """Where the sweeps of one test run, each in a folder of its own below ``folder``."""

    make: Callable[..., Sweep]
    folder: Path
    fake: FakeSlurm | None = None

    def ready(self, what: str, name: str) -> Sweep:
        """A sweep for which the command is to be typed next."""
        env = self.fake.env if self.fake else os.environ
        sweep = self.make(env, "slurm" if self.fake else "local", name)
        own = {"HYPERHERD_SLOTS_DIR": str(self.folder / f"slots-{name}"), **SETTINGS}
        sweep = replace(sweep, env={**sweep.env, **own})
        sweep.describe(VALUES)
        sweep.script(SCRIPT)
        COMMANDS[what][0](sweep)
        return sweep

    def carry_out(self, what: str, sweep: Sweep, before: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The command, traced itself, or with the first of what it starts traced, until that has got somewhere."""
        words = sweep.words(*COMMANDS[what][1])
        if what not in STARTED:
            return ran(words, sweep.env, before=before)
        program = self.folder / f"shim-{sweep.root.name}" / Path(STARTED[what]).name
        program.parent.mkdir()
        shim(program, "" if self.fake else STARTED[what], before)
        if self.fake:
            self.fake.knobs(under=[str(program)])
        path = {"PATH": f"{program.parent}{os.pathsep}{sweep.env['PATH']}"} if what == "script" else {}
        python = program if what == "supervisor" else None
        done = ran(words, {**sweep.env, **path}, python=python)
        pid = Path(f"{program}.first/pid")
        until(
            lambda: (
                len(sweep.lines()) == len(VALUES) or (pid.exists() and not _lives(int(pid.read_text() or 1)))
            ),
            "the trials to begin",
        )
        return done

    def instants(self, what: str) -> list[Instant]:
        """All there are, shuffled by a seed."""
        sweep, trace = self.ready(what, "counted"), self.folder / "trace"
        self.carry_out(what, sweep, traced(trace))
        sweep.go()
        until(lambda: has_ended(trace), "the trace")
        machine_goes = self.fake and what not in STARTED
        every = [instant for instant in instants(trace) if machine_goes or instant.fault != TAKEN_BACK]
        assert len(every) > 10
        random.Random(17).shuffle(every)
        return every

    def wrong(self, what: str, chosen: Sequence[Instant], tally: dict[str, int]) -> list[str]:
        """What went wrong after a fault at each of these."""
        return [
            f"{instant}: {text}"
            for number, instant in enumerate(chosen)
            for text in self.judged(what, f"f{number}", instant, tally)
        ]

    def judged(self, what: str, name: str, instant: Instant, tally: dict[str, int]) -> list[str]:
        """What went wrong after a fault at this instant."""
        sweep, trace = self.ready(what, name), self.folder / f"trace-{name}"
        state, before = sweep.root / ".hyperherd", self.folder / f"before-{name}"
        shutil.copytree(state if state.exists() else sweep.root, before)
        done = self.carry_out(what, sweep, instant.before(trace))
        if what not in STARTED:
            until(lambda: has_ended(trace), "the trace")
            instant.after(trace, state, before)
            if instant.missed(trace):
                sweep.go()
                return []
        wrong = ["a traceback"] if "Traceback" in done.stderr else []
        wrong += lies(sweep)
        excused = finished(sweep, EXCUSED.get(what, ""))
        wrong += lies(sweep)
        tally["faults" if instant.fault in ERRORS else "instants"] += 1
        tally["lies"] += len(wrong)
        doubles = [line.x for line in sweep.lines("double")]
        ends = {x: one.ends - (x in excused) for x, one in truth(sweep).items()}
        tally["doubles"] += len(doubles) + sum(count > 1 for count in ends.values())
        tally["losses"] += sum(count == 0 for count in ends.values())
        wrong += [f"{x} ran beside itself" for x in doubles]
        wrong += [f"{x} has ended {count} times" for x, count in ends.items() if count != 1]
        return [f"{text}\n{done.stderr}" for text in wrong]


@pytest.fixture
def rig(make: Callable[..., Sweep], tmp_path: Path, request: pytest.FixtureRequest) -> Rig:
    fake = request.getfixturevalue("fake_slurm") if request.param == "fake" else None
    return Rig(make, tmp_path, fake)


CASES = [("local", what) for what in COMMANDS] + [("fake", what) for what in COMMANDS if what != "supervisor"]
PARTS = 4
SAMPLE = 6
"""Of each one's instants in each place; all of them in `make torture`."""


@pytest.mark.parametrize(("rig", "what"), CASES, indirect=["rig"])
def test_a_fault_at_some_calls_makes_no_double_no_lie_and_no_loss(
    rig: Rig, what: str, tally: dict[str, int]
) -> None:
    wrong = rig.wrong(what, rig.instants(what)[:SAMPLE], tally)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("rig", "what"), CASES, indirect=["rig"])
def test_a_fault_at_any_call_makes_no_double_no_lie_and_no_loss(
    rig: Rig, what: str, part: int, tally: dict[str, int]
) -> None:
    wrong = rig.wrong(what, rig.instants(what)[SAMPLE:][part::PARTS], tally)
    assert not wrong, "\n\n".join(wrong)
