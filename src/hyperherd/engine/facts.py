"""What became of every trial: the workspace's own files and one question to each launcher.

Absent is not finished, unknown is not success, and a launcher that does not answer changes nothing.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from hyperherd import units
from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.attempts.listing import Listing
from hyperherd.engine import end_causes, off_record, submitting
from hyperherd.engine.shared_looks import ASK, Looks
from hyperherd.errors import DamagedFileError, SchedulerSilentError
from hyperherd.jobs import Ended, Phase, State
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.sweep.trial import AGAIN, ENDED_EARLY, LIVE, MOST_TELLING, Status, Trial, status_of
from hyperherd.workspace import attempt_folders, ended, manifest, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

NOT_ASKED = State(Phase.UNKNOWN)
NO_ANSWER = State(Phase.UNKNOWN, "NO_ANSWER")
OFF_RECORD = "attempt {} belongs to a submission that is not on record; run herd repair"
CLAIM_GONE = "it has written a log, and its claims and notes are gone"
INTERRUPTED = "its submission was interrupted; herd run settles it"


@dataclass(frozen=True)
class Fact:
    """All that is known of one trial now, or of a task of it (``unit``).

    ``attempt`` is the number of its newest attempt in the newest submission, 0 before one has begun; ``element`` is the
    number of the element of that submission that is offered it.
    ``causes``: attempt -> what cut it short, of those of any submission that were.
    ``interrupted``: whoever submitted it is gone, and only the next ``herd run`` decides what became of that.
    A trial with ``tasks`` is what they make together; all else that it says is of one of them, which shows best why.
    """

    trial: Trial
    unit: Unit
    status: Status
    reason: str = ""
    attempt: int = 0
    outcome: Outcome | None = None
    state: State = NOT_ASKED
    submission: Submission | None = None
    element: int = 0
    interrupted: bool = False
    causes: Mapping[int, str] = field(default_factory=dict)
    tasks: Sequence[Fact] = ()

    @property
    def runs(self) -> Sequence[Fact]:
        """What has jobs of its own: its tasks, or itself."""
        return self.tasks or (self,)

    @property
    def unseen(self) -> bool:
        """Whether it may live, and nobody could be asked."""
        submitted = self.submission is not None and self.submission.state == "submitted"
        return submitted and self.status in LIVE and self.state.phase is Phase.UNKNOWN

    @property
    def out_of_sight(self) -> bool:
        """Whether it may live where nobody can look from here, which waiting does not change."""
        return self.unseen and bool(self.state.reason)

    @property
    def moves(self) -> bool:
        """Whether its status changes by waiting."""
        return self.status in LIVE and not self.interrupted


@dataclass(frozen=True)
class Known:
    """The whole workspace as it stands. ``warnings`` are for people: launchers that did not answer. ``off_record`` are
    the tokens of submissions that have left traces and are not on record. ``asked_at``: when each launcher (by its
    name) said what is told here, in seconds since the epoch.
    """

    manifest: manifest.Manifest
    submissions: Sequence[Submission]
    facts: Mapping[int, Fact]
    heard: ended.Heard = field(default_factory=dict)
    newest_attempt: Mapping[Unit, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    off_record: Sequence[str] = ()
    asked_at: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def statuses(self) -> dict[int, Status]:
        return {index: fact.status for index, fact in self.facts.items()}


@dataclass(frozen=True)
class _Tracked:
    """A unit's newest submission (or the one that claimed its newest attempt) and what its own files say.

    ``element`` is the number of the element that is offered it; ``attempt`` is 0 before one has begun;
    ``stopped`` says that we asked the submission to end it.
    """

    unit: Unit
    submission: Submission
    element: int
    attempt: int
    outcome: Outcome | None
    stopped: bool

    @property
    def known(self) -> int:
        """Grows with each attempt that begins or is noted: what was said before that is out of date."""
        return 2 * self.attempt + (self.outcome is not None)

    @property
    def key(self) -> str:
        """Of what was heard of its submission."""
        return ended.key(self.submission.token, self.unit, self.attempt)

    def heard(self, heard: ended.Heard) -> State | None:
        """What was said of this attempt's end."""
        of_submission = heard.get(self.submission.token)
        return of_submission.get(self.key) if of_submission else None

    def settled(self, heard: ended.Heard) -> bool:
        """Whether nobody has to be asked: a job that ended before it began may be queued again by hand, and begin."""
        said = self.heard(heard)
        final = self.attempt or self.submission.legacy or (said and said.end is Ended.CANCELLED)
        return (self.outcome is not None and self.outcome.succeeded) or bool(said and final)


