"""``herd status`` on a terminal: the best and the failures first, what runs and how far it is, the rest folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from hyperherd import units
from hyperherd.engine import failures
from hyperherd.engine.dashboard import WAITING, Dashboard
from hyperherd.engine.snapshot import FAILED, TrialView
from hyperherd.sweep.trial import Status
from hyperherd.views import numbers, result_tables, tables
from hyperherd.views.columns import Cell, Row, Screen, cut, line, table
from hyperherd.views.tables import COLOURS

MOST_CAUSES = 6
FEWEST_RUNNING = 3
"""Rows that a low screen still has for running trials."""
CURVE = 8
"""Characters of a sparkline."""
_STATUS = 24
"""Characters of a status and its reason where the screen is not wide."""
_VALUE = 6
"""Characters of a value, so that the curves behind them stand in line."""
WIDE = 120
"""From so many columns on, rows end with the last line of the trial's log."""
_LABEL = 14

_BAR = ((Status.COMPLETED, "█"), (Status.RUNNING, "▒"), (Status.FAILED, "▓"), (Status.LOST, "▓"))
_SHORT = {
    Status.COMPLETED: "done",
    Status.RUNNING: "run",
    Status.FAILED: "failed",
    Status.LOST: "lost",
    Status.CANCELLED: "cancelled",
    Status.PAUSED: "paused",
    Status.PRUNED: "pruned",
}


def draw(board: Dashboard, screen: Screen) -> str:
    """All of it in as many lines as the screen has, if that can be: of running trials as many as there is room for."""
    views = board.snapshot.trials
    if not views:
        return tables.none(board.snapshot)
    above = [_title(board, screen), _bar(board, screen)]
    failed = _failed(board, screen)
    below = [_waiting(board, screen), *_others(board, screen), _done(board, screen), _age(board, screen)]
    below = [line for line in below if line]
    taken = len(above) + failed.count("\n") + 2 * bool(failed) + len(below) + 3
    rows = max((screen.height or 1000) - taken, FEWEST_RUNNING)
    parts = ["\n".join(above), failed, _running(board, screen, rows), "\n".join(below)]
    return "\n".join(filter(None, parts))


def every_row(board: Dashboard, screen: Screen, rows: Sequence[TrialView] | None = None) -> str:
    """The same head, and a row for each trial (or of these), what needs somebody first."""
    if not board.snapshot.trials:
        return tables.none(board.snapshot)
    views = tables.ordered(board.snapshot) if rows is None else rows
    names = [*_names(board), *_repeats(board)]
    wide = screen.width is None or screen.width >= WIDE
    head = ["trial", "status", *_headings(board, names), *_HEAD_OF_COURSE, "node", "last line"]
    body = [_row_of_any(board, view, names, wide) for view in views]
    shown = _table(body, _with_metric(board, head), screen, right=(0,), whole=(1,))
    parts = [_title(board, screen), _bar(board, screen), _failed(board, screen), shown]
    return "\n".join([*filter(None, parts), tables.totals(board.snapshot, screen)])


def cut_to(shown: str, height: int) -> str:
    """As many of its lines as fit, the last one in any case."""
    lines = shown.split("\n")
    return shown if len(lines) < height else "\n".join([*lines[: max(height - 2, 0)], lines[-1]])


_HEAD_OF_COURSE = ("step", "{metric}", "ran", "left")


def _with_metric(board: Dashboard, head: Sequence[Cell | str]) -> list[Cell | str]:
    metric = board.results.metric
    return [(f"{metric.name} {metric.arrow}" if metric else "") if one == "{metric}" else one for one in head]


def _table(
    rows: Sequence[Row],
    head: Sequence[Cell | str],
    screen: Screen,
    *,
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
) -> str:
    """Without the columns in which no row has anything."""
    keep = [place for place in range(len(head)) if not place or any(_text(row[place]) for row in rows)]
    at = {place: position for position, place in enumerate(keep)}
    return table(
        [[row[place] for place in keep] for row in rows],
        screen,
        head=[head[place] for place in keep],
        right=[at[place] for place in right if place in at],
        whole=[at[place] for place in whole if place in at],
    )


def _row_of_any(board: Dashboard, view: TrialView, names: Sequence[str], wide: bool) -> list[Cell | str]:
    reason = f" ({view.reason})" if view.reason else ""
    told = f"{view.status}{reason}{f' {tables.attempt(view)}' if view.attempt > 1 else ''}"
    return [
        str(view.index),
        Cell(told if wide else cut(told, _STATUS), COLOURS.get(view.status, "")),
        *_values(view, names),
        *_course(board, view),
        view.node if wide else "",
        Cell((view.last_error or view.last_line or "") if wide else "", "red" if view.last_error else "dim"),
    ]


