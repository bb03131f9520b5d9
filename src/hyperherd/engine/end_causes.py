"""What cut attempts short: from their marks, and from what schedulers said of their ends. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import Unit
from hyperherd.attempts.listing import Listing
from hyperherd.jobs import Ended, Requeue
from hyperherd.sweep.trial import SHORT
from hyperherd.workspace import ended
from hyperherd.workspace.ended import Heard
from hyperherd.workspace.submissions import Submission

Causes = Mapping[Unit, Mapping[int, str]]
"""Unit -> attempt -> what cut it short, of `hyperherd.jobs.CAUSES`."""

_HEARD = {
    Ended.TIME_LIMIT: "timeout",
    Ended.OUT_OF_MEMORY: "oom",
    Ended.NODE_FAILURE: "node_fail",
    Ended.BOOT_FAILURE: "node_fail",
    Ended.PREEMPTED: "preemption",
}
_MARKED = (filenames.TIMEOUT, filenames.EXIT75, filenames.PREEMPTION, filenames.NODE_FAIL)


def causes(listed: Listing, heard: Heard, records: Iterable[Submission]) -> Causes:
    """Of every attempt that was cut short and has not succeeded. A mark is nearer to it than a scheduler's word, but
    for one: a program that is killed for its memory cannot say so.
    """
    found: dict[Unit, dict[int, str]] = {}
    for (unit, attempt), words in listed.marks.items():
        if word := next((word for word in _MARKED if word in words), None):
            found.setdefault(unit, {})[attempt] = word.lower()
    of_token = {record.token: record for record in records}
    for token, said in heard.items():
        for key, state in said.items():
            if (cause := state.end and _HEARD.get(state.end)) and token in of_token:
                heard_of = ended.read_key(token, of_token[token].unit, key)
                if heard_of is None:
                    continue
                unit, attempt = heard_of
                of_unit = found.setdefault(unit, {})
                if cause == "oom" or attempt not in of_unit:
                    of_unit[attempt] = cause
    return {unit: _unsuccessful(unit, of_unit, listed) for unit, of_unit in found.items()}


def _unsuccessful(unit: Unit, of_unit: Mapping[int, str], listed: Listing) -> dict[int, str]:
    """Those that had begun and have not ended well."""
    noted = {attempt: listed.outcomes.get((unit, attempt)) for attempt in of_unit}
    return {
        attempt: cause
        for attempt, cause in sorted(of_unit.items())
        if attempt and not ((note := noted[attempt]) and note.succeeded)
    }


def reason(
    of_unit: Mapping[int, str], attempt: int, first: int, requeue: Requeue | None, refused: str
) -> str:
    """Why it is not going on after ``attempt``, which was cut short; ``first`` is its submission's first attempt, and
    ``refused`` who would not queue it again, and in which words.

    >>> reason({1: "timeout", 2: "timeout"}, 2, 1, Requeue(max_timeouts=1), "")
    'time limit, 1 of 1 used'
    """
    cause = of_unit[attempt]
    word = SHORT[cause]
    if refused:
        return f"{word}; {refused}"
    if requeue is None or cause == "oom" or cause not in requeue.after:
        return word
    kind = "" if cause == "timeout" else " restarts"
    most = requeue.max_restarts if kind else requeue.max_timeouts
    before = [c for a, c in of_unit.items() if first <= a < attempt and c != "oom"]
    used = sum((c != "timeout") == bool(kind) for c in before)
    return f"{word}, {most} of {most}{kind} used" if used >= most else word


def ends(of_unit: Mapping[int, str], unit: Unit, records: Iterable[Submission], newest: int) -> Counter[str]:
    """How many submissions of a unit ended with each cause, that is, whose last attempt was cut short by it.

    A submission's first attempt is one more than the newest of before it.
    """
    rows = (dict(zip(r.units, r.attempts, strict=True)) for r in records if r.state != "void")
    firsts = [row[unit] for row in rows if unit in row]
    return Counter(of_unit[last] for last in _lasts(firsts, newest) if last in of_unit)


def _lasts(firsts: Sequence[int], newest: int) -> set[int]:
    return {*(first - 1 for first in firsts), newest}
