"""Looking at a workspace: its facts, its snapshot and what its trials used, for the commands that change nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hyperherd import fsio
from hyperherd.engine import facts, notices, snapshot
from hyperherd.engine.plan_of_facts import plan_of
from hyperherd.engine.shared_looks import ASK, Looks
from hyperherd.errors import WorkspaceError
from hyperherd.jobs import Usage
from hyperherd.sweep import trial_overrides
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import LIVE, Status, Trial
from hyperherd.workspace import ended, manifest, submissions

if TYPE_CHECKING:
    from hyperherd.engine.describe import Description
    from hyperherd.engine.facts import Fact, Known
    from hyperherd.engine.snapshot import Snapshot
    from hyperherd.launchers.base import Launcher
    from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Listed:
    """A trial as the YAML and the workspace have it together. ``outdated``: it last ran with other static overrides."""

    trial: Trial
    known: bool
    outdated: bool


def look(
    workspace: Workspace,
    launchers: Mapping[str, Launcher],
    *,
    lines: bool,
    silent_is_fatal: bool = False,
    looks: Looks = ASK,
) -> tuple[Known, Snapshot]:
    """Ask the launchers once, and keep what they said where this may be written. Raises `SchedulerSilentError`."""
    known = facts.read(workspace, launchers, silent_is_fatal=silent_is_fatal, looks=looks, lenient=True)
    remember(workspace, known)
    return known, snapshot.take(workspace, known, lines=lines)


def remember(workspace: Workspace, known: Known) -> None:
    """Keep what schedulers said of ended trials, for they forget, and the manifest's copies of the statuses.

    A reader without write access does without, and so does one that finds somebody else at work. Who is to be told of
    what has come about, and was not, is told (`notices`).
    """
    notices.tell(workspace, known)
    heard, changed = known.heard != ended.read(workspace), _changed(known)
    if not heard and not changed:
        return
    with contextlib.suppress(WorkspaceError), fsio.Lock(workspace.lock, wait_s=0):
        if heard:
            ended.write(workspace, known.heard)
        manifest.note_statuses(workspace, changed)


def _changed(known: Known) -> dict[int, Status]:
    """The trials whose copy is of before; none where a launcher was silent, or while the file is HyperHerd 0.1.3's."""
    if known.warnings or known.manifest.adopted:
        return {}
    records = known.manifest.records
    return {i: status for i, status in known.statuses.items() if records[i].get("status") != status.value}


def usage(
    workspace: Workspace, known: Known, launchers: Mapping[str, Launcher], indices: Sequence[int]
) -> dict[int, Usage]:
    """What the newest attempts of these trials used, as far as somebody measured it. Raises `SchedulerSilentError`."""
    runs = {run.unit: run for index in indices for run in known.facts[index].runs}
    by_token: dict[str, list[int]] = {}
    for run in runs.values():
        if run.submission is not None and run.submission.state == "submitted":
            by_token.setdefault(run.submission.token, []).append(run.element)
    answers: dict[str, dict[int, Usage]] = {}
    asked = [record for record in known.submissions if record.token in by_token]
    for name in dict.fromkeys(record.launcher for record in asked if record.launcher in launchers):
        launcher = launchers[name]
        mine = [r for r in asked if r.launcher == name and r.where in ("", launcher.where())]
        if mine:
            answers.update(launcher.usage([submissions.job(workspace, r, by_token[r.token]) for r in mine]))
    return {i: _most([_judged(run, _said(run, answers)) for run in known.facts[i].runs]) for i in indices}


def _said(run: Fact, answers: Mapping[str, Mapping[int, Usage]]) -> Usage:
    return answers.get(run.submission.token if run.submission else "", {}).get(run.element, Usage())


def _most(used: Sequence[Usage]) -> Usage:
    """Of a trial's tasks: the most of each."""
    if len(used) == 1:
        return used[0]

    def most(values: Iterable[float | None]) -> Any:
        return max((value for value in values if value is not None), default=None)

    return Usage(
        word=max((u.word for u in used), key=[u.word for u in used].count),
        elapsed_s=most(u.elapsed_s for u in used),
        max_rss_bytes=most(u.max_rss_bytes for u in used),
        ave_rss_bytes=most(u.ave_rss_bytes for u in used),
        req_mem_bytes=most(u.req_mem_bytes for u in used),
        exit_code=most(u.exit_code for u in used),
    )


def _judged(fact: Fact, measured: Usage) -> Usage:
    """Without the exit code of 0 that a scheduler gives to what has not ended."""
    return replace(measured, exit_code=None) if fact.status in LIVE else measured


def listed(workspace: Workspace, description: Description) -> Sequence[Listed]:
    """All trials that the next ``herd run`` would know; asks nobody and writes nothing."""
    known = facts.read(workspace, {}, silent_is_fatal=False)
    planned = plan_of(description, known, Choice(force=True))
    static = tuple(description.spec.static_overrides)
    return [Listed(t, t.index in known.facts, _outdated(known, t.index, static)) for t in planned.trials]


def _outdated(known: Known, index: int, static: Sequence[str]) -> bool:
    record = known.facts[index].submission if index in known.facts else None
    if record is None or record.legacy:
        return False
    return trial_overrides.values(record.static_overrides) != trial_overrides.values(static)