def _course(board: Dashboard, view: TrialView) -> list[Cell | str]:
    """Its step, its metric with the curve to there, how long it has run, and what is left."""
    course = board.courses.get(view.index)
    value = numbers.short(board.results.scores.get(view.index))
    if course is None:
        took = board.times.took.get(view.index)
        return ["", value, units.span(took) if took is not None else "", ""]
    step = "" if course.step is None else numbers.value(course.step)
    steps = "" if course.steps is None else f"/{numbers.value(course.steps)}"
    return [
        step + steps if step else "",
        f"{value:<{_VALUE}} {numbers.sparkline(course.curve, CURVE)}".rstrip(),
        "" if course.began_at is None else units.span(max(board.at - course.began_at, 0.0)),
        "" if course.left_s is None else f"~{units.span(course.left_s)}",
    ]


def _text(cell: Cell | str) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def _title(board: Dashboard, screen: Screen) -> str:
    found = board.results
    name = Cell(board.snapshot.sweep_name, "bold")
    metric, best = found.metric, found.best
    if metric is None:
        return line(screen, name)
    head = f"  {metric.name} {metric.arrow}"
    if best is None or best.score is None:
        return line(screen, name, head)
    count = f" ({best.score.n} of {len(best.trials)})" if len(best.trials) > 1 else ""
    made_of = [
        f"{found.abbrevs.get(n, n)} {numbers.parameter(best.params[n])}"
        for n in _names(board)
        if n in best.params
    ]
    which = f"trial{'s' if len(best.trials) > 1 else ''} {units.folded(view.index for view in best.trials)}"
    value = Cell(f"{result_tables.BEST} {numbers.spread(best.score)}{count}", "green")
    return line(screen, name, f"{head}  best ", value, "  " + ", ".join([*made_of, which]))


