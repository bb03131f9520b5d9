"""A sweep in this process, on the launcher in memory, and what an honest observer knows of it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from hyperherd.attempts import registers
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.engine import facts, launch, observe, repair, stopping
from hyperherd.engine.describe import Description, describe
from hyperherd.engine.facts import Known
from hyperherd.engine.pieces import Run, RunRequest
from hyperherd.errors import HerdError, SchedulerSilentError, SubmissionUnknownError
from hyperherd.fsio import Lock, processes
from hyperherd.jobs import Batch, Ended, Phase
from hyperherd.launchers.direct.spawning import DIALECT
from hyperherd.launchers.memory import MemoryLauncher, Queued
from hyperherd.launchers.node.script import script
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status
from hyperherd.workspace import attempt_folders, submissions
from hyperherd.workspace.folder import Workspace

TRIALS = 3
RECORD = ("workspace.json", "manifest.json", "job_ids.json")


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

    def script(self, batch: Batch) -> str:
        """As on this machine: a lost record is made again from it."""
        return script(batch, DIALECT)

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
        except HerdError:
            if not self.damaged:
                raise

    def _bury(self) -> None:
        """Whoever was killed is this process, which lives: its intents get an owner that does not."""
        gone = replace(processes.me(), pid=2**22 + 1, start=1)
        if not self.workspace.job_ids.exists():
            return
        records = [
            msgspec.structs.replace(one, owner=str(gone)) if one.state == "intent" else one
            for one in submissions.read(self.workspace)
        ]
        with Lock(self.workspace.lock):
            submissions.write(self.workspace, records)
            for one in records:
                if one.state == "intent":
                    submissions.keep(self.workspace, one)  # `repair` believes its copy

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
        if one.batch.files.register.parent.is_dir():
            self.successes[one.element.unit.trial] += not code and noted

    def remove(self) -> None:
        """Somebody has removed the state folder: what is recorded there counts no more."""
        shutil.rmtree(self.workspace.state, ignore_errors=True)
        self.successes.clear()

    def lose(self, *names: str) -> None:
        """Files of the record are gone."""
        for name in names:
            (self.workspace.state / name).unlink(missing_ok=True)

    def backup(self) -> dict[str, bytes]:
        """The record as it is now."""
        paths = [self.workspace.state / name for name in RECORD]
        return {path.name: path.read_bytes() for path in paths if path.exists()}

    def restore(self, record: Mapping[str, bytes]) -> None:
        """Somebody has brought back an older record, of this life of the state folder."""
        for name, content in record.items():
            (self.workspace.state / name).write_bytes(content)

    def repair(self) -> None:
        if not self.workspace.state.exists():
            return
        with Lock(self.workspace.lock) as lock:
            repair.carry_out(self.workspace, lock)

    def copied(self) -> None:
        """Somebody copies the folder, and types `run` and `stop` there: nothing of the original's changes."""
        before = [(one, one.state) for one in self.launcher.queue]
        with tempfile.TemporaryDirectory() as folder:
            copy = Workspace(Path(shutil.copytree(self.workspace.root, Path(folder, "copy"))))
            launchers = {"memory": self.launcher}
            with contextlib.suppress(HerdError):
                launch.execute(
                    Run(copy, describe(copy), launchers, RunRequest(choice=Choice())), lambda _: None
                )
            with contextlib.suppress(HerdError):
                stopping.stop(copy, launchers, None)
        new = [one for one in self.launcher.queue if one.batch.files.script.is_relative_to(folder)]
        # What somebody has queued again by hand is shown as ended until it begins, in the original too.
        # So is one that nobody can see, whose attempt before has noted its failure. One that was given up, and arrived
        # all the same, runs nothing.
        hidden = [*self.by_hand, *self.launcher.unseen]
        known = [one for one, _ in before if one.is_live and one not in hidden and self.may_run(one)]
        assert not new or not any(one.batch.token in self.on_record for one in known)
        self.launcher.queue = [one for one in self.launcher.queue if one not in new]
        assert [(one, one.state) for one in self.launcher.queue] == before

    @property
    def on_record(self) -> set[str]:
        return {record.token for record in submissions.read(self.workspace)}

    @property
    def damaged(self) -> bool:
        """Whether something is not on record."""
        live = {one.batch.token for one in self.launcher.queue if one.is_live}
        return bool(live - self.on_record) or not repair.look(self.workspace).whole

    def queue_by_hand(self, one: Queued) -> None:
        """Until it begins, the trial is shown as what was heard of it before."""
        self.launcher.requeue(one)
        self.by_hand.append(one)

    def stop(self, trial: int) -> None:
        if trial not in self.look().facts:
            return
        try:
            stopping.stop(self.workspace, {"memory": self.launcher}, [trial])
        except SchedulerSilentError:
            assert self.launcher.silent
        self.running = [one for one in self.running if one.state.phase is Phase.RUNNING]

    def look(self) -> Known:
        known = facts.read(self.workspace, {"memory": self.launcher}, silent_is_fatal=False, lenient=True)
        observe.remember(self.workspace, known)
        return known

    def waiting(self) -> list[Queued]:
        return [one for one in self.launcher.queue if one.state.phase is Phase.QUEUED]

    def can_start(self, trial: int) -> bool:
        """Whether something that waits would run it, if it began now."""
        return any(
            one.element.unit.trial == trial
            and one not in self.by_hand
            and self.may_run(one)
            and one.attempt > self.newest_claim(trial, of_others_than=one.batch.token)
            for one in self.waiting()
        )

    def may_run(self, one: Queued) -> bool:
        """Whether its register lets it."""
        return registers.settled(one.batch.files.register) in (None, one.job_id)

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
        live = {Status.SUBMITTED, Status.QUEUED, Status.RUNNING}
        if self.damaged:
            ended = {Status.COMPLETED} if self.successes[trial] else set(Status) - {Status.COMPLETED}
            return {*live, Status.LOST} | (set() if runs else ended)
        if self.successes[trial]:
            return {Status.COMPLETED}
        blind = self.launcher.silent or any(one.element.unit.trial == trial for one in self.launcher.unseen)
        if runs:
            hidden = any(
                one.element.unit.trial == trial and one not in self.launcher.queue for one in self.running
            )
            beside = any(one.element.unit.trial == trial and one in self.by_hand for one in self.running)
            unclear = beside or blind  # beside: that of a later run may wait as well
            return {*live, Status.LOST} if hidden else live if unclear else {Status.RUNNING}
        if self.can_start(trial):
            # While nobody answers, the note of the attempt before is the last that is known.
            return {*live, Status.FAILED} if blind else live
        return set(Status) - {Status.COMPLETED}

    def finish(self) -> None:
        """Everybody answers again, and somebody goes on until nothing is left: no trial is forgotten."""
        self.launcher.silent = False
        self.launcher.unseen.clear()
        self.launcher.arrive()
        for one in list(self.running):
            self.end(one, 1)
        for _ in range(6):
            self.repair()
            lost = [i for i, fact in self.look().facts.items() if fact.status is Status.LOST]
            self.run(Choice(lost=True, indices=frozenset(lost)) if lost else Choice())
            for one in self.waiting():
                self.start(one)
            for one in list(self.running):
                self.end(one, 0)
        statuses = self.look().statuses
        assert list(statuses.values()) == [Status.COMPLETED] * TRIALS, statuses
        # Where manifest and record were lost, a trial has got another number: none is used again.
        assert +self.successes == Counter(list(statuses)), (self.successes, statuses)
