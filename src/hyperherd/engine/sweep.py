"""A sweep, and all that is done with it: look, list, plan, run, wait, stop, clean. It prints nothing.

What each of these does stands in a module of its own beside this one; commands, the drill and Hydra's plugin go through
here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hyperherd.engine import facts, launchers_here, observe, snapshot
from hyperherd.engine.facts import Fact, Known
from hyperherd.engine.observe import Listed
from hyperherd.engine.shared_looks import ASK, Looks
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.errors import HerdError
from hyperherd.jobs import Usage
from hyperherd.launchers.base import Launcher
from hyperherd.sweep import selection
from hyperherd.sweep.trial import Trial
from hyperherd.workspace import folder, known_sweeps, layout, results
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

if TYPE_CHECKING:  # a command that looks does not load what submits
    from hyperherd.engine.compared import Metrics, Results
    from hyperherd.engine.dashboard import Dashboard
    from hyperherd.engine.describe import Description
    from hyperherd.engine.inspection import Inspection
    from hyperherd.engine.launch import Made, Prepared
    from hyperherd.engine.pieces import Run, RunRequest
    from hyperherd.engine.repair import Mended
    from hyperherd.engine.stopping import Stopped
    from hyperherd.engine.trying import Tried
    from hyperherd.search.source import Source
    from hyperherd.workspace.summaries import Summaries


@dataclass(frozen=True)
class Sweep:
    """The sweep of a workspace, and who may run its trials: by name, the launchers that there are here."""

    workspace: Workspace
    launchers: Mapping[str, Launcher] = field(default_factory=launchers_here.launchers)

    @classmethod
    def at(cls, path: Path | None = None) -> Sweep:
        """That of a folder, its YAML or a script; None: that of the folder we are in, or of one above it.

        Raises `HerdError` where there is none.
        """
        return cls(folder.find(path))

    def describe(self, *, source: Source | None = None, even_if_many: bool = False) -> Description:
        """Read the YAML, or the script, and ask its source (or another) for the trials. Raises `ConfigError`, and
        `HerdError` for more than a million unless told, and for what no memory holds.
        """
        from hyperherd.engine import describe

        return describe.describe(self.workspace, source=source, even_if_many=even_if_many)

    def listed(self, description: Description) -> Sequence[Listed]:
        """All trials that the next run would know; asks nobody and writes nothing."""
        return observe.listed(self.workspace, description)

    def look(
        self,
        words: Sequence[str] = (),
        where: str | None = None,
        *,
        lines: bool = False,
        silent_is_fatal: bool = False,
        looks: Looks = ASK,
    ) -> Look:
        """Ask the launchers once, and keep the trials that the words (numbers, ranges, names) and ``where`` name.

        ``lines``: with the last line of each one's log; ``looks``: how launchers are asked. One that does not answer is
        a warning of the snapshot,
        or with ``silent_is_fatal`` raises `SchedulerSilentError`. Raises `HerdError` for trials that are not there,
        `ExpressionError`.
        """
        known, seen = observe.look(
            self.workspace, self.launchers, lines=lines, silent_is_fatal=silent_is_fatal, looks=looks
        )
        known_sweeps.note(self.workspace)
        if words:
            named = self._named(words, [view.trial for view in seen.trials])
            by_index = {view.index: view for view in seen.trials}
            seen = replace(seen, trials=[by_index[index] for index in named])
        if where:
            status = {view.index: str(view.status) for view in seen.trials}
            held = selection.holding([view.trial for view in seen.trials], where, status)
            seen = replace(seen, trials=[view for view in seen.trials if view.index in held])
        return Look(self, known, seen, named=bool(words or where))

    def _named(self, words: Sequence[str], trials: Sequence[Trial]) -> list[int]:
        """Of those that are known. Raises `HerdError`, which tells one that has not run yet from one that is none."""
        try:
            return selection.named(words, trials, meant)
        except HerdError as error:
            if not self._describes(words):
                raise
            yet = "trial " + ", ".join(words) + " has not run yet"
            raise HerdError(yet, hint="herd run; what it would be given: herd run -n") from error

    def _describes(self, words: Sequence[str]) -> bool:
        try:
            listed = self.listed(self.describe())
            return bool(selection.named(words, [one.trial for one in listed]))
        except HerdError:
            return False

    def known(self) -> Known:
        """Ask the launchers once, and say what is known of all trials; nothing of it is kept."""
        return facts.read(self.workspace, self.launchers, silent_is_fatal=False)

    def asked(self, description: Description, request: RunRequest) -> Run:
        """A run of what is described, to be planned or carried out."""
        from hyperherd.engine.pieces import Run

        return Run(self.workspace, description, self.launchers, request)

    def plan(self, run: Run) -> Prepared:
        """What a run would do; changes nothing. Raises as `launch.prepare`."""
        from hyperherd.engine import launch

        return launch.prepare(run)

    def carry_out(self, run: Run, announce: Callable[[Prepared], None]) -> tuple[Prepared, list[Made]]:
        """Do it; ``announce`` is told first what will be done, and may raise to stop it. Raises as `launch.execute`."""
        from hyperherd.engine import launch

        done = launch.execute(run, announce)
        known_sweeps.note(self.workspace)
        return done

    def test(self, description: Description, trial: Trial, *, cfg_job: bool = False) -> Tried:
        """Run one trial here to its end, its output on our own stdout and stderr; with ``cfg_job`` Hydra prints its
        configuration instead. Its logs and results are kept apart.

        Raises `HerdError` for a trial whose checkpoints may be in use.
        """
        from hyperherd.engine import trying

        if not cfg_job:
            trying.check(self.workspace, self.launchers, trial)
        return trying.attempt(self.workspace, description, trial, cfg_job=cfg_job)

    def wait(
        self,
        indices: Iterable[int],
        submitted: Iterable[Submission],
        each: Callable[[Known], None] = lambda _: None,
    ) -> Known:
        """Until none of these trials of these submissions moves; ``each`` is told of every look."""
        from hyperherd.engine import wait_for_trials

        pause_s = wait_for_trials.pause_s(*(record.launcher for record in submitted))
        looks = Looks.shared(pause_s)
        trials = wait_for_trials.Trials(self.workspace, self.launchers, indices, each, looks)
        known = wait_for_trials.until_ended(trials, pause_s)
        observe.remember(self.workspace, known)
        return known

    def views(self, known: Known, indices: Iterable[int]) -> Sequence[TrialView]:
        """These trials as people look at them, with the last lines of their logs; asks nobody."""
        wanted = set(indices)
        some = replace(known, facts={i: fact for i, fact in known.facts.items() if i in wanted})
        return snapshot.take(self.workspace, some, lines=True).trials

    def seen(self, known: Known) -> Look:
        """All of its trials as they were known, with what those that failed have said; asks nobody."""
        return Look(self, known, snapshot.take(self.workspace, known, lines=True), named=False)

    def succeeds(self) -> bool:
        """Wait until no trial is live; whether all that are not orphans have completed."""
        from hyperherd.engine import wait_for_trials

        return wait_for_trials.until_succeeded(self.workspace, self.launchers)

    def stop(self, indices: Iterable[int] | None = None) -> Stopped:
        """Cancel these trials, or all. Raises `SchedulerSilentError`."""
        from hyperherd.engine import stopping

        return stopping.stop(self.workspace, self.launchers, indices)

    def clean(self, *, logs: bool = False, everything: bool = False) -> Stopped:
        """Cancel all; delete the logs, or all state. Raises `HerdError`: then nothing is deleted."""
        from hyperherd.engine import stopping

        return stopping.clean(self.workspace, self.launchers, logs=logs, everything=everything)

    def is_original(self) -> None:
        """The user's word that the workspace was moved here: its jobs are its own. Raises `WorkspaceError`."""
        from hyperherd import fsio
        from hyperherd.engine import repair

        with fsio.Lock(self.workspace.lock) as lock:
            repair.take_over(self.workspace, lock)

    def is_copy(self) -> list[int]:
        """The user's word that the workspace is a copy; the trials that it leaves to the original. Raises
        `WorkspaceError`.
        """
        from hyperherd import fsio
        from hyperherd.engine import repair

        with fsio.Lock(self.workspace.lock) as lock:
            return repair.leave_to_the_original(self.workspace, self.launchers, lock)

    def repair(self, *, check: bool = False) -> tuple[Mended, Path | None]:
        """Mend a damaged state folder; return what was wrong, and where copies of the files before are. ``check`` only
        looks. Raises `WorkspaceError`.
        """
        from hyperherd import fsio
        from hyperherd.engine import repair

        if check:
            return repair.look(self.workspace), None
        with fsio.Lock(self.workspace.lock) as lock:
            return repair.carry_out(self.workspace, lock)