def read(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    *,
    silent_is_fatal: bool,
    looks: Looks = ASK,
    lenient: bool = False,
) -> Known:
    """Everything known about the workspace; asks the launchers about the trials that their own notes do not settle.

    A launcher that is not in ``launchers`` is not asked; ``looks`` may take what another command has
    just heard. With ``silent_is_fatal`` one that does not answer raises
    `SchedulerSilentError`; else it is a warning, and its trials are shown as last known. Damaged files raise
    `DamagedFileError`; if ``lenient`` what is left is enough, and that is a warning too.
    """
    stored, read_records, damage = _stored(workspace, lenient)
    records = [_with_register(workspace, record) for record in read_records]
    heard = ended.read(workspace)
    all_listed = attempt_folders.read(workspace)
    off = off_record.tokens(workspace, records)
    strange = off_record.attempts(workspace, all_listed, records) if off else set()
    listed = off_record.believed(all_listed, strange)
    of_trials = [trial.units for trial in stored.trials]
    tracked = _track(of_trials, records, listed)
    unsettled = _unsettled(tracked, heard)
    asked_at: dict[str, float] = {}
    states, warnings = _ask(workspace, launchers, unsettled, silent_is_fatal, looks, asked_at)
    warnings += damage
    if unsettled:
        before, all_listed = tracked, attempt_folders.read(workspace)
        listed = off_record.believed(all_listed, strange)
        tracked = _track(of_trials, records, listed)
        states = _without_the_outrun(states, before, tracked)
    if taken := _taken_by_others(workspace, tracked, states, records):
        tracked.update(taken)
        more, _ = _ask(workspace, launchers, _unsettled(taken, heard), silent_is_fatal, looks, asked_at)
        states = {token: {**states.get(token, {}), **more.get(token, {})} for token in {*states, *more}}
    heard = _remember(heard, tracked, states)
    interrupted = {r.token for r in records if r.state == "intent" and not submitting.submitting(r)}
    causes = end_causes.causes(listed, heard, records)
    beside = dict(sorted(strange))

    def fact(trial: Trial, unit: Unit) -> Fact:
        state = _state(tracked, states, heard, unit)
        found = _fact(stored, trial, unit, tracked.get(unit), state, interrupted)
        if unit in beside and found.status is not Status.COMPLETED:
            return replace(found, status=Status.LOST, reason=OFF_RECORD.format(beside[unit]))
        if unit not in all_listed.newest and _has_begun(workspace, found):
            return replace(found, status=Status.LOST, reason=CLAIM_GONE)
        if unit in causes:
            found = _with_causes(workspace, found, causes[unit], listed)
        return _with_last_sign(workspace, found) if found.unseen else found

    facts = {
        trial.index: _together(trial, [fact(trial, unit) for unit in of_trial])
        for trial, of_trial in zip(stored.trials, of_trials, strict=True)
    }
    if off:
        warnings.append(off_record.warning(off))
    warnings += _of_the_unseen(facts.values())
    return Known(stored, records, facts, heard, all_listed.newest, tuple(warnings), off, asked_at)


def _has_begun(workspace: Workspace, fact: Fact) -> bool:
    """Whether an attempt has begun of what seems not to have: a script opens its logs once it has claimed one."""
    if fact.submission is None or fact.submission.legacy:
        return False
    seems_not = fact.status in AGAIN or (fact.status is Status.SUBMITTED and fact.unseen)
    return seems_not and workspace.stdout(fact.unit).exists()


