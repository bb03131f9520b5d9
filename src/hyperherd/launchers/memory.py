"""A launcher in memory: it queues elements in this process and runs none. For tests of what stands on launchers.

A test says what happens: `MemoryLauncher.start` and `MemoryLauncher.end` are what an element's script would do on a
node, with the same files; `MemoryLauncher.requeue`, `MemoryLauncher.forget`, ``silent``, ``unseen`` and ``meanwhile``
are a scheduler's ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd.attempts import claims, notes, registers
from hyperherd.attempts.filenames import Outcome
from hyperherd.errors import SchedulerSilentError
from hyperherd.jobs import Batch, Element, Ended, Job, Phase, State
from hyperherd.launchers.base import Launcher, Stray
from hyperherd.launchers.splitting import Limits
from hyperherd.launchers.traits import Traits

TRAITS = Traits("memory", pause_s=0.01)

_WAITS, _RUNS = State(Phase.QUEUED, "WAITS"), State(Phase.RUNNING, "RUNS")


@dataclass(eq=False, repr=False)
class Queued:
    """One element in the queue; ``restarts`` counts how often it was queued again."""

    batch: Batch
    element: Element
    job_id: str
    state: State = _WAITS
    restarts: int = 0

    def __repr__(self) -> str:
        return f"<trial {self.element.unit}, attempt {self.attempt}, of job {self.job_id}: {self.state.word}>"

    @property
    def attempt(self) -> int:
        """The number of its attempt that runs, or will run next."""
        return self.element.attempt + self.restarts

    @property
    def is_live(self) -> bool:
        return self.state.phase in (Phase.QUEUED, Phase.RUNNING)


class MemoryLauncher(Launcher):
    """``queue`` has every element that was submitted, in order. While it is ``silent`` it answers no question; of what
    is ``unseen`` it says that nobody can look from here.

    What ``meanwhile`` does happens between a question and its answer.
    """

    name = "memory"
    traits = TRAITS

    def __init__(self, limits: Limits | None = None, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.queue: list[Queued] = []
        self.silent = False
        self.unseen: list[Queued] = []
        self.meanwhile = meanwhile
        self._limits = limits or Limits()
        self._ids = itertools.count(1)

    def limits(self, batch: Batch) -> Limits:
        """As it was made with."""
        return self._limits

    def check(self, batch: Batch) -> Mapping[str, str]:
        """It refuses nothing: what a batch asks for is for the test to hold."""
        return {}

    def script(self, batch: Batch) -> str:
        """What would run, a line for each element; nobody runs it."""
        return "".join(f"{one.number}: {batch.launch} {one.argument}\n" for one in batch.elements)

    def submit(self, batch: Batch) -> str:
        """Queue its elements under an id that no job had before."""
        job_id = str(next(self._ids))
        self.queue += [Queued(batch, element, job_id) for element in batch.elements]
        return job_id

    def find(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Those in the queue."""
        self._answer()
        tokens = {job.token for job in jobs}
        return {one.batch.token: one.job_id for one in self.queue if one.batch.token in tokens}

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        """As the queue has them at the moment of the question; what it has forgotten is absent."""
        self._answer()
        said = {(one.batch.token, one.element.number): one.state for one in self.queue}
        hidden = State(Phase.UNKNOWN, reason="it runs elsewhere")
        said.update({(one.batch.token, one.element.number): hidden for one in self.unseen})
        absent = State(Phase.ABSENT)
        answer = {job.token: {n: said.get((job.token, n), absent) for n in job.offers} for job in jobs}
        self.meanwhile()
        return answer

    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        """What waits never starts; what runs is told to end, and notes so."""
        if self.silent:
            return dict.fromkeys(elements, "memory does not answer")
        refused = {}
        for one in self._of(job.token):
            if one in self.unseen:
                refused[one.element.number] = "it runs elsewhere"
            elif one.element.number in elements and one.is_live:
                self.end(one, 143, Ended.CANCELLED, told=True)
        return refused

    def strays(self, state: Path, generation: str) -> list[Stray]:
        """By the files that they were submitted with."""
        self._answer()
        mine: dict[str, list[Queued]] = {}
        for one in self.queue:
            if one.is_live and one.batch.files.script.is_relative_to(state):
                mine.setdefault(one.batch.token, []).append(one)
        return [
            Stray(token, f"job {of[0].job_id}", any(one.state is _RUNS for one in of), (of[0].job_id,))
            for token, of in mine.items()
        ]

    def cancel_strays(self, strays: Sequence[Stray]) -> dict[Stray, str]:
        """All that lives of them."""
        for one in [one for stray in strays for one in self._of(stray.token) if one.is_live]:
            self.end(one, 143, Ended.CANCELLED, told=True)
        return {}

    def _of(self, token: str) -> Iterator[Queued]:
        return (one for one in self.queue if one.batch.token == token)

    def _answer(self) -> None:
        if self.silent:
            raise SchedulerSilentError("memory does not answer", hint="nothing was changed; try again later")

    def start(self, one: Queued) -> bool:
        """What its script does first: it looks for its folder, asks the register and claims the attempt. Whether it
        runs now.
        """
        files, first = one.batch.files, one.element.attempt
        runs = (
            files.register.parent.is_dir()
            and registers.settle(files.register, one.job_id) == one.job_id
            and all(
                claims.take(files.attempts, one.element.unit, attempt, one.batch.token, one.job_id)
                or (attempt < one.attempt and self._has_claimed(one, attempt))
                for attempt in range(first, one.attempt + 1)
            )
        )
        refused = replace(State.of_end(Ended.FAILED), exit_code=3)
        one.state = _RUNS if runs else refused
        return runs

    def _has_claimed(self, one: Queued, attempt: int) -> bool:
        claim = claims.read(one.batch.files.attempts, one.element.unit, attempt)
        return claim is not None and claim.token == one.batch.token

    def end(
        self, one: Queued, code: int = 0, end: Ended | None = None, *, told: bool = False, noted: bool = True
    ) -> None:
        """It ends with this exit code, and for the scheduler by ``end``; ``noted``: its script could still say so."""
        if one.state.phase is Phase.RUNNING and noted and one.batch.files.register.parent.is_dir():
            outcome = Outcome(code, terminated=told)
            notes.write(one.batch.files.attempts, one.element.unit, one.attempt, outcome)
        end = end or (Ended.FAILED if code else Ended.COMPLETED)
        one.state = replace(State.of_end(end), exit_code=code)

    def requeue(self, one: Queued) -> None:
        """The scheduler queues it again."""
        one.restarts, one.state = one.restarts + 1, _WAITS

    def begin_ids_anew(self) -> None:
        """The scheduler is set up anew: its next jobs get ids that others had."""
        self._ids = itertools.count(1)

    def forget(self, one: Queued) -> None:
        """The scheduler no longer knows of it."""
        self.queue.remove(one)

    def run_all(self, code_of: Callable[[Element], int] = lambda element: 0) -> None:
        """Every element that waits runs to its end, with the exit code that ``code_of`` gives it."""
        for one in [one for one in self.queue if one.state.phase is Phase.QUEUED]:
            if self.start(one):
                self.end(one, code_of(one.element))