@dataclass(frozen=True)
class Look:
    """One look at a sweep: what is known of all of it, and the snapshot of the trials that were asked for.

    ``named``: they were named, and are not simply all.
    """

    sweep: Sweep
    known: Known
    snapshot: Snapshot
    named: bool

    @property
    def workspace(self) -> Workspace:
        return self.sweep.workspace

    @property
    def indices(self) -> list[int]:
        return [view.index for view in self.snapshot.trials]

    def one(self) -> TrialView:
        """The trial that was asked for. Raises `HerdError` where it is not one."""
        if len(self.snapshot.trials) != 1:
            raise HerdError(
                f"{len(self.snapshot.trials)} trials, where one is wanted", hint="name it by its number"
            )
        return self.snapshot.trials[0]

    def fact(self, view: TrialView) -> Fact:
        return self.known.facts[view.index]

    def usage(self) -> dict[int, Usage]:
        """Time and memory that they used, as far as somebody measured it. Raises `SchedulerSilentError`."""
        return observe.usage(self.workspace, self.known, self.sweep.launchers, self.indices)

    def finals(self) -> Metrics:
        """Their final metrics."""
        wanted = set(self.indices)
        return {i: found for i, found in results.all_finals(self.workspace.results).items() if i in wanted}

    def results(self, *, last: bool = False, streams: bool = True) -> Results:
        """What they have logged, compared by the metric of the YAML; ``last``: of metrics with steps the last value,
        whatever the YAML says; ``streams``: also of those that were logged with steps alone.
        """
        from hyperherd.engine import compared

        about = compared.about(self.workspace)
        if last:
            about = replace(about, metrics=tuple(replace(one, at="last") for one in about.metrics))
        return compared.results(self.snapshot, about, streams=streams)

    def dashboard(self, summaries: Summaries | None = None, *, every_time: bool = False) -> Dashboard:
        """All that people look at while they run; ``every_time``: how long each one took."""
        from hyperherd.engine import dashboard

        return dashboard.take(self.known, self.snapshot, summaries, every_time=every_time)

    def inspect(self, view: TrialView) -> Inspection:
        """All about one of them. Raises `ConfigError`."""
        from hyperherd.engine import inspection

        return inspection.inspect(self.workspace, self.known, view.index)

    def going_on(self, view: TrialView, least_pause_s: float) -> Callable[[], bool]:
        """A function that says whether a trial still moves; it looks when a look is due, and says yes between."""
        from hyperherd.engine import outputs, wait_for_trials

        record = self.fact(view).submission
        pause_s = max(wait_for_trials.pause_s(record.launcher), least_pause_s) if record else least_pause_s
        return outputs.going_on(self.workspace, self.sweep.launchers, view.index, pause_s)


def meant(word: str) -> str:
    """What else a word might have meant that names no trial."""
    return f"the folder {word} holds no {layout.CONFIG}" if os.path.isdir(word) else ""
