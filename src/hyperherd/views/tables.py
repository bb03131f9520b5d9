"""The tables of the commands that show something."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperherd import units
from hyperherd.jobs import Usage
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.views import numbers
from hyperherd.views.columns import Cell, Screen, line, printable, table

if TYPE_CHECKING:
    from hyperherd.engine.found_tasks import Found
    from hyperherd.engine.inspection import AttemptView, Inspection
    from hyperherd.engine.launch import Prepared
    from hyperherd.engine.observe import Listed
    from hyperherd.engine.overview import Glance
    from hyperherd.engine.snapshot import Snapshot, TrialView

COLOURS = {
    Status.READY: "dim",
    Status.SUBMITTED: "blue",
    Status.QUEUED: "blue",
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.LOST: "red",
    Status.PAUSED: "yellow",
    Status.PRUNED: "dim",
}
FIRST = (
    Status.FAILED,
    Status.LOST,
    Status.RUNNING,
    Status.CANCELLED,
    Status.PAUSED,
    Status.QUEUED,
    Status.SUBMITTED,
    Status.READY,
    Status.PRUNED,
)
"""The order of `status`: what needs somebody comes first, what has completed last."""


def ordered(snapshot: Snapshot) -> list[TrialView]:
    """What needs somebody first."""
    order = {word: number for number, word in enumerate(FIRST)}
    return sorted(snapshot.trials, key=lambda v: (v.trial.orphan, order.get(v.status, len(order)), v.index))


def status(snapshot: Snapshot, screen: Screen, rows: Sequence[TrialView] | None = None) -> str:
    """A line for each trial (or of these ``rows``), what needs attention first, then the totals."""
    shown = ordered(snapshot) if rows is None else rows
    body = table(
        map(_status_row, shown),
        screen,
        head=("trial", "status", "name", "last line"),
        right=(0,),
        middle=(2,),
    )
    return "\n".join(part for part in (body if shown else "", totals(snapshot, screen)) if part)


def _status_row(v: TrialView) -> tuple[Cell | str, ...]:
    reason = f" ({v.reason})" if v.reason else ""
    again = f" {attempt(v)}" if v.attempt > 1 or (v.interruptions and v.status in LIVE) else ""
    where = f" on {v.node}" if v.node and v.status in (Status.FAILED, Status.RUNNING) else ""
    name = f"{v.trial.name} (orphan)" if v.trial.orphan else v.trial.name
    beside = ["launch script changed since"] if v.changed else []
    last = v.last_error or v.last_line
    return (
        str(v.index),
        Cell(f"{v.status}{reason}{again}{where}", COLOURS.get(v.status, "")),
        name,
        Cell("; ".join([*beside, *([last] if last else [])]), "red" if v.last_error else "dim"),
    )


_CUT_SHORT = {
    "timeout": ("time limit", "time limits"),
    "preemption": ("preemption", "preemptions"),
    "node_fail": ("node failure", "node failures"),
    "oom": ("out of memory", "times out of memory"),
    "exit75": ("exit 75", "times exit 75"),
}


def attempt(v: TrialView) -> str:
    """``attempt 3, 2 time limits``."""
    told = [f"{n} {_CUT_SHORT[cause][n > 1]}" for cause, n in v.interruptions.items()]
    return ", ".join([f"attempt {v.attempt}", *told])


def totals(snapshot: Snapshot, screen: Screen) -> str:
    """``24 trials: 20 completed, 4 running``."""
    counted = snapshot.totals
    total = counted["total"]
    if not total:
        return none(snapshot)
    parts: list[Cell | str] = [f"{total} trial{'s' if total != 1 else ''}: "]
    for status in Status:
        if status.value in counted:
            parts += [Cell(f"{counted[status.value]} {status}", COLOURS.get(status, "")), ", "]
    return line(screen, *parts[:-1])


def heading(snapshot: Snapshot, screen: Screen) -> str:
    """Above the trials of one of several sweeps."""
    return screen.paint(f"{snapshot.sweep_name}  {from_home(snapshot.workspace.root)}", "bold")


def tasks(found: Sequence[Found], screen: Screen) -> str:
    """A row for each task of Python's, then the totals."""
    rows = [
        (
            one.token,
            one.name,
            Cell(
                f"{one.verdict.status}{f' ({one.verdict.reason})' if one.verdict.reason else ''}",
                COLOURS.get(one.verdict.status, ""),
            ),
            one.job or one.where,
        )
        for one in found
    ]
    counted = Counter(one.verdict.status for one in found)
    told = ", ".join(screen.paint(f"{counted[s]} {s}", COLOURS.get(s, "")) for s in Status if counted[s])
    body = table(rows, screen, head=("task", "name", "status", "job"), middle=(1,))
    return f"{body}\n{units.counted(len(found), 'task')}: {told}"


