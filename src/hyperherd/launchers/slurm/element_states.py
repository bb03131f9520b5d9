"""What squeue and sacct say, made into one state for each element. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from hyperherd.jobs import Ended, Job, Phase, State, Usage
from hyperherd.launchers.slurm import job_identity, state_words
from hyperherd.launchers.slurm.job_identity import Whose
from hyperherd.launchers.slurm.parse import AccountingRow, Dependent, QueueRow, UsageRow

_LIVE = (Phase.QUEUED, Phase.RUNNING)
_NO_NODE = frozenset({"(null)", "None assigned", "None", "N/A"})
_DEPENDENCY = "Dependency"
_DOUBTFUL = "a job with its id is there, and Slurm does not show whose it is"


@dataclass(frozen=True)
class Accounting:
    """sacct's rows, or ``silent``: why there are none."""

    rows: tuple[AccountingRow, ...]
    silent: str


def of_queue(job: Job, rows: Iterable[QueueRow], registered: Callable[[], bool]) -> dict[int, State]:
    """Element -> state, for those of the job's that squeue has; a live row wins over an ended one. ``registered`` tells
    whether the job has written its id into its register.
    """
    ours, doubtful = job_identity.own(job, rows, registered)
    found: dict[int, State] = {}
    for row in ours:
        state = _of_row(row)
        for number in row.indices:
            if number in job.offers and (number not in found or state.phase in _LIVE):
                found[number] = state
    for number in {number for row in doubtful for number in row.indices or job.offers}:
        if number in job.offers:
            found.setdefault(number, State(Phase.UNKNOWN, reason=_DOUBTFUL))
    return found


def with_chains(rows: list[QueueRow], dependents: Callable[[], Mapping[str, Dependent]]) -> list[QueueRow]:
    """The same rows, where those that wait for a job that will never start have its reason.

    Slurm itself says it of the first of a chain only: the others wait for a job that is still there.
    """
    if not any(row.reason == _DEPENDENCY for row in rows):
        return rows
    never = stuck_jobs(dependents())
    return [
        replace(row, reason=state_words.NEVER_SATISFIED)
        if row.reason == _DEPENDENCY and row.job_id in never
        else row
        for row in rows
    ]


def stuck_jobs(dependents: Mapping[str, Dependent]) -> frozenset[str]:
    """The ids of those that will never start, and of all that wait for one of them.

    >>> jobs = {"2": Dependent("DependencyNeverSatisfied", ("1",)), "3": Dependent("Dependency", ("2",))}
    >>> sorted(stuck_jobs({**jobs, "4": Dependent("Dependency", ("9",))}))
    ['2', '3']
    """
    found = {job_id for job_id, one in dependents.items() if state_words.is_stuck(one.reason)}
    while more := {i for i, one in dependents.items() if i not in found and found.intersection(one.after)}:
        found |= more
    return frozenset(found)


def unsaid(job: Job, queued: Mapping[int, State]) -> bool:
    """Whether sacct may know more: an element has left the queue, or failed (squeue shows no exit code)."""
    return any(n not in queued or queued[n].word == "FAILED" for n in job.offers)


def joined(
    job: Job,
    queued: Mapping[int, State],
    accounting: Accounting,
    claimed: Callable[[int], bool],
    registered: Callable[[], bool],
) -> dict[int, State]:
    """The state of each of the job's elements. ``claimed`` tells whether one has begun; ``registered`` as in
    `of_queue`.
    """
    rows, doubtful = job_identity.own(job, accounting.rows, registered)
    newest, whole = _newest(rows), max((row for row in rows if not row.indices), key=_age, default=None)
    known = bool(rows or queued)
    states_of: dict[int, State] = {}
    for number in job.offers:
        row = _own(newest.get(number), whole, alone=len(job.offers) == 1)
        if number in queued:
            states_of[number] = _with_exit(queued[number], row)
        elif row is not None:
            states_of[number] = _accounted(row)
        elif known and not claimed(number):
            states_of[number] = replace(State.of_end(Ended.CANCELLED), reason="cancelled before it started")
        elif doubtful:
            states_of[number] = State(Phase.UNKNOWN, reason=_DOUBTFUL)
        else:
            why = accounting.silent or "neither squeue nor sacct knows it"
            states_of[number] = State(Phase.ABSENT, reason=why)
    return states_of