def _with_last_sign(workspace: Workspace, fact: Fact) -> Fact:
    """The fact of a trial that may live unseen: since when it has not been seen, by its logs, and who can look."""
    if fact.state is NOT_ASKED:
        return fact
    written = [path for path in (workspace.stdout(fact.unit), workspace.stderr(fact.unit)) if path.exists()]
    signs = [path.stat().st_mtime for path in written]
    since = f" since {units.moment(max(signs), time.time())}" if signs else ""
    who = f": {fact.state.reason}" if fact.state.reason else ""
    return replace(fact, reason=f"not seen{since}{who}")


def _of_the_unseen(facts: Iterable[Fact]) -> list[str]:
    """What may live where nobody can look from here, by who can, and what to type."""
    by_who: dict[str, list[int]] = {}
    for fact in facts:
        for who in {run.state.reason for run in fact.runs if run.out_of_sight}:
            by_who.setdefault(who, []).append(fact.trial.index)
    return [
        f"cannot be seen from here: trial {units.folded(indices)} ({who})\n  run herd status there; "
        f"if that place is gone for good: herd run --lost -i {units.folded(indices)}"
        for who, indices in by_who.items()
    ]


def _stored(
    workspace: Workspace, lenient: bool
) -> tuple[manifest.Manifest, Sequence[Submission], Sequence[str]]:
    """The record, and what has to be said of it."""
    records: Sequence[Submission]
    damage: Sequence[str] = ()
    try:
        stored, records = manifest.read(workspace), submissions.read(workspace)
    except DamagedFileError as error:
        if not lenient:
            raise
        from hyperherd.engine import repair  # for those who meet damage

        mended = repair.readable(workspace, error)
        stored, records, damage = mended.manifest, mended.records, mended.findings
    if not stored.trials:  # of a life before this one, nothing may be taken for a new trial's
        stored = replace(stored, next_index=max(stored.next_index, workspace.first_unused()))
    return stored, records, damage


def _with_causes(workspace: Workspace, fact: Fact, causes: Mapping[int, str], listed: Listing) -> Fact:
    """The fact of a trial of which some attempts were cut short: if the newest was, that is why it has failed.

    A job that is gone, and whose trial had been told of its time limit or was preempted, was ended by that.
    """
    fact = replace(fact, causes=causes)
    marks = listed.marks.get((fact.unit, fact.attempt), frozenset())
    told = {filenames.TIMEOUT, filenames.PREEMPTION} & marks
    gone = fact.status is Status.LOST and fact.state.phase is Phase.ABSENT and told
    if fact.attempt not in causes or fact.submission is None or not (fact.status is Status.FAILED or gone):
        return fact
    record = fact.submission
    first = record.attempts[record.units.index(fact.unit)]
    refused = ""
    if filenames.REFUSED in marks:
        words = attempt_folders.refusal(workspace, fact.unit, fact.attempt)
        refused = f"{shipped.traits(record.launcher).title} would not queue it again: {words}"
    why = end_causes.reason(causes, fact.attempt, first, record.requeue, refused)
    return replace(fact, status=Status.FAILED, reason=why)


def _with_register(workspace: Workspace, record: Submission) -> Submission:
    """An intent as its register has decided it, if it has: its submitter may have been killed before it wrote so."""
    if record.state != "intent":
        return record
    decision = submissions.settled(workspace, record.token)
    return submitting.as_decided(record, decision) if decision else record


def _track(
    of_trials: Iterable[Sequence[Unit]], records: Sequence[Submission], listed: Listing
) -> dict[Unit, _Tracked]:
    newest: dict[Unit, tuple[Submission, int, int, bool]] = {}
    for record in records:
        if record.state != "void":
            stopped = set(record.stopped)
            rows = zip(record.units, record.numbers, record.attempts, strict=True)
            newest.update((unit, (record, n, first, unit.number in stopped)) for unit, n, first in rows)
    tracked = {}
    for unit in itertools.chain.from_iterable(of_trials):
        if unit not in newest:
            continue
        record, element, first, stopped_here = newest[unit]
        attempt = listed.newest.get(unit, 0)
        attempt = attempt if attempt >= first else 0
        outcome = listed.outcomes.get((unit, attempt)) if attempt else None
        tracked[unit] = _Tracked(unit, record, element, attempt, outcome, stopped_here)
    return tracked


