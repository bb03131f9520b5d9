"""Staying until the trials of a run have ended."""

from __future__ import annotations

from dataclasses import replace

from .sweeps import Sweep


def test_a_run_that_waits_returns_with_its_last_note_however_seldom_slurm_is_asked(fake: Sweep) -> None:
    seldom = replace(fake, env={**fake.env, "HYPERHERD_POLL_S": "3600"})
    seldom.describe([0, 1])
    seldom.script("sleep 0.5; say end; exit $x")
    done = seldom.herd("run", "--wait", code=3)
    assert "1 completed" in done.stderr
    assert seldom.statuses() == {0: "completed", 1: "failed"}
