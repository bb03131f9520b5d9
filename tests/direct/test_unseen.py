"""Processes that show nothing of whose they are, and scripts that could not note how their trial ended."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperherd.attempts import claims
from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Element, Job, Phase
from hyperherd.launchers.direct.orphans import Orphans, Running

from .machine import Sweep, kill, until

WAITS = 'bash -c "say() { :; }; echo here >>$LOG; until [[ -e $LOG.go ]]; do sleep 0.02; done; exit $1"'
DISGUISES = {
    "as it is": 'exec bash -c "$WAITS"',
    "without its environment": 'exec env -i LOG="$LOG" bash -c "$WAITS"',
    "without it, in a session of its own": 'exec setsid env -i LOG="$LOG" bash -c "$WAITS"',
}


def waits(code: int, disguise: str) -> str:
    body = f"echo here >>$LOG; until [[ -e $LOG.go ]]; do sleep 0.02; done; exit {code}"
    return f"WAITS='{body}'; {DISGUISES[disguise]}"


def kill_script(sweep: Sweep, job: Job) -> None:
    """The bash that would note the end of trial 0."""
    claim = claims.read(job.files.attempts, Unit(0), 1)
    assert claim
    kill(claim.owner)
    until(lambda: not Path(f"/proc/{claim.owner.pid}").exists(), "the supervisor to see that")


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_trial_whose_script_was_killed_runs_on_and_ends_as_it_ended(
    sweep: Sweep, disguise: str, code: int
) -> None:
    sweep.says(waits(code, disguise))
    job = sweep.submit("t", 1)
    until(sweep.said, "the trial")
    kill_script(sweep, job)
    assert sweep.phases(job) == {Phase.RUNNING}
    (sweep.root / "log.go").touch()
    until(lambda: sweep.phases(job) == {Phase.ENDED}, "its end")
    assert sweep.poll(job)[0].exit_code == code
    assert sweep.words(job) == ["FAILED" if code else "COMPLETED"]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_trial_whose_script_and_supervisor_were_killed_runs_on(sweep: Sweep, disguise: str) -> None:
    sweep.says(waits(0, disguise))
    job = sweep.submit("t", 1)
    until(sweep.said, "the trial")
    kill(sweep.supervisor(job))
    kill_script(sweep, job)
    assert sweep.phases(job) == {Phase.RUNNING}
    (sweep.root / "log.go").touch()
    until(lambda: sweep.phases(job) == {Phase.ENDED}, "its end")


@pytest.mark.parametrize("disguise", DISGUISES)
def test_what_a_cancel_leaves_alive_is_no_cancelled_trial(sweep: Sweep, disguise: str) -> None:
    sweep.says(waits(0, disguise))
    job = sweep.submit("t", 1)
    until(sweep.said, "the trial")
    kill_script(sweep, job)
    assert sweep.direct.cancel(job, [0]) == {}
    assert not living(sweep)
    assert sweep.phases(job) == {Phase.ENDED}


def living(sweep: Sweep) -> list[str]:
    """Processes that have the sweep's log in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [words] if "echo here >>$LOG" in words and _log_of(path.parent) == str(sweep.log) else []
    return found


def _log_of(process: Path) -> str:
    try:
        found = re.search(rb"(?:^|\0)LOG=([^\0]*)", (process / "environ").read_bytes())
    except OSError:
        return ""
    return found[1].decode() if found else ""


@pytest.fixture
def hasty(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweep]:
    """What trials leave behind has half a second."""
    monkeypatch.setenv("HYPERHERD_LEFT_S", "0.5")
    yield sweep


@pytest.mark.parametrize(
    "daemon",
    [
        "setsid sleep 600 >/dev/null 2>&1 </dev/null &",
        "setsid env -i sleep 600 >/dev/null 2>&1 </dev/null &",
        "(sleep 600 &)",
    ],
)
def test_daemons_that_trials_leave_behind_do_not_keep_their_slots_for_ever(hasty: Sweep, daemon: str) -> None:
    hasty.says(f'say "$i"; {daemon} sleep 0.2' if daemon.endswith("&") else daemon)
    job = hasty.submit("t", 3, at_once=1)
    until(lambda: hasty.phases(job) == {Phase.ENDED}, "all to end")
    assert hasty.words(job) == ["COMPLETED"] * 3
    until(lambda: not hasty.processes(), "what they have left to be ended")
    assert "has ended, and left processes behind, which are ended now" in hasty.log_of(job)


def test_a_trial_that_waits_for_a_slot_says_who_has_it(hasty: Sweep) -> None:
    hasty.says('say "$i"; until [[ -e $LOG.go ]]; do sleep 0.02; done')
    first, second = hasty.submit("t", 9, at_once=9), hasty.submit("u", [20])
    until(lambda: hasty.poll(second)[20].reason, "a reason")
    assert re.fullmatch(
        rf"waits for 1 core, none free \(the first is held by trial \d of {first.token}\)",
        hasty.poll(second)[20].reason,
    )
    (hasty.root / "log.go").touch()
    until(lambda: hasty.phases(second) == {Phase.ENDED}, "its end")


def test_a_trial_that_has_just_started_is_not_taken_for_what_the_one_before_it_left(tmp_path: Path) -> None:
    """Until its exec has finished a process shows no environment (Linux), and so no mark: here one that never has one.

    ["COMPLETED", "COMPLETED", "NEVER_STARTED"]: the third had got the slot of the first, and was told to end.
    """
    slot = tmp_path / "core-0"
    slot.touch()
    before = Running(Element(0, Unit(0), 1, "lr=0", ()), 1 << 30, "t/0.1", {str(slot)}, 0.0, 0.0, 0)
    orphans = Orphans(lambda _run, _code: None, lambda _text: None, left_s=1e-9)
    with slot.open() as held:
        left = subprocess.Popen(["sleep", "600"], env={}, pass_fds=[held.fileno()])
    try:
        assert orphans.leave(before)
        orphans.slots_given([str(slot)], [])
        orphans.look({})
        assert left.poll() is None and not orphans
    finally:
        left.kill()
        left.wait()
