"""Several commands at the same instant."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from eventually import DEADLINE_S

from .sweeps import GATE, Sweep

VALUES = range(12)
EACH_ONCE = Counter(str(value) for value in VALUES)


def run_at_once(*sweeps: Sweep) -> None:
    processes = [sweep.start() for sweep in sweeps]
    assert [process.wait(DEADLINE_S) for process in processes] == [0] * len(sweeps), sweeps[0].said()


def test_eight_runs_at_once_start_each_trial_once(sweep: Sweep) -> None:
    sweep.describe(VALUES)
    run_at_once(*[sweep] * 8)
    sweep.finish()
    assert sweep.starts() == EACH_ONCE


def test_eight_runs_at_once_start_a_failed_trial_once_more(sweep: Sweep) -> None:
    sweep.describe(VALUES)
    sweep.script('[[ $x != [135] || -e "$HYPERHERD_WORKSPACE/go" ]] || exit 4')
    run_at_once(sweep)
    sweep.until_statuses("completed", "failed")
    sweep.go()
    run_at_once(*[sweep] * 8)
    sweep.finish()
    assert sweep.starts() == EACH_ONCE + Counter("135")


def test_this_machine_and_slurm_at_once_share_the_trials(fake: Sweep) -> None:
    fake.describe(VALUES)
    run_at_once(*[fake, replace(fake, place="local")] * 4)
    fake.finish()
    assert fake.starts() == EACH_ONCE


def test_what_runs_on_this_machine_is_not_submitted_to_slurm(fake: Sweep) -> None:
    fake.describe(VALUES)
    fake.script(GATE)
    run_at_once(replace(fake, place="local"))
    run_at_once(fake, fake)
    fake.go()
    fake.finish()
    assert fake.starts() == EACH_ONCE