def hidden(state: State) -> State:
    """The same of another user's job: clusters may hide those (PrivateData), so absent is unknown."""
    if state.phase is not Phase.ABSENT:
        return state
    return replace(
        state, phase=Phase.UNKNOWN, reason="it is another user's job, which the cluster may not show"
    )


def used(job: Job, rows: Iterable[UsageRow]) -> dict[int, Usage]:
    """Element -> what its newest attempt used: the largest over the batch script and the steps."""
    rows = [row for row in rows if row.job_id == job.job_id]
    said = {job_identity.whose(row.shown, job.token) for row in rows if not row.step}
    if Whose.ANOTHERS in said and Whose.OURS not in said and not job_identity.is_legacy(job):
        return {}
    # Of an element that ended before sacct heard of its start it names the array only.
    alone = next(iter(job.offers)) if len(job.offers) == 1 else None
    of_index: dict[int | None, list[UsageRow]] = {}
    for row in rows:
        of_index.setdefault(alone if row.index is None else row.index, []).append(row)
    return {number: _used(of_index[number]) for number in job.offers if number in of_index}


def _of_row(row: QueueRow) -> State:
    phase = state_words.phase_in_queue(row.word)
    return State(
        phase,
        word=row.word,
        reason=state_words.waiting(row.reason) if phase is Phase.QUEUED else "",
        stuck=phase is Phase.QUEUED and state_words.is_stuck(row.reason),
        node="" if row.node in _NO_NODE else row.node,
        exit_code=0 if row.word == "COMPLETED" else None,
        # Of a job that waits squeue shows when it may start, of one that runs when it must end.
        started_at=None if phase is Phase.QUEUED else row.started_at,
        starts_at=row.started_at if phase is Phase.QUEUED else None,
        ended_at=row.ended_at if phase is Phase.ENDED else None,
        end=state_words.ended(row.word),
    )


def _newest(rows: Iterable[AccountingRow]) -> dict[int, AccountingRow]:
    """Array index -> its newest attempt."""
    found: dict[int, AccountingRow] = {}
    for row in rows:
        for array_index in row.indices:
            if array_index not in found or _age(row) >= _age(found[array_index]):
                found[array_index] = row
    return found


def _age(row: AccountingRow) -> tuple[float, float]:
    return row.submitted_at or 0.0, row.started_at or 0.0


def _own(row: AccountingRow | None, whole: AccountingRow | None, *, alone: bool) -> AccountingRow | None:
    """The element's row, or the array's, which sacct has (without an index, without a name) of those that were
    cancelled while they waited, and of one that ended before sacct heard of its start.
    """
    if whole is None or (row is not None and (_has_ended(row) or _age(whole) < _age(row))):
        return row
    return whole if alone or (row is not None and whole.word == "CANCELLED") else row


def _has_ended(row: AccountingRow) -> bool:
    return state_words.phase_in_accounting(row.word) is Phase.ENDED


def _with_exit(queued: State, row: AccountingRow | None) -> State:
    """squeue's state with sacct's exit code, if sacct has heard of the same end."""
    if row is None or queued.phase is not Phase.ENDED or row.word != queued.word:
        return queued
    return replace(queued, exit_code=_exit_code(row), signal=row.signal)


def _exit_code(row: AccountingRow) -> int | None:
    """Of a job that has failed sacct says 0 until it has heard how."""
    unheard = row.word == "FAILED" and not row.exit_code and not row.signal
    return None if unheard else row.exit_code


def _accounted(row: AccountingRow) -> State:
    """The state of an element that only sacct has."""
    if not _has_ended(row):
        return State(
            Phase.ABSENT, row.word, reason=f"squeue does not have it; sacct's last word is {row.word}"
        )
    return State(
        Phase.ENDED,
        word=row.word,
        node="" if row.node in _NO_NODE else row.node,
        exit_code=_exit_code(row),
        signal=row.signal,
        started_at=row.started_at,
        ended_at=row.ended_at,
        end=state_words.ended(row.word),
    )


def _used(rows: list[UsageRow]) -> Usage:
    whole = next((row for row in rows if not row.step), rows[0])
    return Usage(
        word=whole.word,
        elapsed_s=whole.elapsed_s,
        max_rss_bytes=_largest(row.max_rss_bytes for row in rows),
        ave_rss_bytes=_largest(row.ave_rss_bytes for row in rows),
        req_mem_bytes=whole.req_mem_bytes,
        exit_code=whole.exit_code,
    )


def _largest(numbers: Iterable[int | None]) -> int | None:
    return max((number for number in numbers if number is not None), default=None)
