"""The tables of the commands that show something."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperherd import units
from hyperherd.engine import failures
from hyperherd.engine.failures import Alike
from hyperherd.jobs import Usage
from hyperherd.sweep.trial import LIVE, Status
from hyperherd.views import numbers
from hyperherd.views.columns import Cell, Screen, cut, printable, table

if TYPE_CHECKING:
    from hyperherd.engine.found_tasks import Found
    from hyperherd.engine.inspection import AttemptView, Inspection
    from hyperherd.engine.launch import Prepared
    from hyperherd.engine.observe import Listed
    from hyperherd.engine.outputs import Results
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

WAITING = frozenset({Status.QUEUED, Status.SUBMITTED, Status.READY})


def status(snapshot: Snapshot, screen: Screen, *, fold: bool, most: int | None = None) -> str:
    """Trials, what needs attention first, then the totals.

    With ``fold`` those that failed alike share a row, the completed ones are only counted, and of the waiting ones as
    many as the screen has no line for; ``most`` is the number of lines in all, where even more trials must be left out.
    """
    order = {word: number for number, word in enumerate(FIRST)}
    trials = sorted(snapshot.trials, key=lambda v: (v.trial.orphan, order.get(v.status, len(order)), v.index))
    shown = _folded(trials, screen.height) if fold else trials
    shown = shown if most is None else shown[: max(most - BESIDE, 1)]
    head = ("trial", "status", "name", "last line")
    alike = {group.trials[0].index: group for group in failures.alike(shown)} if fold else {}
    behind = {v.index for group in alike.values() for v in group.trials[1:]}
    rows = [
        _alike_row(alike[v.index]) if v.index in alike and len(alike[v.index].trials) > 1 else _status_row(v)
        for v in shown
        if v.index not in behind
    ]
    body = table(rows, screen, head=head, right=(0,), middle=(2,)) if shown else ""
    there = {v.index for v in shown}
    hidden = Counter(v.status for v in trials if v.index not in there)
    told = ", ".join(f"{hidden[status]} {status}" for status in Status if hidden[status])
    more = screen.paint(f"({told} not shown: herd status -a)", "dim") if told else ""
    return "\n".join(part for part in (body, more, totals(snapshot, screen)) if part)


BESIDE = 4
"""Lines of a status that show no trial: the head, what is not shown, the totals, and the shell's prompt."""


def _folded(trials: Sequence[TrialView], height: int | None) -> Sequence[TrialView]:
    left = [v for v in trials if v.status is not Status.COMPLETED]
    urgent = sum(v.status not in WAITING for v in left)
    room = len(left) if height is None else max(height - BESIDE - urgent, 0)
    waiting = {v.index for v in [v for v in left if v.status in WAITING][:room]}
    return [v for v in left if v.status not in WAITING or v.index in waiting]


def _alike_row(group: Alike) -> tuple[Cell | str, ...]:
    reason = f" ({group.reason})" if group.reason else ""
    which = units.folded(v.index for v in group.trials)
    return (
        cut(which, 16),
        Cell(f"{len(group.trials)} {group.status}{reason}", COLOURS.get(group.status, "")),
        f"all: herd status --where 'status == {group.status}'" if len(which) > 16 else "",
        Cell(group.line, "red"),
    )


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
    words = [
        screen.paint(f"{counted[s.value]} {s}", COLOURS.get(s, "")) for s in Status if s.value in counted
    ]
    total = counted["total"]
    return f"{total} trial{'s' if total != 1 else ''}: {', '.join(words)}" if total else none(snapshot)


def heading(snapshot: Snapshot, screen: Screen) -> str:
    """Above the trials of one of several sweeps."""
    return screen.paint(f"{snapshot.sweep_name}  {_from_home(snapshot.workspace.root)}", "bold")


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
            _from_home(one.folder),
        )
        for one in glances
    ]
    body = table(rows, screen, head=("sweep", "trials", "last change", "folder"), middle=(0, 3))
    return body + "\n" + screen.paint("(no scheduler was asked: herd status FOLDER...)", "dim")


def _from_home(path: Path) -> str:
    """``~/sweeps/digits``, for people."""
    home = os.path.expanduser("~")
    inside = path.is_relative_to(home) and home != "/"
    return str(Path("~") / path.relative_to(home)) if inside else str(path)


def none(snapshot: Snapshot) -> str:
    """In the place of a table without a trial."""
    return "no trials match" if snapshot.known else "no trials yet: herd run"