def overview(glances: Sequence[Glance], screen: Screen, now: float) -> str:
    """A row for each sweep of a user."""
    rows = [
        (
            one.name,
            ", ".join(f"{count} {status}" for status, count in one.counts.items()) or "no trials",
            f"{units.duration(max(now - one.active_at, 0))} ago",
            from_home(one.folder),
        )
        for one in glances
    ]
    body = table(rows, screen, head=("sweep", "trials", "last change", "folder"), middle=(0, 3))
    return body + "\n" + screen.paint("(no scheduler was asked: herd status FOLDER...)", "dim")


def from_home(path: Path) -> str:
    """``~/sweeps/digits``, for people."""
    home = os.path.expanduser("~")
    inside = path.is_relative_to(home) and home != "/"
    return str(Path("~") / path.relative_to(home)) if inside else str(path)


def none(snapshot: Snapshot) -> str:
    """In the place of a table without a trial."""
    return "no trials match" if snapshot.known else "no trials yet: herd run"


def ls(trials: Sequence[Listed], screen: Screen, abbrevs: Mapping[str, str]) -> str:
    """All trials with their parameters, on a screen headed by what stands for these; "" where there are none."""
    if not trials:
        return ""
    names = list(dict.fromkeys(name for one in trials for name in (*one.trial.params, *one.trial.extras)))
    return table(
        (_ls_row(one, names) for one in trials),
        screen,
        head=("trial", *(abbrevs.get(n, n) if screen.width else n for n in names), "name", ""),
        right=(0,),
        middle=(len(names) + 1,),
    )


def _ls_row(one: Listed, names: Sequence[str]) -> tuple[str | Cell, ...]:
    values = {**one.trial.params, **one.trial.extras}
    given = (numbers.parameter(values[name]) if name in values else "" for name in names)
    return (str(one.trial.index), *given, one.trial.name, Cell(_mark(one), "dim"))


def _mark(one: Listed) -> str:
    if one.trial.orphan:
        return "orphan: no longer described"
    if one.outdated:
        return "ran with other static_overrides"
    return "" if one.known else "new"


MOST_PLANNED, MOST_IN_A_PIPE = 20, 1_000
"""Trials of a dry run that are shown on a terminal, and through a pipe."""


def planned(prepared: Prepared, screen: Screen) -> str:
    """What a run would submit: the trials and what each is handed, then the scheduler's lines, each kind once."""
    elements = [element for piece in prepared.pieces for element in piece.batch.elements]
    shown = elements[: MOST_PLANNED if screen.height else MOST_IN_A_PIPE]
    names = {trial.index: trial.name for trial in prepared.plan.submit}
    rows = [(str(one.unit.trial), names.get(one.unit.trial, ""), one.argument) for one in shown]
    parts = [
        table(
            rows, screen, head=("trial", "name", "what the launch script is handed"), right=(0,), middle=(1,)
        )
    ]
    if rest := len(elements) - len(shown):
        parts.append(screen.paint(f"(and {rest} more: herd ls)", "dim"))
    lines = dict.fromkeys("\n".join(directives(piece.script())) for piece in prepared.pieces)
    return "\n\n".join(["\n".join(parts), *filter(None, lines)]) if elements else ""


def directives(script: str) -> list[str]:
    """The lines of a job script that are for the scheduler: ``#SBATCH ...``, and other schedulers' like.

    They stand above its first empty line.

    >>> directives("#!/bin/bash\\n#SBATCH --mem=1G\\n# a comment\\ntrue\\n")
    ['#SBATCH --mem=1G']
    """
    head = script.partition("\n\n")[0]
    return [line for line in head.splitlines() if re.match(r"#[A-Z]{3,} ", line)]