def _bar(board: Dashboard, screen: Screen) -> str:
    counts = Counter(view.status for view in board.snapshot.trials)
    waiting = sum(counts[status] for status in WAITING)
    words = {
        _SHORT[status]: Cell(f"  {counts[status]} {_SHORT[status]}", COLOURS[status])
        for status in _SHORT
        if counts[status]
    }
    parts: list[Cell | str] = [*_blocks(counts, min(max((screen.width or 80) // 4, 10), 40))]
    for word, cell in words.items():
        if waiting and word not in ("done", "run"):
            parts.append(f"  {waiting} wait")
            waiting = 0
        parts.append(cell)
    parts += [f"  {waiting} wait"] if waiting else []
    parts += [Cell(f"  ~{units.span(board.left_s)} left", "bold")] if board.left_s is not None else []
    return line(screen, *parts)


def _blocks(counts: Counter[Status], width: int) -> list[Cell]:
    """Each kind has its share of the width, and one block at least."""
    parts, left = [], width
    for status, block in _BAR:
        if counts[status]:
            share = min(max(round(width * counts[status] / counts.total()), 1), left)
            parts.append(Cell(block * share, COLOURS[status]))
            left -= share
    return [*parts, Cell("░" * left, "dim")]


def _failed(board: Dashboard, screen: Screen) -> str:
    groups = failures.alike(board.snapshot.trials)
    if not groups:
        return ""
    counted = Counter(group.status for group in groups for _ in group.trials)
    label = ", ".join(
        f"{str(status).upper()} {counted[status]}" for status in FAILED_ORDER if counted[status]
    )
    shown = groups[:MOST_CAUSES]
    rows: list[Row] = [
        (
            f"  {len(group.trials)}× {group.reason or group.status}",
            Cell(group.line or "it has said nothing on stderr", "red" if group.line else "dim"),
            cut(units.folded(view.index for view in group.trials), 16),
            Cell(f"herd tail {group.trials[0].index}", "dim"),
        )
        for group in shown
    ]
    hint = "fix, then: herd run" if not counted[Status.LOST] else "herd show N; run again: herd run --lost"
    more = len(groups) - len(shown)
    lines = [
        line(screen, Cell(label.ljust(_LABEL), "red"), Cell(hint, "dim")),
        table(rows, screen, whole=(0, 2, 3)),
    ]
    if more:
        lines.append(
            line(
                screen,
                Cell(
                    f"  {units.counted(more, 'other cause')}: herd status --where 'status == failed'", "dim"
                ),
            )
        )
    return "\n".join(lines)


FAILED_ORDER = sorted(FAILED, key=str)


def _running(board: Dashboard, screen: Screen, room: int) -> str:
    views = [view for view in board.snapshot.trials if view.index in board.courses]
    if not views:
        return ""
    names = [*_names(board), *_repeats(board)]
    ordered = sorted(views, key=_how_far(board))
    shown = ordered if len(ordered) <= room else ordered[: max(room - 1, 1)]
    label = f"RUNNING {len(views)}"
    wide = (screen.width or 0) >= WIDE
    head: list[Cell | str] = [
        Cell(label, "cyan"),
        *_headings(board, names),
        *_HEAD_OF_COURSE,
        "node",
        "last line",
    ]
    rows: list[Row] = [
        [
            f"  {view.index}{f' ({view.reason})' if view.reason else ''}".ljust(len(label)),
            *_values(view, names),
            *_course(board, view),
            view.node,
            Cell((view.last_line or "") if wide else "", "dim"),
        ]
        for view in shown
    ]
    text = _table(rows, _with_metric(board, head), screen)
    more = len(views) - len(shown)
    return text + ("\n" + line(screen, Cell(f"  {more} more: herd status -a", "dim")) if more else "")


def _how_far(board: Dashboard) -> Callable[[TrialView], tuple[float, int]]:
    """Those that end first, first."""

    def key(view: TrialView) -> tuple[float, int]:
        left = board.courses[view.index].left_s
        return (float("inf") if left is None else left, view.index)

    return key


def _names(board: Dashboard) -> list[str]:
    return result_tables.varying(board.snapshot.trials, board.results.repeats)


def _repeats(board: Dashboard) -> list[str]:
    """What tells one trial of a setting from another."""
    return [name for name in board.results.repeats if name in board.snapshot.trials[0].trial.params]


def _headings(board: Dashboard, names: Sequence[str]) -> list[str]:
    return [board.results.abbrevs.get(name, name) for name in names]


def _values(view: TrialView, names: Sequence[str]) -> list[str]:
    params = view.trial.params
    return [numbers.parameter(params[name]) if name in params else "" for name in names]


def _waiting(board: Dashboard, screen: Screen) -> str:
    views = [view for view in board.snapshot.trials if view.status in WAITING]
    if not views:
        return ""
    reasons = Counter(view.reason for view in views if view.reason)
    ready = sum(view.status is Status.READY for view in views)
    told = [f"{count} {reason}" for reason, count in reasons.most_common()]
    told += [f"{ready} not submitted: herd run"] if ready else []
    # A moment that is to come is told as one that is past: of the clock alone where it is today.
    starts = "" if board.starts_at is None else f"   next ~{units.moment(board.starts_at, board.at)}"
    label = f"WAITING {len(views)}".ljust(_LABEL)
    room = None if screen.width is None else screen.width - len(label) - len(starts)
    reason = ", ".join(told)
    return line(
        screen, Cell(label, "blue"), reason if room is None else cut(reason, room), Cell(starts, "dim")
    )


_HINTS = {
    Status.CANCELLED: "herd run submits them again",
    Status.PAUSED: "they go on when they are promoted",
    Status.PRUNED: "stopped early",
}


def _others(board: Dashboard, screen: Screen) -> list[str]:
    counts = Counter(view.status for view in board.snapshot.trials)
    return [
        line(
            screen,
            Cell(f"{str(status).upper()} {counts[status]} ".ljust(_LABEL), COLOURS[status]),
            Cell(hint, "dim"),
        )
        for status, hint in _HINTS.items()
        if counts[status]
    ]


def _done(board: Dashboard, screen: Screen) -> str:
    done = sum(view.status is Status.COMPLETED for view in board.snapshot.trials)
    if not done:
        return ""
    times = board.times
    told = [f"median {units.span(times.median_s)}"] if times.median_s is not None else []
    if times.gpu_s:
        told.append(f"{'' if times.exact else '~'}{times.gpu_s / 3600:.3g} GPU-hours")
    told += ["best first: herd res"] if board.results.metric else []
    return line(screen, Cell(f"DONE {done}".ljust(_LABEL), "green"), ", ".join(told))


def _age(board: Dashboard, screen: Screen) -> str:
    """How old it is: of schedulers when they were asked."""
    told = [
        f"{title} asked {'just now' if board.at - at < 1 else units.span(board.at - at) + ' ago'}"
        for title, at in board.asked_at.items()
    ]
    return line(screen, Cell(", ".join(told) or f"as of {datetime.fromtimestamp(board.at):%H:%M:%S}", "dim"))