def _unsettled(
    tracked: Mapping[Unit, _Tracked], heard: ended.Heard
) -> dict[str, list[tuple[Submission, dict[int, int]]]]:
    """Launcher -> submissions with their elements that somebody has to be asked about, and what is known of each."""
    asked: dict[str, tuple[Submission, dict[int, int]]] = {}
    for one in tracked.values():
        record = one.submission
        if one.settled(heard) or record.state == "intent":
            continue
        asked.setdefault(record.token, (record, {}))[1][one.element] = one.known
    by_launcher: dict[str, list[tuple[Submission, dict[int, int]]]] = {}
    for record, known in asked.values():
        by_launcher.setdefault(record.launcher, []).append((record, known))
    return by_launcher


def _ask(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    unsettled: Mapping[str, Sequence[tuple[Submission, dict[int, int]]]],
    silent_is_fatal: bool,
    looks: Looks,
    asked_at: dict[str, float],
) -> tuple[dict[str, dict[int, State]], list[str]]:
    """What they say, and what has to be said of that; ``asked_at`` is told when each of them was asked."""
    states: dict[str, dict[int, State]] = {}
    warnings: list[str] = []
    for name, asked in unsettled.items():
        if name not in launchers:
            if launchers:
                warnings.append(
                    f"some trials were submitted with {name}, {shipped.why_absent(name)}: "
                    "nothing can be said of them"
                )
            continue
        try:
            here = launchers[name].where()
            mine = [(record, known) for record, known in asked if record.where in ("", here)]
            wanted = [(submissions.job(workspace, record, known), known) for record, known in mine]
            if wanted:
                states.update(
                    looks.poll(launchers[name], wanted, warnings.append, partial(asked_at.__setitem__, name))
                )
        except SchedulerSilentError as silent:
            if silent_is_fatal:
                raise
            warnings.append(f"{silent}\n  What follows is as last known.")
            states.update({record.token: dict.fromkeys(known, NO_ANSWER) for record, known in asked})
            continue
        for record, known in asked:
            if record.where not in ("", here):
                elsewhere = State(Phase.UNKNOWN, reason=f"it runs on {record.where}")
                states[record.token] = dict.fromkeys(known, elsewhere)
    return states, warnings


def _without_the_outrun(
    states: Mapping[str, Mapping[int, State]], before: Mapping[Unit, _Tracked], now: Mapping[Unit, _Tracked]
) -> dict[str, dict[int, State]]:
    """Without the ends of attempts that the next one has followed while the question was being asked."""
    outrun = {
        (one.submission.token, one.element)
        for unit, one in now.items()
        if unit in before and 0 < before[unit].attempt < one.attempt
    }

    def still(token: str, element: int, state: State) -> State:
        over = state.phase in (Phase.ENDED, Phase.ABSENT)
        return NOT_ASKED if over and (token, element) in outrun else state

    return {token: {n: still(token, n, s) for n, s in said.items()} for token, said in states.items()}


def _taken_by_others(
    workspace: Workspace,
    tracked: Mapping[Unit, _Tracked],
    states: Mapping[str, Mapping[int, State]],
    records: Sequence[Submission],
) -> dict[Unit, _Tracked]:
    """Those whose newest attempt was claimed by another submission than the newest: that one has to be asked.

    Ours ended because it lost the claim; the other is, say, an older job that was queued again by hand.
    """
    by_token = {record.token: record for record in records}
    taken = {}
    for unit, one in tracked.items():
        state = states.get(one.submission.token, {}).get(one.element)
        if state is None or not one.attempt or one.outcome or state.phase in (Phase.QUEUED, Phase.RUNNING):
            continue
        claim = attempt_folders.claim(workspace, unit, one.attempt)
        if claim is not None and claim.token != one.submission.token and claim.token in by_token:
            owner = by_token[claim.token]
            element = claim.element if claim.element is not None else owner.numbers[owner.units.index(unit)]
            stopped = unit.number in owner.stopped
            taken[unit] = replace(one, submission=owner, element=element, stopped=stopped)
    return taken


