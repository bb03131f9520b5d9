"""``herd drill``: a trial runs straight, and once cut short, queued again and resumed; do both end on the same numbers?

Each of the two has a state of its own below ``.hyperherd/drill``, in which it is an ordinary sweep of one trial: it is
submitted, claimed, queued again and looked at as any other. Folder, launch script, environment and index are the real
ones; only the names differ, and with them the checkpoint folders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from hyperherd.attempts import filenames
from hyperherd.drill import resumption, single_run
from hyperherd.drill.resumption import Course, Cut, Moment, Report, Terms
from hyperherd.drill.single_run import Going, Side, written_at
from hyperherd.engine.describe import Description
from hyperherd.engine.facts import Fact
from hyperherd.engine.launch import Prepared
from hyperherd.engine.placing import Wish
from hyperherd.engine.plan_of_facts import plan_of
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import HerdError
from hyperherd.jobs import Requeue
from hyperherd.launchers.node.script import warning_signal
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import LIVE, Status, Trial, Value
from hyperherd.workspace import layout, logs, results

LAST_WORDS = 10
"""Lines of the end of a log."""
UNHEARD = "nothing here handles"
"""What the script of a job says where it found nobody to pass the signal on to."""


@dataclass(frozen=True)
class Request:
    """What the user asked of a drill. ``overrides`` stand above all others in both runs; ``crash``: SIGKILL, and nobody
    is told.
    """

    seed: int
    wish: Wish = field(default_factory=Wish)
    overrides: Mapping[str, Value] = field(default_factory=dict)
    crash: bool = False
    keep: bool = False
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class Drill:
    """A trial to be drilled; ``tell`` is given what happens, in words for people."""

    sweep: Sweep
    description: Description
    trial: Trial
    request: Request
    tell: Callable[[str], None]

    @property
    def requeue(self) -> Requeue:
        """As the sweep says, and after time limits in any case."""
        asked = self.description.spec.requeue or Requeue()
        after = tuple(dict.fromkeys((*asked.after, "timeout")))
        return replace(asked, after=after, max_timeouts=max(asked.max_timeouts, 1))

    @property
    def notes(self) -> list[str]:
        """What was not as the YAML says."""
        asked = self.description.spec.requeue
        if asked is None:
            return [f"{layout.CONFIG} has no `requeue`; the drill stands for `requeue: true`."]
        if not asked.warns:
            return [f"{layout.CONFIG} does not requeue after a timeout; the drill does."]
        return []


def choose(sweep: Sweep, description: Description) -> tuple[Sequence[Trial], Mapping[int, Fact]]:
    """The trials that may be drilled, those first that were never submitted; and what is known of all.

    Raises `HerdError` for a sweep over a script, whose overrides do not name the trial.
    """
    if description.script:
        raise HerdError(
            f"{description.script.path.name} is not told its trials' names, and a drill would use their checkpoints",
            hint=f"write a {layout.CONFIG} for it: herd init",
        )
    known = sweep.known()
    planned = plan_of(description, known, Choice(force=True))
    described = {one.hash for one in description.trials}
    free = [t for t in planned.trials if t.hash in described and known.statuses.get(t.index) not in LIVE]
    return sorted(free, key=lambda t: t.units[0] in known.newest_attempt), known.facts


def run(drill: Drill) -> Report:
    """Do all of it. Nothing of it runs or, unless asked for, is kept after this has returned or raised.

    Raises `HerdError` where a run cannot be submitted or the trial cannot be told.
    """
    with single_run.folder(drill.sweep, drill.tell, keep=drill.request.keep) as folder:
        return _run(drill, folder)


def _run(drill: Drill, folder: Path) -> Report:
    request, trial = drill.request, drill.trial
    straight_side = _side(drill, folder, "straight")
    going = straight_side.start(lambda prepared: _announce(drill, straight_side, prepared))
    going.until_ended()
    straight = _course(straight_side)
    kept = str(folder) if request.keep else ""
    report = Report(going.launcher.name, trial.index, trial.name, request.seed, straight, kept=kept)
    if straight.status is not Status.COMPLETED:
        return report
    killed_side = _side(drill, folder, "killed")
    drill.tell(f"{killed_side.trial.name}: to be {'killed' if request.crash else 'told to end'} on the way")
    cut = _cut(drill, killed_side, resumption.moment(straight, Random(request.seed)))
    killed = _course(killed_side)
    return replace(
        report,
        notes=[*_notes(drill, straight), *resumption.not_met(straight, killed, request.terms)],
        killed=killed,
        cut=cut,
        compared=resumption.compared(straight, killed, request.terms),
        parted=resumption.parting(straight, killed, request.terms),
    )


def _notes(drill: Drill, straight: Course) -> list[str]:
    notes = [] if drill.request.crash else drill.notes
    if straight.attempts > 1:
        notes.append(f"The straight run took {straight.attempts} attempts: it was not left alone either.")
    if not straight.points:
        notes.append("No steps were logged (log_result(..., step=n)), so that lost ones cannot be told.")
    return notes


def _side(drill: Drill, folder: Path, word: str) -> Side:
    """A state in which the trial is the only one, and has a name of its own."""
    # Nobody has a name of this before: what an earlier drill has saved must not be found.
    name = f"{drill.trial.name}-drill-{folder.name[-4:]}-{word}"
    trial = replace(drill.trial, name=name, extras={**drill.trial.extras, **drill.request.overrides})
    spec = replace(drill.description.spec, requeue=drill.requeue)
    description = replace(drill.description, spec=spec)
    return single_run.alone(drill.sweep, description, trial, drill.request.wish, folder / word, drill.tell)


def _announce(drill: Drill, side: Side, prepared: Prepared) -> None:
    """Nothing is said of a run before all is well with what it was asked for."""
    drill.tell(f"{side.trial.name}: to its end, undisturbed")
    for finding in prepared.findings:
        drill.tell(f"note: {finding.what}\n  {finding.hint}")


def _cut(drill: Drill, side: Side, at: Moment) -> Cut | None:
    """Run it, cut it short, and let it go on to its end. None where it ended before."""
    going, index = side.start(), side.trial.index
    if not going.until(lambda: _reached(side, at)):
        return None
    time.sleep(at.after_s)
    signal = "KILL" if drill.request.crash else drill.requeue.signal
    sent_at = max((p.step for p in side.points().get(at.metric, ())), default=None)
    refused = going.signal("KILL" if drill.request.crash else warning_signal(drill.requeue))
    if refused:
        if side.outcome(1) is not None or not side.fact().moves:
            return None
        raise HerdError(
            f"trial {index} could not be sent SIG{signal}: {refused}", hint="try again; see herd status"
        )
    drill.tell(f"  SIG{signal}" + (f" at step {sent_at}" if sent_at is not None else ""))
    cut = Cut(signal, at, drill.requeue.notice_s, sent_at)
    late = not drill.request.crash and _is_late(drill, going)
    if drill.request.crash:
        _start_again(going)
    outcome = side.outcome(1)
    missed = outcome is not None and outcome.succeeded and written_at(_mark(side)) is None
    return None if missed else _gone_on(side, replace(cut, late=late))


def _start_again(going: Going) -> None:
    """What has crashed is submitted again, as the next ``herd run`` would; nothing where it had ended in time."""
    going.until_ended()
    if going.side.fact().status is not Status.COMPLETED:
        going.side.start().until_ended()


def _mark(side: Side) -> Path:
    return side.attempts.mark(side.unit, 1, filenames.TIMEOUT)


def _reached(side: Side, at: Moment) -> bool:
    if at.step is None:
        return side.claimed_at(1) is not None
    return any(point.step >= at.step for point in side.points().get(at.metric, ()))


def _is_late(drill: Drill, going: Going) -> bool:
    """Wait for the end of what was told to end, and of all that follows; stop it where it takes too long."""
    deadline = time.monotonic() + drill.requeue.notice_s
    side = going.side
    going.until(lambda: side.outcome(1) is not None or time.monotonic() > deadline)
    if side.outcome(1) is None and side.fact().moves:
        side.sweep.stop()
        return True
    drill.tell("  that attempt has ended")
    going.until_ended()
    return False


def _gone_on(side: Side, cut: Cut) -> Cut:
    """With what its files say of the attempt that was cut short and of the next."""
    outcome = side.outcome(1)
    points = side.points().get(cut.moment.metric, [])
    before, after = resumption.split(points, side.claimed_at(2), side.claimed_at(3))
    done = {point.step for point in before}
    told, ended = written_at(_mark(side)), side.ended_at(1)
    said = logs.tail(side.workspace.stderr(side.unit), 1000)
    return replace(
        cut,
        unheard=any(UNHEARD in line for line in said),
        save_s=None if told is None or ended is None else max(ended - told, 0.0),
        exit_code=outcome.exit_code if outcome else None,
        began=min(done, default=None),
        last=max(done, default=None),
        resumed=min((point.step for point in after), default=None),
        repeated=sorted(done & {point.step for point in after}),
    )


def _course(side: Side) -> Course:
    fact, index = side.fact(), side.trial.index
    begun, ended = side.claimed_at(1), side.ended_at(1)
    once = fact.attempt == 1 and begun is not None and ended is not None
    well = fact.status is Status.COMPLETED
    return Course(
        side.trial.name,
        fact.status,
        fact.reason,
        fact.attempt,
        ended - begun if once and begun is not None and ended is not None else None,
        results.finals(side.workspace.results, index),
        side.points(),
        () if well else tuple(logs.tail(side.workspace.stderr(side.unit), LAST_WORDS)),
    )
