"""Whether a trial that was cut short ends as one that was left alone: two courses, compared and judged. Pure."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

from hyperherd.sweep.identity import canonical
from hyperherd.sweep.trial import Status
from hyperherd.workspace.results import Point

MARGIN_S = 60
"""Slurm looks at its jobs' limits about once a minute: a signal comes that much beside its time (man sbatch)."""
ROUND_S = 30

NAMED = 8
"""Metrics that are listed."""

_OF_TIME = re.compile(
    r"(?:^|[_/ .-])"
    r"(?:times?|timers?|timestamp|clock|wall|walltime|runtime|elapsed|eta|durations?|latency|speed|throughput|fps|sps"
    r"|ms|s|secs?|seconds?|minutes?|hours?)"
    r"(?:$|[_/ .-])",
    re.IGNORECASE,
)
"""Names of metrics that are not the same in any two runs."""


@dataclass(frozen=True)
class Terms:
    """When numbers count as the same: metrics that match one of ``ignored`` (shell patterns) always do."""

    ignored: tuple[str, ...] = ()
    rtol: float = 0.0

    def same(self, one: Any, other: Any) -> bool:
        """NaN is the same as NaN, 1 as 1.0; lists and maps as a whole."""
        if not (_is_number(one) and _is_number(other)):
            return canonical(one) == canonical(other)
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or bool(one == other) or math.isclose(one, other, rel_tol=self.rtol)

    def ignores(self, metric: str) -> bool:
        """Whether nobody asks about it."""
        return any(fnmatchcase(metric, pattern) for pattern in self.ignored)


@dataclass(frozen=True)
class Course:
    """How one of the two went. ``points``: metric -> every logged point by its time; ``duration_s`` of a course of one
    attempt; ``last_words`` the end of its stderr.
    """

    name: str
    status: Status
    reason: str
    attempts: int
    duration_s: float | None
    finals: Mapping[str, Any]
    points: Mapping[str, Sequence[Point]]
    last_words: Sequence[str] = ()

    @property
    def finest(self) -> str:
        """The metric that was logged at most steps; "" where none was."""
        return max(self.points, key=lambda metric: len(self.steps(metric)), default="")

    def steps(self, metric: str) -> list[int | float]:
        """The steps at which it was logged, each once, ascending."""
        return sorted({point.step for point in self.points.get(metric, ())})

    @property
    def last_values(self) -> Mapping[str, Any]:
        """Of each stream the value at its last step."""
        return {m: max(p, key=lambda q: (q.step, q.ts)).value for m, p in self.points.items()}


@dataclass(frozen=True)
class Moment:
    """When the second course is cut short: ``after_s`` after ``metric`` has been logged at ``step``, or after the start
    where nothing is logged (``step`` None).
    """

    metric: str
    step: int | float | None
    after_s: float