def ls(trials: Sequence[Listed], screen: Screen) -> str:
    """All trials with their parameters; "" where there are none."""
    if not trials:
        return ""
    names = list(dict.fromkeys(name for one in trials for name in (*one.trial.params, *one.trial.extras)))
    return table(
        (_ls_row(one, names) for one in trials),
        screen,
        head=("trial", *names, "name", ""),
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


MOST_PLANNED = 20
"""Trials of a dry run that a terminal shows."""


def planned(prepared: Prepared, screen: Screen) -> str:
    """What a run would submit: the trials and what each is handed, then the scheduler's lines, each kind once."""
    elements = [element for piece in prepared.pieces for element in piece.batch.elements]
    shown = elements[:MOST_PLANNED] if screen.height else elements
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

    >>> directives("#!/bin/bash\\n#SBATCH --mem=1G\\n# a comment\\ntrue\\n")
    ['#SBATCH --mem=1G']
    """
    return [line for line in script.splitlines() if re.match(r"#[A-Z]{3,} ", line)]


BEST = "★"
"""Marks the best trial."""


def results(found: Results) -> tuple[Sequence[str], list[list[Any]]]:
    """Head and rows of `res` for eyes: index, status, parameters, metrics; the order of the trials is kept. Where they
    are compared, the best one has a mark, and the metric an arrow to where better is.
    """
    names, rows = _values(found, numbers.parameter)
    metric, best = found.metric, found.best
    if metric:
        names = [f"{name} {metric.arrow}" if name == metric.name else name for name in names]
    told = [
        [f"{BEST} {v.index}" if v.index == best else v.index, v.status.value, *row]
        for v, row in zip(found.snapshot.trials, rows, strict=True)
    ]
    return ["trial", "status", *names], told


def together(found: Sequence[Results], *, eyes: bool) -> tuple[Sequence[str], list[list[Any]]]:
    """Head and rows of `res` of several sweeps, each row with its sweep's name, or folder where names are alike. For
    ``eyes`` the best of all come first, where they are compared by one metric.
    """
    sweeps = [one.snapshot.sweep_name for one in found]
    if len(set(sweeps)) < len(sweeps):
        sweeps = [_from_home(one.snapshot.workspace.root) for one in found]
    tables = [(results if eyes else exported)(replace(one, metric=None)) for one in found]
    head = list(dict.fromkeys(name for names, _ in tables for name in names))
    if not eyes:
        head.sort(key=lambda name: name in ("status", "trial_status"))
    told: list[tuple[float | None, list[Any]]] = []
    for sweep, one, (names, rows) in zip(sweeps, found, tables, strict=True):
        for view, row in zip(one.snapshot.trials, rows, strict=True):
            by_name = dict(zip(names, row, strict=True))
            told.append((one.scores.get(view.index), [sweep, *(by_name.get(n) for n in head)]))
    metrics = {(one.metric.name, one.metric.mode): one.metric for one in found if one.metric}
    if eyes and len(metrics) == 1 and all(one.metric for one in found):
        (metric,) = metrics.values()
        told.sort(key=lambda row: metric.best_first(row[0]))
        head = [f"{name} {metric.arrow}" if name == metric.name else name for name in head]
    return ["sweep", *head], [row for _, row in told]


def exported(found: Results) -> tuple[Sequence[str], list[list[Any]]]:
    """Head and rows of `res` for programs: the columns of HyperHerd 0.1.3, and the status last (``trial_status`` where
    a parameter or a metric has its name).
    """
    names, rows = _values(found, lambda item: item)
    last = "trial_status" if "status" in names else "status"
    trials = found.snapshot.trials
    told = [[v.index, v.trial.name, *row, v.status.value] for v, row in zip(trials, rows, strict=True)]
    return ["trial_id", "experiment_name", *names, last], told


def _values(found: Results, param: Callable[[Any], Any]) -> tuple[list[str], list[list[Any]]]:
    """The names of all parameters and metrics, and each trial's values of them, parameters as ``param`` has them."""
    trials, metrics = found.snapshot.trials, found.metrics
    params = list(dict.fromkeys(name for v in trials for name in v.trial.params))
    measured = list(dict.fromkeys(name for v in trials for name in metrics.get(v.index, {})))
    rows = [
        [
            *(param(v.trial.params[name]) if name in v.trial.params else None for name in params),
            *(metrics.get(v.index, {}).get(name) for name in measured),
        ]
        for v in trials
    ]
    return [*params, *measured], rows


def commands(inspected: Sequence[Inspection], screen: Screen) -> str:
    """What starts each of these trials, and the folder that it has made, where there is one."""
    told = []
    for one in inspected:
        words = [shlex.join(one.command), *([str(one.folder)] if one.folder else [])]
        told += [f"{one.fact.trial.index}", *(f"  {word}" for word in words)]
    return "\n".join([screen.paint("command, and the folder of what it has made", "dim"), *told])


def aligned(head: Sequence[str], rows: Iterable[Sequence[Any]], screen: Screen) -> str:
    """Rows of values for eyes."""
    return table(([numbers.value(item) for item in row] for row in rows), screen, head=head, right=(0,))


def separated(head: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str) -> str:
    """Rows of values for programs: CSV (RFC 4180) or the same with tabs; floats have all of their digits."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_exact(item) for item in row] for row in rows)
    return out.getvalue()


def _exact(item: Any) -> str:
    if isinstance(item, float):
        return repr(item)
    return numbers.value(item)


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
