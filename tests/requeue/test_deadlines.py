"""Time limits on this machine, by a clock that the tests set."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attempt_files
import pytest

from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.jobs import Element, Requeue
from hyperherd.launchers.direct.deadlines import Deadlines, Limit

ELEMENT = Element(3, Unit(3), 1, "", ())


@pytest.fixture
def script() -> Iterator[subprocess.Popen[bytes]]:
    """The bash of a trial that has not come to its traps: any signal ends it."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_script_is_warned_only_once_it_has_claimed_its_attempt(
    tmp_path: Path, script: subprocess.Popen[bytes]
) -> None:
    limit = Limit(100.0, Requeue(notice_s=60), attempt_files.made(tmp_path), {Unit(3): 1})
    deadlines = Deadlines(limit, lambda element: "a mark that nobody carries")
    deadlines.started(script.pid, ELEMENT, now=0.0)
    assert deadlines.pause_s(0.0) == 40.0
    for now in (40.0, 50.0):
        deadlines.act(now)
        assert script.poll() is None
        assert 0 < (deadlines.pause_s(now) or 0) < 1
    AttemptFolder(tmp_path).claim(Unit(3), 1).touch()
    deadlines.act(51.0)
    assert script.wait(60) == -signal.SIGUSR2
    assert deadlines.pause_s(51.0) == 49.0


def test_a_script_that_never_claims_its_attempt_is_ended_at_the_limit(
    tmp_path: Path, script: subprocess.Popen[bytes]
) -> None:
    limit = Limit(100.0, Requeue(notice_s=60), attempt_files.made(tmp_path), {Unit(3): 1})
    deadlines = Deadlines(limit, lambda element: "a mark that nobody carries")
    deadlines.started(script.pid, ELEMENT, now=0.0)
    deadlines.act(99.9)
    assert script.poll() is None
    deadlines.act(100.0)
    assert script.wait(60) == -signal.SIGUSR2
