"""Facts, for any order of events: no trial runs twice, none is forgotten, and a status is right or `lost`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hyperherd.jobs import Ended, Phase
from hyperherd.launchers.memory import Queued

from .sweep_in_memory import RECORD, TRIALS, Sweep

CUT_SHORT = (Ended.NODE_FAILURE, Ended.PREEMPTED, Ended.TIME_LIMIT, Ended.OUT_OF_MEMORY, Ended.BOOT_FAILURE)


class AnyOrder(RuleBasedStateMachine):
    """Three trials on the launcher in memory."""

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.sweep = Sweep(Path(self._folder.name))
        self.sweep.run()

    def teardown(self) -> None:
        if hasattr(self, "sweep"):
            self.sweep.finish()
            self._folder.cleanup()

    @rule()
    def run(self) -> None:
        self.sweep.run()

    @rule(how=st.sampled_from(["lost", "late", "before", "after", "killed and late"]))
    def run_badly(self, how: str) -> None:
        self.sweep.launcher.mishap = how
        self.sweep.run()
        self.sweep.launcher.mishap = ""

    @rule()
    def arrive(self) -> None:
        self.sweep.launcher.arrive()

    @precondition(lambda self: self.sweep.waiting())
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.sweep.start(data.draw(_one_of(self.sweep.waiting())))

    @precondition(lambda self: self.sweep.running)
    @rule(data=st.data(), code=st.sampled_from([0, 1, 75]))
    def end(self, data: st.DataObject, code: int) -> None:
        self.sweep.end(data.draw(_one_of(self.sweep.running)), code)

    @precondition(lambda self: self.sweep.running)
    @rule(data=st.data(), end=st.sampled_from(CUT_SHORT), again=st.booleans(), noted=st.booleans())
    def cut_short(self, data: st.DataObject, end: Ended, again: bool, noted: bool) -> None:
        one = data.draw(_one_of(self.sweep.running))
        self.sweep.end(one, 143, end, noted=noted)
        if again and one in self.sweep.launcher.queue:
            self.sweep.launcher.requeue(one)

    @rule(data=st.data())
    def forget_what_has_ended(self, data: st.DataObject) -> None:
        ended = [one for one in self.sweep.launcher.queue if one.state.phase is Phase.ENDED]
        if ended:
            self.sweep.launcher.forget(data.draw(_one_of(ended)))

    @precondition(lambda self: self.sweep.waiting())
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """Somebody has removed a job that waits, without a trace."""
        self.sweep.launcher.forget(data.draw(_one_of(self.sweep.waiting())))

    @rule(data=st.data())
    def queue_again_by_hand(self, data: st.DataObject) -> None:
        """Somebody lets an element run again that has ended without success."""
        ended = [
            one
            for one in self.sweep.launcher.queue
            if one.state.phase is Phase.ENDED and not self.sweep.successes[one.element.unit.trial]
        ]
        if ended:
            self.sweep.queue_by_hand(data.draw(_one_of(ended)))

    @rule()
    def silence(self) -> None:
        self.sweep.launcher.silent = not self.sweep.launcher.silent

    @rule(trial=st.integers(0, TRIALS - 1))
    def stop(self, trial: int) -> None:
        self.sweep.stop(trial)

    @rule(data=st.data(), events=st.lists(st.sampled_from(["start", "end", "fail", "again"]), max_size=3))
    def look_while_it_happens(self, data: st.DataObject, events: list[str]) -> None:
        """The scheduler's answer is of before what happens meanwhile."""

        def meanwhile() -> None:
            self.sweep.launcher.meanwhile = lambda: None
            for event in events:
                self._happen(event, data)

        self.sweep.launcher.meanwhile = meanwhile
        known = self.sweep.look()
        self.sweep.launcher.meanwhile = lambda: None
        for trial, count in self.sweep.successes.items() if not self.sweep.damaged else ():
            assert not count or known.facts[trial].status.value in (
                "completed",
                "running",
                "queued",
                "submitted",
            )

    def _happen(self, event: str, data: st.DataObject) -> None:
        waiting, running = self.sweep.waiting(), self.sweep.running
        if event == "start" and waiting:
            self.sweep.start(data.draw(_one_of(waiting)))
        elif event in ("end", "fail") and running:
            self.sweep.end(data.draw(_one_of(running)), int(event == "fail"))
        elif event == "again" and running:
            one = data.draw(_one_of(running))
            self.sweep.end(one, 143, Ended.PREEMPTED)
            if one in self.sweep.launcher.queue:
                self.sweep.launcher.requeue(one)

    @invariant()
    def statuses_are_right(self) -> None:
        if hasattr(self, "sweep"):
            self.sweep.check()


class Losses(AnyOrder):
    """And what befalls the state folder, and whoever looks."""

    @initialize()
    def keep(self) -> None:
        self.kept: dict[str, bytes] = {}

    @rule()
    def remove(self) -> None:
        self.kept = {}
        self.sweep.remove()

    @rule(name=st.sampled_from(RECORD))
    def lose(self, name: str) -> None:
        self.sweep.lose(name)

    @rule()
    def back_up(self) -> None:
        self.kept = self.sweep.backup()

    @rule()
    def restore(self) -> None:
        self.sweep.restore(self.kept)

    @rule()
    def repair(self) -> None:
        self.sweep.repair()

    @precondition(lambda self: self.sweep.workspace.state.exists())
    @rule()
    def copy(self) -> None:
        self.sweep.copied()

    @rule(data=st.data())
    def hide(self, data: st.DataObject) -> None:
        """Another user's, or another host's: nobody here can look."""
        if self.sweep.launcher.queue:
            self.sweep.launcher.unseen.append(data.draw(_one_of(self.sweep.launcher.queue)))

    @rule()
    def reveal(self) -> None:
        self.sweep.launcher.unseen.clear()

    @rule()
    def begin_ids_anew(self) -> None:
        """The cluster is rebuilt, and gives ids again."""
        self.sweep.launcher.begin_ids_anew()


def _one_of(elements: list[Queued]) -> st.SearchStrategy[Queued]:
    return st.sampled_from(list(elements))


@pytest.mark.parametrize("events", [AnyOrder, Losses])
def test_any_order(events: type[AnyOrder]) -> None:
    run_state_machine_as_test(
        events,
        settings=settings(
            stateful_step_count=25, max_examples=min(60, settings().max_examples), deadline=None
        ),
    )


@pytest.mark.thorough
@pytest.mark.parametrize("events", [AnyOrder, Losses])
def test_any_order_for_long(events: type[AnyOrder]) -> None:
    run_state_machine_as_test(
        events, settings=settings(stateful_step_count=40, max_examples=2000, deadline=None)
    )