def _remember(
    heard: ended.Heard, tracked: Mapping[Unit, _Tracked], states: Mapping[str, Mapping[int, State]]
) -> ended.Heard:
    """What schedulers have said of ended attempts, now and before: of each trial's newest as it stands now."""
    remembered = {token: dict(said) for token, said in heard.items()}
    for unit, one in tracked.items():
        state, key = _state(tracked, states, heard, unit), one.key
        if state.phase is Phase.ENDED and shipped.traits(one.submission.launcher).forgets:
            remembered.setdefault(one.submission.token, {})[key] = state
        else:
            remembered.get(one.submission.token, {}).pop(key, None)
    return {token: said for token, said in remembered.items() if said}


def _state(
    tracked: Mapping[Unit, _Tracked],
    states: Mapping[str, Mapping[int, State]],
    heard: ended.Heard,
    unit: Unit,
) -> State:
    if unit not in tracked:
        return NOT_ASKED
    one = tracked[unit]
    now = states.get(one.submission.token, {}).get(one.element, NOT_ASKED)
    return one.heard(heard) or now if now.phase in (Phase.ABSENT, Phase.UNKNOWN) else now


def _fact(
    stored: manifest.Manifest,
    trial: Trial,
    unit: Unit,
    tracked: _Tracked | None,
    state: State,
    interrupted: Collection[str],
) -> Fact:
    if tracked is None:
        return Fact(trial, unit, _without_submission(stored, trial))
    record = tracked.submission
    started = bool(tracked.attempt) or (record.legacy and state.phase is Phase.ENDED)
    status, reason = status_of(state, tracked.outcome, started=started, stopped=tracked.stopped)
    fact = Fact(trial, unit, status, reason, tracked.attempt, tracked.outcome, state, record, tracked.element)
    if record.token in interrupted and status is Status.SUBMITTED:
        return replace(fact, reason=INTERRUPTED, interrupted=True)
    left = _legacy_status(stored, trial) if record.legacy else Status.LOST
    unknown = state.phase in (Phase.ABSENT, Phase.UNKNOWN) and left not in (Status.LOST, Status.READY)
    if unknown or (left in ENDED_EARLY and status not in LIVE):
        return replace(fact, status=left, reason="as HyperHerd 0.1.3 left it")
    return fact


def _together(trial: Trial, facts: Sequence[Fact]) -> Fact:
    """The fact of a trial: of its tasks the most telling one, with how many are like it."""
    if len(facts) == 1 and facts[0].unit.task is None:
        return facts[0]
    telling = min(facts, key=lambda fact: MOST_TELLING.index(fact.status))
    alike = sum(fact.status is telling.status for fact in facts)
    if telling.status is Status.COMPLETED:
        return replace(telling, tasks=tuple(facts))
    why = f": {telling.reason}" if telling.reason else ""
    return replace(telling, reason=f"{alike} of {len(facts)} tasks{why}", tasks=tuple(facts))


def _without_submission(stored: manifest.Manifest, trial: Trial) -> Status:
    return Status.READY if stored.left_as(trial.index) is None else _legacy_status(stored, trial)


def _legacy_status(stored: manifest.Manifest, trial: Trial) -> Status:
    """The status that HyperHerd 0.1.3 wrote, where nothing else is known: ended is believed, living is not."""
    word = stored.left_as(trial.index)
    for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.READY, *ENDED_EARLY):
        if word == status.value:
            return status
    return Status.READY if word == "pending" else Status.LOST
