"""A run in a few lines of words: what it is about to do, and what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from hyperherd import units
from hyperherd.search.combinations import count
from hyperherd.sweep.plan import Choice, matches
from hyperherd.sweep.trial import ENDED_EARLY, Status
from hyperherd.views import numbers
from hyperherd.views.columns import printable

if TYPE_CHECKING:
    from hyperherd.engine.compared import Results
    from hyperherd.engine.describe import Description
    from hyperherd.engine.failures import Alike
    from hyperherd.engine.launch import Made, Prepared
    from hyperherd.engine.pieces import Piece
    from hyperherd.engine.placing import Place
    from hyperherd.engine.stopping import Stopped

LONGEST = 60
"""Characters of the list of trials that go to one place."""

NOW_S = 60
"""What is expected to start within so many seconds starts now."""


def announced(prepared: Prepared, gpu_hours: float | None) -> str:
    """``+12 new, 3 again (failed), 40 kept, 2 orphaned; at most 60 GPU-hours``."""
    planned, statuses = prepared.plan, prepared.known.statuses
    fresh = {trial.index for trial in planned.added}
    again = Counter(str(statuses[t.index]) for t in planned.submit if t.index not in fresh)
    new, added = sum(trial.index in fresh for trial in planned.submit), len(planned.added)
    parts = [f"+{added} new" + (f" ({new} of them now)" if new < added else "")] if added else []
    parts += [
        f"{count} {word if word == 'ready' else f'again ({word})'}" for word, count in sorted(again.items())
    ]
    kept = len(planned.kept) - (len(planned.submit) - new)
    parts += [f"{kept} kept"] if kept else []
    parts += [f"{len(planned.orphaned)} orphaned"] if planned.orphaned else []
    parts += [f"{len(planned.dropped)} dropped"] if planned.dropped else []
    cost = f"; at most {gpu_hours:,.4g} GPU-hours" if gpu_hours is not None else ""
    return (", ".join(parts) or "nothing to do") + cost


def placed(pieces: Sequence[Piece]) -> list[str]:
    """One line for each place: which trials go there, and why."""
    groups: dict[str, tuple[Place, list[int]]] = {}
    for piece in pieces:
        group = groups.setdefault(piece.place.requires, (piece.place, []))
        group[1].extend(piece.trials)
    return [_placed(place, indices) if place.requires else place.why for place, indices in groups.values()]


def expected(pieces: Sequence[Piece], now: float) -> list[str]:
    """When their launcher expects to start the first of them; a line for each place, where that differs."""
    by_start: dict[str, list[int]] = {}
    for piece in pieces:
        start = "" if piece.starts_at is None else _moment(piece.starts_at, now)
        by_start.setdefault(start, []).extend(piece.trials)
    return [
        f"expected start{f' of {_which(trials)}' if len(by_start) > 1 else ''}: {start}"
        for start, trials in by_start.items()
        if start
    ]


def _moment(at: float, now: float) -> str:
    """For people, in this machine's time; what is less than a minute away is now.

    >>> _moment(1000.0, 990.0), _moment(100000.0, 1000.0)[-11:]
    ('now', ', in 1d 03h')
    """
    if at < now + NOW_S:
        return "now"
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}, in {units.duration(at - now)}"


def grown(pieces: Sequence[Piece]) -> list[str]:
    """``2 again with 48G (out of memory)``: the trials that ask for more than before."""
    counted: Counter[str] = Counter()
    for piece in pieces:
        counted[piece.place.grown] += len(piece.batch.elements)
    return [f"{count} again with {what}" for what, count in counted.items() if what]


def _placed(place: Place, indices: Sequence[int]) -> str:
    return f"{_which(indices)} -> {place.host}, {place.why}: {place.requires}"


def _which(indices: Sequence[int]) -> str:
    """``3 trials (0-1,7)``."""
    return f"{units.counted(len(indices), 'trial')} ({_cut(units.folded(indices))})"


def _cut(which: str) -> str:
    return which if len(which) <= LONGEST else f"{which[: which.rindex(',', 0, LONGEST)]},..."


def nothing(prepared: Prepared, choice: Choice) -> str:
    """Why a run submits nothing."""
    if choice.indices is not None or choice.pins:
        return _nothing_of(prepared, choice)
    statuses, only = prepared.known.statuses, prepared.only
    asked = [t.index for t in prepared.plan.trials if only is None or t.hash in only]
    counted = Counter(statuses[index] for index in asked if index in statuses)
    if not counted or set(counted) == {Status.COMPLETED}:
        which = "Every trial" if only is None else "All that is asked for"
        return f"{which} has completed; there is nothing to run. See herd res."
    told = ", ".join(f"{count} {status}" for status, count in counted.most_common())
    lost = "  Lost ones run again with herd run --lost.\n" if counted[Status.LOST] else ""
    early = [index for index in asked if statuses.get(index) in ENDED_EARLY]
    named = f"  Paused and pruned trials run only if you name them: herd run -i {early[0]}\n" if early else ""
    return f"Nothing to run: {told}.\n{lost}{named}".rstrip()


def _nothing_of(prepared: Prepared, choice: Choice) -> str:
    """Why none of the trials that were named runs: most of all because they have completed."""
    statuses = prepared.known.statuses
    named = [
        trial.index
        for trial in prepared.plan.trials
        if (choice.indices is None or trial.index in choice.indices)
        and matches(trial.params, choice.pins or {})
    ]
    counted = Counter(statuses.get(index, Status.READY) for index in named)
    which = f"Trial {named[0]} is" if len(named) == 1 else f"Of the {len(named)} trials named"
    told = ", ".join(f"{status}" if len(named) == 1 else f"{n} are {status}" for status, n in counted.items())
    done = [index for index in named if statuses.get(index) is Status.COMPLETED]
    again = f" To run completed trials again: herd run -f -i {','.join(map(str, done[:20]))}" if done else ""
    return f"{which} {told}; there is nothing to run.{again}"


def submitted(made: Sequence[Made]) -> list[str]:
    """One line a submission, and what its launcher has switched off."""
    lines = []
    for one in made:
        elements = len(one.batch.elements)
        count = units.counted(elements, "trial")
        if one.piece.is_of_tasks:
            count = f"trial {one.record.indices[0]} ({units.counted(elements, 'task')})"
        if one.refused:
            lines.append(f"{count} not submitted: {one.refused}")
        elif one.record.slurm_job_id:
            lines.append(f"{count} submitted as job {one.record.slurm_job_id}")
        else:
            lines.append(f"{count} started on {one.record.where}")
        if one.switched_off:
            lines.append(f"  note: {one.switched_off}: a trial that is cut short counts as failed")
            lines.append(
                "        The next herd run submits it again; or name another partition: slurm: {partition: ...}"
            )
    return lines


def stopped(done: Stopped) -> list[str]:
    """What a run that was interrupted has cancelled, a line; and each trial that it could not."""
    were = Counter(str(fact.status) for fact in done.cancelled)
    how = ", ".join(f"{count} {status}" for status, count in sorted(were.items(), reverse=True))
    told = (
        [f"{units.counted(len(done.cancelled), 'trial')} cancelled ({how})"]
        if were
        else ["Nothing ran any more."]
    )
    refused = sorted(done.refused.items())
    return [*told, *(f"trial {index} could not be cancelled: {words}" for index, words in refused)]


MOST = 10
"""Causes, or trials, that are named one by one."""


def failures(groups: Sequence[Alike]) -> list[str]:
    """What failed, by cause, each with the line that says why."""
    lines = []
    for group in groups[:MOST]:
        trials = group.trials
        reason = f" ({group.reason})" if group.reason else ""
        which = _cut(units.folded(view.index for view in trials))
        head = f"{trials[0].index}: {group.status}{reason}  {trials[0].trial.name}"
        head = f"{len(trials)} {group.status}{reason}: {which}" if len(trials) > 1 else head
        lines += [f"  {head}", *([f"      {printable(group.line)}"] if group.line else [])]
    more = len(groups) - MOST
    return [*lines, *([f"  and {units.counted(more, 'other cause')}: herd status"] if more > 0 else [])]


def best(found: Results) -> str:
    """The best setting, and what it was made of; "" where nothing is compared."""
    best = found.best
    if best is None or found.metric is None or best.score is None:
        return ""
    trials = best.trials
    which = f"trial{'s' if len(trials) > 1 else ''} {units.folded(view.index for view in trials)}"
    value = f"{found.metric.name} {numbers.spread(best.score)} {found.metric.arrow}"
    count = f" ({best.score.n} of {len(trials)})" if len(trials) > 1 else ""
    made_of = ", ".join(f"{name} {numbers.parameter(given)}" for name, given in best.params.items())
    return f"best: {which}, {value}{count}  ({made_of})"


def other_grid(description: Description) -> str:
    """How many trials the full product would be, for a sweep that varies one parameter at a time; else empty."""
    spec = description.spec
    if description.script or spec.grid is not None or spec.sample is not None:
        return ""
    full = count(replace(spec, grid="all"))
    return f"one parameter at a time; `grid: all` would be {full:,} combinations"