def stats(snapshot: Snapshot, used: Mapping[int, Usage], screen: Screen) -> str:
    """Elapsed time, memory, state and exit code."""
    if not snapshot.trials:
        return none(snapshot)
    rows = [_stats_row(v, used.get(v.index, Usage())) for v in snapshot.trials]
    head = ("trial", "name", "state", "elapsed", "memory", "average", "asked", "exit")
    return table(rows, screen, head=head, right=(0, 3, 4, 5, 6, 7), middle=(1,))


def _stats_row(v: TrialView, used: Usage) -> tuple[str | Cell, ...]:
    code = used.exit_code if v.exit_code is None else v.exit_code
    return (
        str(v.index),
        v.trial.name,
        Cell(numbers.state(v, used) or v.status.value, COLOURS.get(v.status, "")),
        units.duration(used.elapsed_s) if used.elapsed_s is not None else "",
        *(
            units.memory(size) if size else ""
            for size in (used.max_rss_bytes, used.ave_rss_bytes, used.req_mem_bytes)
        ),
        "" if code is None else str(code),
    )


def shown(v: TrialView, inspected: Inspection, screen: Screen) -> str:
    """One trial, everything about it, in paragraphs."""
    reason = f" ({v.reason})" if v.reason else ""
    again = f"  {attempt(v)}" if v.interruptions else ""
    status_word = screen.paint(f"{v.status}{reason}", COLOURS.get(v.status, ""))
    title = f"trial {v.index}  {status_word}{again}  {v.trial.name}"
    given = [(name, numbers.parameter(x)) for name, x in {**v.trial.params, **v.trial.extras}.items()]
    changed = "the launch script has changed since this trial was submitted" if v.changed else ""
    parts = [
        title,
        screen.paint(changed, "yellow") if changed else "",
        _paragraph("parameters", table(given, screen)),
        _paragraph("machine", _machine(inspected)),
        _paragraph("command", " ".join(map(shlex.quote, inspected.command))),
        _paragraph(
            "environment", "\n".join(f"{k}={shlex.quote(x)}" for k, x in inspected.environment.items())
        ),
        _paragraph("attempts", _attempts(inspected.attempts, screen)),
        _paragraph("folder", str(inspected.folder) if inspected.folder else ""),
        _paragraph("metrics", table([(k, numbers.value(x)) for k, x in inspected.metrics.items()], screen)),
        _paragraph("last line of stderr", printable(_error(v, inspected))),
    ]
    return "\n".join(part for part in parts if part)


def _error(v: TrialView, inspected: Inspection) -> str:
    """What a success wrote there is no error, and its last words explain nothing."""
    return "" if v.status is Status.COMPLETED else inspected.last_error or ""


def _machine(inspected: Inspection) -> str:
    """The kind that was chosen, and for what."""
    record = inspected.fact.submission
    return f"{record.host}  {record.requires}".rstrip() if record else ""


def _paragraph(title: str, body: str) -> str:
    return f"{title}:\n" + "\n".join(f"  {line}" for line in body.splitlines()) if body else ""


def _attempts(attempts: Sequence[AttemptView], screen: Screen) -> str:
    head: tuple[str, ...] = ("", "job", "node", "started", "took", "end")
    rows = [_attempt_row(one) for one in attempts]
    if any(one.task is not None for one in attempts):
        head = ("task", *head)
        rows = [(str(one.task), *row) for one, row in zip(attempts, rows, strict=True)]
    return table(rows, screen, head=head, right=(0,)) if attempts else ""


def _attempt_row(one: AttemptView) -> tuple[str, ...]:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.started_at)) if one.started_at else ""
    took = units.duration(one.ended_at - one.started_at) if one.started_at and one.ended_at else ""
    told = "told to end, " if one.terminated else ""
    end = one.reason or ("not ended" if one.exit_code is None else f"{told}exit {one.exit_code}")
    return (f"{one.number}", one.job or "-", one.node, started, took, end)