def moment(straight: Course, random: Random) -> Moment:
    """Draw one from the middle third, somewhere between two steps."""
    metric = straight.finest
    steps = straight.steps(metric)
    if not steps:
        return Moment("", None, (straight.duration_s or 0.0) * random.uniform(1 / 3, 2 / 3))
    first = len(steps) // 3
    step = random.choice(steps[first : max(first + 1, 2 * len(steps) // 3)])
    times = sorted(point.ts for point in straight.points[metric])
    between_s = (times[-1] - times[0]) / max(len(times) - 1, 1)
    return Moment(metric, step, random.random() * between_s)


@dataclass(frozen=True)
class Cut:
    """How the second course was cut short, and how it went on.

    ``sent_at`` is the newest step when the signal was sent. ``unheard``: nothing in the trial handled it; ``late``: it
    had not ended within ``notice_s``, and was stopped. ``save_s`` is from the signal's arrival to the end of the
    attempt; None where that cannot be told. ``began``, ``last``: first and last step of the attempt that was cut short,
    ``resumed`` the first step of the next, ``repeated`` those of its steps that had been done.
    """

    signal: str
    moment: Moment
    notice_s: int
    sent_at: int | float | None
    unheard: bool = False
    late: bool = False
    save_s: float | None = None
    exit_code: int | None = None
    began: int | float | None = None
    last: int | float | None = None
    resumed: int | float | None = None
    repeated: Sequence[int | float] = ()

    @property
    def crash(self) -> bool:
        """Whether nobody was told."""
        return self.signal == "KILL"


def split(
    points: Sequence[Point], resumed_at: float | None, again_at: float | None
) -> tuple[list[Point], list[Point]]:
    """The points of the first attempt and of the second; the times are those at which the second and third began."""
    end = math.inf if resumed_at is None else resumed_at
    second = [p for p in points if end <= p.ts < (math.inf if again_at is None else again_at)]
    return [p for p in points if p.ts < end], second


@dataclass(frozen=True)
class Compared:
    """A metric at the end of both. ``same`` is None where it is ignored; a course without it has None."""

    metric: str
    straight: Any
    killed: Any
    same: bool | None

    @property
    def absolute(self) -> float | None:
        """The difference of two numbers."""
        both = _is_number(self.straight) and _is_number(self.killed)
        return abs(self.straight - self.killed) if both and not self.same else None

    @property
    def relative(self) -> float | None:
        """In proportion to the straight one; None for a 0."""
        return self.absolute / abs(self.straight) if self.absolute is not None and self.straight else None


def compared(straight: Course, killed: Course, terms: Terms) -> list[Compared]:
    """Every final metric that either has; where none was logged, the last value of each stream. Of a course that has
    not completed there is nothing to compare.
    """
    if killed.status is not Status.COMPLETED:
        return []
    finals = bool(straight.finals or killed.finals)
    one, other = (course.finals if finals else course.last_values for course in (straight, killed))
    names = sorted({*one, *other})
    return [Compared(m, one.get(m), other.get(m), _same(m, one, other, terms)) for m in names]


def _same(metric: str, one: Mapping[str, Any], other: Mapping[str, Any], terms: Terms) -> bool | None:
    if terms.ignores(metric):
        return None
    return metric in one and metric in other and terms.same(one[metric], other[metric])


def not_met(straight: Course, killed: Course, terms: Terms) -> list[str]:
    """Of each pattern to ignore that matches no metric, a sentence; nothing where no metric was logged."""
    there = sorted({m for course in (straight, killed) for m in (*course.finals, *course.points)})
    missed = [one for one in terms.ignored if there and not any(fnmatchcase(metric, one) for metric in there)]
    named = ", ".join(there[:NAMED]) + (f" and {len(there) - NAMED} more" if len(there) > NAMED else "")
    return [f"--ignore {shlex.quote(one)} matches no metric; there are: {named}." for one in missed]


def parting(straight: Course, killed: Course, terms: Terms) -> tuple[str, int | float] | None:
    """The metric and the step at which the two courses first differ; None where they never do."""
    differ = [
        (step, metric)
        for metric in straight.points.keys() & killed.points.keys()
        if not terms.ignores(metric)
        and (step := _first_difference(straight.points[metric], killed.points[metric], terms)) is not None
    ]
    return (min(differ)[1], min(differ)[0]) if differ else None


def _first_difference(one: Sequence[Point], other: Sequence[Point], terms: Terms) -> int | float | None:
    values = {point.step: point.value for point in other}
    shared = (p.step for p in one if p.step in values and not terms.same(p.value, values[p.step]))
    return min(shared, default=None)


@dataclass(frozen=True)
class Report:
    """What a drill has found. ``killed`` and ``cut`` are None where it did not come to that, ``kept`` is "" where
    nothing was; ``notes`` are for people.
    """

    place: str
    index: int
    trial: str
    seed: int
    straight: Course
    killed: Course | None = None
    cut: Cut | None = None
    compared: Sequence[Compared] = ()
    parted: tuple[str, int | float] | None = None
    notes: Sequence[str] = ()
    kept: str = ""

    @property
    def lost(self) -> int | float | None:
        """The steps that had to be done again, as far as they are logged; None where that cannot be told."""
        cut = self.cut
        if cut is None or cut.resumed is None or cut.last is None:
            return None
        return max(0, cut.last - cut.resumed + self._spacing)

    @property
    def skipped(self) -> list[int | float]:
        """The steps that nobody has done: they lie between the two attempts."""
        cut = self.cut
        if cut is None or cut.resumed is None or cut.last is None:
            return []
        return [step for step in self.straight.steps(cut.moment.metric) if cut.last < step < cut.resumed]

    @property
    def _spacing(self) -> int | float:
        steps = self.straight.steps(self.cut.moment.metric) if self.cut else []
        return median(later - step for step, later in pairwise(steps)) if len(steps) > 1 else 0

    @property
    def recommended_s(self) -> int | None:
        """For ``requeue.signal``: twice what the save took, and what Slurm's clock may take away."""
        save_s = self.cut.save_s if self.cut and not self.cut.late and not self.cut.unheard else None
        return None if save_s is None else math.ceil((2 * save_s + MARGIN_S) / ROUND_S) * ROUND_S

    @property
    def faults(self) -> list[str]:
        """Why the trial cannot be trusted to a time limit; nothing where it can."""
        if self.straight.status is not Status.COMPLETED:
            return [f"the straight run {_ended(self.straight)}: there is nothing to compare with"]
        if self.killed is None:
            return []
        if self.cut is None:
            return [_never_cut(self.straight, self.killed)]
        if told := _of_signal(self.cut, self.straight, self.killed):
            return [told]
        if self.killed.status is not Status.COMPLETED:
            return [f"the run that was killed {_ended(self.killed)} in attempt {self.killed.attempts}"]
        return [*self._of_steps(self.cut), *self._of_numbers()]

    def _of_steps(self, cut: Cut) -> list[str]:
        steps = self.straight.steps(cut.moment.metric)
        if not steps or cut.last is None:
            return []
        if cut.began is not None and cut.began > steps[0]:
            return [f"the run that was killed began at step {cut.began}: {_OTHERS_FOLDER}"]
        if cut.last >= steps[-1]:
            return [f"SIG{cut.signal} came too late: {_TOO_LATE.format(cut.last)}"]
        if cut.resumed is None:
            left = [step for step in steps if step > cut.last]
            return [f"the attempt after it logged no steps, and {len(left)} were left"] if left else []
        if cut.resumed == steps[0] and cut.last > steps[0]:
            saved = "nothing had been saved by then" if cut.crash else "the trainer does not resume"
            return [f"attempt 2 began with step {cut.resumed} again: {saved}"]
        if self.skipped:
            return [f"attempt 2 began with step {cut.resumed}: {len(self.skipped)} were never run"]
        return []

    def _of_numbers(self) -> list[str]:
        if self.compared and all(one.same is None for one in self.compared):
            return ["every metric is left out of the comparison: name fewer with --ignore"]
        if not self.compared:
            return ["no metric was logged, so that the two cannot be compared: hyperherd.log_result"]
        differ = sorted((c for c in self.compared if c.same is False), key=lambda c: _is_time(c.metric))
        if not differ:
            return []
        shown = "; ".join(f"{c.metric} {_shown(c.straight)} and {_shown(c.killed)}" for c in differ[:3])
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        return [f"resumed, but not the same numbers: {shown}{more}: {_why([c.metric for c in differ])}"]


def _is_time(metric: str) -> bool:
    return _OF_TIME.search(metric) is not None


def _why(differing: Sequence[str]) -> str:
    """What may be behind it, the likeliest first."""
    times = [metric for metric in differing if _is_time(metric)]
    leave_out = " ".join(f"--ignore {shlex.quote(metric)}" for metric in times)
    if len(times) == len(differing):
        return f"times are never the same; leave them out of the comparison: herd drill {leave_out}"
    question = "is the data order or a random generator not restored?"
    return f"{question} (What differs in any case: {leave_out or '--ignore METRIC'})"


_OTHERS_FOLDER = (
    "it found another run's checkpoints; they belong in a folder named after experiment_name "
    "(HYPERHERD_TRIAL_NAME), and the trial itself may find those of this drill"
)


_TOO_LATE = (
    "the run that was killed had logged its last step, {}, and nothing was proven; "
    "drill one that takes longer"
)

_LOST_CODE = (
    "that counts as completed, and 75 would say that there is more to do; is the trainer the launch script's "
    "last command, or is `set -e` in it?"
)


def _never_cut(straight: Course, killed: Course) -> str:
    if killed.status is not Status.COMPLETED:
        return f"the run to be killed {_ended(killed)} before it was"
    first, steps = min(killed.steps(straight.finest), default=None), straight.steps(straight.finest)
    if steps and (first is None or first > steps[0]):
        began = f"began at step {first}" if first is not None else "logged no steps"
        return f"the run to be killed {began}: {_OTHERS_FOLDER}"
    return "the run to be killed had ended before it could be: drill one that takes longer"


def _of_signal(cut: Cut, straight: Course, killed: Course) -> str:
    """What is wrong with how it took the signal, if anything."""
    if cut.crash:
        return ""
    blind = cut.unheard and cut.moment.step is None
    deaf = f"; nothing in it handles {cut.signal}" if cut.unheard and not blind else ""
    if cut.late:
        killed_it = "where the time limit would have killed it"
        why = f": {_listening(cut)}" if blind else deaf
        return f"it had not ended {cut.notice_s} s after {cut.signal}, {killed_it}{why}"
    if killed.attempts == 1 and killed.status is Status.COMPLETED:
        end = max(straight.steps(cut.moment.metric), default=None)
        if end is not None and cut.last is not None and cut.last < end:
            return f"after {cut.signal} it ended with 0 at step {cut.last} of {end}: {_LOST_CODE}"
        why = _listening(cut) if blind else "it saved nothing, or had nothing left to do"
        return f"after {cut.signal} it went on to its end{deaf}: {why}"
    return ""


def _listening(cut: Cut) -> str:
    """Of a signal that nobody heard, at a moment of which nobody knows whether the training had begun."""
    return (
        f"nothing in it handled {cut.signal} when it came, {cut.moment.after_s:.1f} s after the start; "
        "either the trainer never does, or it did not listen yet: log a metric with step=, so that the signal comes in "
        "the middle of the training"
    )


def _ended(course: Course) -> str:
    return f"has {course.status} ({course.reason})" if course.reason else f"is {course.status}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
