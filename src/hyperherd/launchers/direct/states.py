"""What this machine can say of each trial of its jobs, from the attempts folder, the registers and the
processes.

Nothing here writes. The order of looking is what makes the answers safe: see `poll`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hyperherd.attempts import claims, filenames, listing, registers, variables
from hyperherd.attempts.claims import Claim
from hyperherd.attempts.filenames import AttemptFolder, Outcome
from hyperherd.attempts.listing import Attempt, Listing
from hyperherd.attempts.registers import VOID
from hyperherd.fsio import processes
from hyperherd.fsio.processes import Identity
from hyperherd.jobs import Ended, Job, Phase, State
from hyperherd.launchers.direct import stored
from hyperherd.launchers.direct.living import Living

_NEVER = State.of_end(Ended.NEVER_STARTED)


@dataclass(frozen=True)
class Sight:
    """One look: ``living`` None is a first look, which leaves open what only all processes together can tell."""

    listings: Callable[[AttemptFolder], Listing]
    living: Living | None = None
    owners: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def poll(jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
    """Token -> element -> state.

    A trial without a claim will surely never start only if (1) its supervisor was dead, (2) after that no
    process that it may have started was alive, and (3) after that there was still no claim: in this order.
    So where the first look finds a dead process, all processes are looked at, and then the folder again.
    """
    first = Sight(_listings(jobs))
    states = {job.token: {number: _state(job, number, first) for number in job.offers} for job in jobs}
    undecided = [(job, i) for job in jobs for i in job.offers if states[job.token][i] is None]
    if undecided:
        second = Sight(_listings([job for job, _ in undecided]), Living.now())
        for job, number in undecided:
            states[job.token][number] = _state(job, number, second)
    return {
        token: {i: state or State(Phase.UNKNOWN) for i, state in of_job.items()}
        for token, of_job in states.items()
    }


def _listings(jobs: Sequence[Job]) -> Callable[[AttemptFolder], Listing]:
    """Lists a folder when it is first asked for: what is in it of these jobs."""
    units = {
        folder: {offer.unit for job in jobs if job.files.attempts == folder for offer in job.offers.values()}
        for folder in {job.files.attempts for job in jobs}
    }
    return functools.cache(lambda folder: listing.read([folder], units[folder]))


def _state(job: Job, number: int, sight: Sight) -> State | None:
    """None: the processes have to be looked at."""
    listed = sight.listings(job.files.attempts)
    unit, first = job.offers[number]
    attempt = (unit, listed.newest_since(unit, first))
    if attempt in listed.outcomes:
        return _ended(job, listed.outcomes[attempt], filenames.TIMEOUT in listed.marks.get(attempt, ()))
    if attempt in listed.claims:
        return _claimed(job, attempt, sight)
    return _waiting(job, attempt, sight)


def _ended(job: Job, outcome: Outcome, warned: bool) -> State:
    """``warned``: it had been told of its time limit, so that this was why it was told to end."""
    told = Ended.TIME_LIMIT if warned else Ended.CANCELLED
    end = told if outcome.terminated else Ended.FAILED if outcome.exit_code else Ended.COMPLETED
    return replace(State.of_end(end, node=job.where), exit_code=outcome.exit_code)


def _claimed(job: Job, attempt: Attempt, sight: Sight) -> State | None:
    claim = claims.read(job.files.attempts, *attempt)
    if claim is None:
        return _without_owner(job, attempt, sight)
    if claim.cancelled:
        return State.of_end(Ended.CANCELLED, node=claim.owner.host)
    return _running(job, claim, attempt, sight)


def _running(job: Job, claim: Claim, attempt: Attempt, sight: Sight) -> State | None:
    host, since = claim.owner.host, claim.claimed_at
    alive = processes.alive(claim.owner)
    if alive is None:
        return State(Phase.UNKNOWN, reason=f"it runs on {afar(claim.owner)}", node=host, started_at=since)
    if alive:
        return State(Phase.RUNNING, "RUNNING", node=host, started_at=since)
    if not processes.of_this_boot(claim.owner):
        return State.of_end(Ended.KILLED, node=host, started_at=since)
    if other := another_user(job, attempt):
        return State(Phase.UNKNOWN, reason=f"only {other} can say whether it still runs", node=host)
    if sight.living is None:
        return None
    # A supervisor that lives is about to note how it ended.
    if claim.supervised or sight.living.of(claim, mark(job, claim.token, attempt)):
        return State(Phase.RUNNING, "RUNNING", node=host, started_at=since)
    return State.of_end(Ended.KILLED, node=host, started_at=since)


def _without_owner(job: Job, attempt: Attempt, sight: Sight) -> State | None:
    """An empty claim: its writer is at it, was killed there, or found the disk full."""
    supervisor = _supervisor(job, sight)
    if supervisor is not None and processes.alive(supervisor) is None:
        return State(Phase.UNKNOWN, reason=f"it runs on {afar(supervisor)}", node=supervisor.host)
    if other := another_user(job, attempt):
        return State(Phase.UNKNOWN, reason=f"only {other} can see whether it runs", node=job.where)
    if sight.living is None:
        return None
    if mark(job, job.token, attempt) in sight.living.marks:
        return State(Phase.RUNNING, "RUNNING", node=job.where)
    return State.of_end(Ended.KILLED, node=job.where)


def _waiting(job: Job, attempt: Attempt, sight: Sight) -> State | None:
    owner = _owner(job, sight)
    if not owner:
        return State(Phase.UNKNOWN, reason="nobody knows yet whether it was submitted")
    if owner == VOID:
        return _NEVER
    supervisor = _supervisor(job, sight)
    if supervisor is None:
        return State(Phase.UNKNOWN, reason=f"its register says '{owner}'")
    return _supervised(job, attempt, supervisor, sight)


def _owner(job: Job, sight: Sight) -> str:
    """What the job's register says; nothing where nobody has settled it."""
    if job.token not in sight.owners:
        sight.owners[job.token] = registers.settled(job.files.register) or ""
    return sight.owners[job.token]


