"""Submissions that have left traces in a state folder and are not on record.

``job_ids.json`` was lost, or an older copy of it was brought back. What they have claimed proves nothing, and nothing
is started beside it; ``herd repair`` puts them on record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hyperherd.attempts.filenames import Unit
from hyperherd.attempts.listing import Attempt, Listing
from hyperherd.attempts.registers import VOID
from hyperherd.errors import HerdError
from hyperherd.launchers.base import Launcher, Stray
from hyperherd.workspace import attempt_folders, layout, submissions
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission


def tokens(workspace: Workspace, records: Iterable[Submission]) -> tuple[str, ...]:
    """Of the submissions that have a register here, were not given up, and are not on record; sorted."""
    known = {record.token for record in records}
    strange = sorted(attempt_folders.registered(workspace).difference(known))
    return tuple(token for token in strange if submissions.settled(workspace, token) != VOID)


def attempts(workspace: Workspace, listed: Listing, records: Iterable[Submission]) -> set[Attempt]:
    """The attempts that no submission on record has claimed. Reads each claim."""
    known = {record.token for record in records}
    found = set()
    for unit, number in listed.claims:
        claim = attempt_folders.claim(workspace, unit, number)
        if claim is not None and claim.token not in known:
            found.add((unit, number))
    return found


def believed(listed: Listing, strange: Collection[Attempt]) -> Listing:
    """The listing without these attempts; their numbers stay used."""
    if not strange:
        return listed
    outcomes = {attempt: end for attempt, end in listed.outcomes.items() if attempt not in strange}
    claims = listed.claims - frozenset(strange)
    newest: dict[Unit, int] = {}
    for unit, number in (*claims, *outcomes):
        newest[unit] = max(number, newest.get(unit, 0))
    return Listing(newest, claims, outcomes, listed.marks)


def warning(strange: Sequence[str]) -> str:
    """What people are told of them."""
    shown = ", ".join(strange[:3]) + (f" and {len(strange) - 3} more" if len(strange) > 3 else "")
    return f"these submissions of this folder are not on record in {layout.JOB_IDS}: {shown}"


def refuse(strange: Sequence[str]) -> None:
    """Raises `HerdError` where there are any: nothing may be started beside them."""
    if strange:
        raise HerdError(
            warning(strange),
            hint="put them on record again: herd repair (what is wrong: herd repair --check)",
        )


def living(
    workspace: Workspace, launchers: Mapping[str, Launcher], records: Sequence[Submission], generation: str
) -> dict[str, list[Stray]]:
    """Launcher -> its living jobs that show this folder, or this life of its state, and are not on record.

    Raises `SchedulerSilentError`.
    """
    known = {record.token for record in records}
    found = {}
    for name in launchers:
        shown = launchers[name].strays(workspace.state, generation)
        if mine := [stray for stray in shown if stray.token not in known]:
            found[name] = mine
    return found


def refuse_living(found: Mapping[str, Sequence[Stray]], generation: str) -> None:
    """Raises `HerdError` for those beside which a trial could run twice: what runs, and what is of this life of the
    state folder. What waits, of a life before, finds no folder of its own and runs nothing.
    """
    strays = [stray for of_launcher in found.values() for stray in of_launcher]
    harmful = [stray for stray in strays if stray.runs or (generation and stray.token.startswith(generation))]
    if not harmful:
        return
    shown = "; ".join(str(stray) for stray in harmful[:3]) + (
        f"; and {len(harmful) - 3} more" if len(harmful) > 3 else ""
    )
    raise HerdError(
        f"jobs of this folder are alive but not on record: {shown}",
        hint="cancel them: herd stop --all; or, if this .hyperherd submitted them: herd repair",
    )
