"""What cut attempts short: from their marks, and from what schedulers said of their ends. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hyperherd.attempts import filenames
from hyperherd.jobs import Ended, Requeue
from hyperherd.sweep.trial import SHORT, Part
from hyperherd.workspace.attempt_folders import Attempts
from hyperherd.workspace.ended import Heard
from hyperherd.workspace.submissions import Submission

Causes = Mapping[Part, Mapping[int, str]]
"""Part -> attempt -> what cut it short, of `hyperherd.jobs.CAUSES`."""

_HEARD = {
    Ended.TIME_LIMIT: "timeout",
    Ended.OUT_OF_MEMORY: "oom",
    Ended.NODE_FAILURE: "node_fail",
    Ended.BOOT_FAILURE: "node_fail",
    Ended.PREEMPTED: "preemption",
}
_MARKED = (filenames.TIMEOUT, filenames.EXIT75, filenames.PREEMPTION, filenames.NODE_FAIL)


def causes(listed: Attempts, heard: Heard, records: Iterable[Submission]) -> Causes:
    """Of every attempt that was cut short and has not succeeded. A mark is nearer to it than a scheduler's word, but
    for one: a program that is killed for its memory cannot say so.
    """
    found: dict[Part, dict[int, str]] = {}
    for (part, attempt), words in listed.marks.items():
        if word := next((word for word in _MARKED if word in words), None):
            found.setdefault(part, {})[attempt] = word.lower()
    of_token = {record.token: record for record in records}
    for token, said in heard.items():
        for key, state in said.items():
            if (cause := state.end and _HEARD.get(state.end)) and token in of_token:
                number, attempt = map(int, key.split("."))
                of_part = found.setdefault(of_token[token].part(number), {})
                if cause == "oom" or attempt not in of_part:
                    of_part[attempt] = cause
    return {part: _unsuccessful(part, of_part, listed) for part, of_part in found.items()}


def _unsuccessful(part: Part, of_part: Mapping[int, str], listed: Attempts) -> dict[int, str]:
    """Those that had begun and have not ended well."""
    noted = {attempt: listed.outcomes.get((part, attempt)) for attempt in of_part}
    return {
        attempt: cause
        for attempt, cause in sorted(of_part.items())
        if attempt and not ((note := noted[attempt]) and note.succeeded)
    }


def reason(
    of_part: Mapping[int, str], attempt: int, first: int, requeue: Requeue | None, refused: str
) -> str:
    """Why it is not going on after ``attempt``, which was cut short; ``first`` is its submission's first attempt, and
    ``refused`` who would not queue it again, and in which words.

    >>> reason({1: "timeout", 2: "timeout"}, 2, 1, Requeue(max_timeouts=1), "")
    'time limit, 1 of 1 used'
    """
    cause = of_part[attempt]
    word = SHORT[cause]
    if refused:
        return f"{word}; {refused}"
    if requeue is None or cause == "oom" or cause not in requeue.after:
        return word
    kind = "" if cause == "timeout" else " restarts"
    most = requeue.max_restarts if kind else requeue.max_timeouts
    before = [c for a, c in of_part.items() if first <= a < attempt and c != "oom"]
    used = sum((c != "timeout") == bool(kind) for c in before)
    return f"{word}, {most} of {most}{kind} used" if used >= most else word


def ends(of_part: Mapping[int, str], part: Part, records: Iterable[Submission], newest: int) -> Counter[str]:
    """How many submissions of a part ended with each cause, that is, whose last attempt was cut short by it.

    A submission's first attempt is one more than the newest of before it.
    """
    rows = (dict(zip(r.parts, r.attempts, strict=True)) for r in records if r.state != "void")
    firsts = [row[part] for row in rows if part in row]
    return Counter(of_part[last] for last in _lasts(firsts, newest) if last in of_part)


def _lasts(firsts: Sequence[int], newest: int) -> set[int]:
    return {*(first - 1 for first in firsts), newest}
