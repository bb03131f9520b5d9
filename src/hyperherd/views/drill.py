"""What a drill has found: for people, and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from hyperherd import units
from hyperherd.drill.resumption import Compared, Course, Cut, Report
from hyperherd.launchers import shipped
from hyperherd.views.columns import Cell, Row, Screen, table
from hyperherd.workspace.results import tagged

SHOWN = 20
"""Metrics for eyes; those that differ come first."""


def text(report: Report, screen: Screen) -> str:
    """The two side by side, what happened between, and the verdict."""
    head = (
        f"trial {report.index}: {report.trial}, on {shipped.traits(report.place).title}, seed {report.seed}"
    )
    parts = [head, "", *_numbers(report, screen), *_happened(report), *report.notes]
    for course in (report.straight, report.killed):
        if course and course.last_words:
            gap = [""] if parts[-1] else []
            parts += [*gap, f"The last words of {course.name}:", *(f"  {line}" for line in course.last_words)]
    names = [course.name for course in (report.straight, report.killed) if course]
    under = "the names" if len(names) > 1 else "the name"
    parts.append(f"What the trainer has saved under {under} {' and '.join(names)} is yours to delete.")
    if report.kept:
        parts.append(f"Logs and results of both are in {shlex.quote(report.kept)}")
    verdict = [screen.paint(_sentence(fault), "red") for fault in report.faults]
    return "\n".join([*parts, "", *(verdict or [screen.paint(_good(report), "green")])])


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}{'' if words.endswith(('?', ')')) else '.'}"


def _good(report: Report) -> str:
    counted = sum(one.same is True for one in report.compared)
    return f"The same numbers ({counted} metric{'s' if counted != 1 else ''}): it resumes."


def _numbers(report: Report, screen: Screen) -> Iterator[str]:
    if not report.compared:
        return
    rows = sorted(report.compared, key=lambda one: (one.same is not False, one.metric))
    cells: list[Row] = [
        [Cell(one.metric), _value(one.straight), _value(one.killed), _judged(one)] for one in rows[:SHOWN]
    ]
    yield table(cells, screen, head=("metric", "straight", "killed", ""), right=(1, 2))
    if len(rows) > SHOWN:
        yield f"and {len(rows) - SHOWN} more"
    if report.parted:
        metric, step = report.parted
        yield f"Step by step they first differ at step {step} ({metric})."
    yield ""


def _value(value: Any) -> str:
    return "" if value is None else str(tagged(value))


def _judged(one: Compared) -> Cell:
    if one.same is None:
        return Cell("not compared", "dim")
    if one.same:
        return Cell("same", "green")
    if one.absolute is None:
        return Cell("differs", "red")
    share = f" ({one.relative:.2g} of it)" if one.relative is not None else ""
    return Cell(f"differs by {one.absolute:.3g}{share}", "red")


def _happened(report: Report) -> Iterator[str]:
    cut = report.cut
    if cut is None:
        return
    at = (
        f" at step {cut.sent_at}"
        if cut.sent_at is not None
        else f" {cut.moment.after_s:.1f} s after its start"
    )
    ended = f"it ended {cut.save_s:.1f} s later with {cut.exit_code}" if cut.save_s is not None else ""
    last = f"its last step was {cut.last}" if cut.last is not None else ""
    yield f"SIG{cut.signal} came{at}{''.join(f'; {words}' for words in (ended, last) if words and not cut.late)}."
    if cut.resumed is not None:
        yield f"Attempt 2 began with step {cut.resumed}: {_lost(report, cut)}."
    if report.recommended_s is not None and not report.faults:
        yield _advice(cut, report.recommended_s)


def _lost(report: Report, cut: Cut) -> str:
    if report.skipped:
        return f"{units.counted(len(report.skipped), 'step')} between the two were never run"
    if not report.lost:
        return "no step was lost"
    if len(cut.repeated) < 2:
        return f"up to {report.lost} steps were done again"
    return f"{report.lost} steps were done again ({cut.repeated[0]} to {cut.repeated[-1]})"


def _advice(cut: Cut, recommended_s: int) -> str:
    enough = f"USR2@{recommended_s}".replace("USR2", cut.signal)
    if cut.notice_s >= recommended_s:
        return f"`requeue: {{signal: {enough}}}` gives it time enough; it has {cut.notice_s} s."
    return f"Write `requeue: {{signal: {enough}}}`: it has {cut.notice_s} s, which may be too little."


def document(report: Report) -> dict[str, Any]:
    """``herd drill --json``. Times in seconds; steps that cannot be told are null."""
    cut = report.cut
    return {
        "index": report.index,
        "experiment_name": report.trial,
        "launcher": report.place,
        "seed": report.seed,
        "same": not report.faults,
        "faults": report.faults,
        "notes": list(report.notes),
        "straight": _course(report.straight),
        "killed": _course(report.killed) if report.killed else None,
        "cut": _cut(report, cut) if cut else None,
        "compared": [_compared(one) for one in report.compared],
        "first_difference": {"metric": report.parted[0], "step": report.parted[1]} if report.parted else None,
        "kept": report.kept or None,
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "experiment_name": course.name,
        "status": course.status.value,
        "reason": course.reason or None,
        "attempts": course.attempts,
        "metrics": tagged(course.finals),
        "stderr_lines": list(course.last_words),
    }


def _cut(report: Report, cut: Cut) -> dict[str, Any]:
    return {
        "signal": cut.signal,
        "step": cut.sent_at,
        "last_step": cut.last,
        "resumed_step": cut.resumed,
        "lost_steps": report.lost,
        "save_seconds": cut.save_s,
        "exit_code": cut.exit_code,
        "notice_seconds": cut.notice_s,
        "recommended_seconds": report.recommended_s,
    }


def _compared(one: Compared) -> dict[str, Any]:
    return {
        "metric": one.metric,
        "straight": tagged(one.straight),
        "killed": tagged(one.killed),
        "same": one.same,
        "absolute": tagged(one.absolute),
        "relative": tagged(one.relative),
    }