def mark(job: Job, token: str, attempt: Attempt) -> str:
    """What the processes of an attempt carry that the submission ``token`` has claimed."""
    unit, number = attempt
    return variables.mark(token, job.files.attempts.stem(unit), number)


def _supervisor(job: Job, sight: Sight) -> Identity | None:
    try:
        return Identity.parse(_owner(job, sight))
    except ValueError:
        return None


def another_user(job: Job, attempt: Attempt | None) -> str:
    """The user whose trial it is (None: whose submission), where that is not us, nor are we root: we may not look into
    his processes. "" where it is ours.
    """
    path = job.files.attempts.claim(*attempt) if attempt else job.files.register
    try:
        uid = path.stat().st_uid
    except OSError:
        return ""
    return "" if os.geteuid() in (0, uid) else processes.user_name(uid)


def afar(owner: Identity) -> str:
    """Where a process is that cannot be seen from here."""
    here = owner.host == processes.me().host
    return f"{owner.host}, in another container or as another user" if here else owner.host


def _why(job: Job, sight: Sight) -> str:
    """What the supervisor says that its trials wait for; nothing while they need not."""
    if job.token not in sight.reasons:
        try:
            sight.reasons[job.token] = stored.waits_path(job.files.script).read_text(encoding="utf-8")
        except OSError:  # they do not wait, or the disk does not answer: the state is known anyway
            sight.reasons[job.token] = ""
    return sight.reasons[job.token]


def _supervised(job: Job, attempt: Attempt, supervisor: Identity, sight: Sight) -> State | None:
    alive = processes.alive(supervisor)
    if alive is None:
        return State(Phase.UNKNOWN, reason=f"it waits on {afar(supervisor)}", node=supervisor.host)
    if alive:
        return State(Phase.QUEUED, "PENDING", reason=_why(job, sight))
    if other := another_user(job, None):
        return State(Phase.UNKNOWN, reason=f"only {other} can see whether it may still start")
    if sight.living is None:
        return None
    if job.token in sight.living.supervisors or mark(job, job.token, attempt) in sight.living.marks:
        return State(Phase.QUEUED, "PENDING")
    return _NEVER
