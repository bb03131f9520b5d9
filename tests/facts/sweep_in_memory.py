"""A sweep in this process, on the launcher in memory, and what an honest observer knows of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec

from hyperherd.attempts import registers
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.engine import facts, launch, observe, stopping
from hyperherd.engine.describe import Description, describe
from hyperherd.engine.facts import Known
from hyperherd.engine.pieces import Run, RunRequest
from hyperherd.errors import SchedulerSilentError, SubmissionUnknownError
from hyperherd.fsio import Lock, processes
from hyperherd.jobs import Batch, Ended, Phase
from hyperherd.launchers.memory import MemoryLauncher, Queued
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status
from hyperherd.workspace import attempt_folders, submissions
from hyperherd.workspace.folder import Workspace

TRIALS = 3


class KilledError(BaseException):
    """Where herd was killed."""


class Unreliable(MemoryLauncher):
    """What becomes of the next submission is its ``mishap``: the answer is ``lost``, it comes ``late``, or herd is
    killed ``before`` or ``after`` it, or both.
    """

    mishap = ""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[Batch] = []

    def submit(self, batch: Batch) -> str:
        how, self.mishap = self.mishap, ""
        if how == "before":
            raise KilledError
        if "late" in how:
            self.late.append(batch)
        else:
            job_id = super().submit(batch)
        if how in ("after", "killed and late"):
            raise KilledError
        if how:
            raise SubmissionUnknownError("no answer")
        return job_id

    def arrive(self) -> None:
        """What was on its way all the time reaches it."""
        late, self.late = self.late, []
        for batch in late:
            super().submit(batch)


class Sweep:
    """``successes``: how often each trial ran to a success; ``running`` are elements whose script is at it, ``by_hand``
    those that somebody has queued again.
    """

    def __init__(self, folder: Path) -> None:
        (folder / "launch.sh").write_text("#!/bin/bash\n")
        (folder / "launch.sh").chmod(0o700)
        values = ", ".join(map(str, range(TRIALS)))
        (folder / "hyperherd.yaml").write_text(
            f"name: s\nlauncher: launch.sh\ngrid: all\nparameters: {{a: {{type: discrete, values: [{values}]}}}}\n"
        )
        self.workspace = Workspace(folder)
        self.description: Description = describe(self.workspace)
        self.launcher = Unreliable()
        self.running: list[Queued] = []
        self.by_hand: list[Queued] = []
        self.successes: Counter[int] = Counter()

    def run(self, choice: Choice | None = None) -> None:
        """``herd run``; a scheduler that does not answer is an ordinary day."""
        run = Run(
            self.workspace, self.description, {"memory": self.launcher}, RunRequest(choice=choice or Choice())
        )
        try:
            launch.execute(run, lambda _: None)
        except SchedulerSilentError:
            assert self.launcher.silent
        except KilledError:
            self._bury()

    def _bury(self) -> None:
        """Whoever was killed is this process, which lives: its intents get an owner that does not."""
        gone = replace(processes.me(), pid=2**22 + 1, start=1)
        records = [
            msgspec.structs.replace(one, owner=str(gone)) if one.state == "intent" else one
            for one in submissions.read(self.workspace)
        ]
        with Lock(self.workspace.lock):
            submissions.write(self.workspace, records)

    @property
    def attempts(self) -> AttemptFolder:
        """That of its only generation."""
        (folder,) = attempt_folders.folders(self.workspace)
        return folder

    def start(self, one: Queued) -> None:
        if self.launcher.start(one):
            trial = one.element.unit.trial
            assert trial not in [other.element.unit.trial for other in self.running], f"{trial} runs twice"
            assert not self.successes[trial], f"{trial} runs again after its success"
            self.running.append(one)

    def end(self, one: Queued, code: int, end: Ended | None = None, *, noted: bool = True) -> None:
        self.running.remove(one)
        self.launcher.end(one, code, end, noted=noted)
        self.successes[one.element.unit.trial] += not code and noted

    def queue_by_hand(self, one: Queued) -> None:
        """Until it begins, the trial is shown as what was heard of it before."""
        self.launcher.requeue(one)
        self.by_hand.append(one)

    def stop(self, trial: int) -> None:
        try:
            stopping.stop(self.workspace, {"memory": self.launcher}, [trial])
        except SchedulerSilentError:
            assert self.launcher.silent
        self.running = [one for one in self.running if one.state.phase is Phase.RUNNING]

    def look(self) -> Known:
        known = facts.read(self.workspace, {"memory": self.launcher}, silent_is_fatal=False)
        observe.remember(self.workspace, known)
        return known

    def waiting(self) -> list[Queued]:
        return [one for one in self.launcher.queue if one.state.phase is Phase.QUEUED]

    def can_start(self, trial: int) -> bool:
        """Whether something that waits would run it, if it began now."""
        return any(
            one.element.unit.trial == trial
            and one not in self.by_hand
            and registers.settled(one.batch.files.register) in (None, one.job_id)
            and one.attempt > self.newest_claim(trial, of_others_than=one.batch.token)
            for one in self.waiting()
        )

    def newest_claim(self, trial: int, of_others_than: str) -> int:
        listed = attempt_folders.read(self.workspace)
        claimed = {n: attempt_folders.claim(self.workspace, Unit(trial), n) for _, n in listed.claims}
        return max((n for n, one in claimed.items() if one and one.token != of_others_than), default=0)

    def check(self) -> None:
        """Every status is right, or says that nobody knows."""
        known = self.look()
        for trial, fact in known.facts.items():
            runs = [one for one in self.running if one.element.unit.trial == trial]
            allowed = self._allowed(trial, bool(runs))
            assert fact.status in allowed, (trial, fact, allowed)

    def _allowed(self, trial: int, runs: bool) -> set[Status]:
        if self.successes[trial]:
            return {Status.COMPLETED}
        live = {Status.SUBMITTED, Status.QUEUED, Status.RUNNING}
        if runs:
            hidden = any(
                one.element.unit.trial == trial and one not in self.launcher.queue for one in self.running
            )
            beside = any(one.element.unit.trial == trial and one in self.by_hand for one in self.running)
            unclear = beside or self.launcher.silent  # beside: that of a later run may wait as well
            return {*live, Status.LOST} if hidden else live if unclear else {Status.RUNNING}
        if self.can_start(trial):
            # While nobody answers, the note of the attempt before is the last that is known.
            return {*live, Status.FAILED} if self.launcher.silent else live
        return set(Status) - {Status.COMPLETED}

    def finish(self) -> None:
        """Everybody answers again, and somebody goes on until nothing is left: no trial is forgotten."""
        self.launcher.silent = False
        self.launcher.arrive()
        for one in list(self.running):
            self.end(one, 1)
        for _ in range(6):
            lost = [i for i, fact in self.look().facts.items() if fact.status is Status.LOST]
            self.run(Choice(lost=True, indices=frozenset(lost)) if lost else Choice())
            for one in self.waiting():
                self.start(one)
            for one in list(self.running):
                self.end(one, 0)
        statuses = self.look().statuses
        assert statuses == dict.fromkeys(range(TRIALS), Status.COMPLETED)
        assert self.successes == dict.fromkeys(range(TRIALS), 1)
