"""A sweep as a notebook shows it: what ``herd status`` says, and the results, best first, as a table of HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

from hyperherd.engine.compared import Results
from hyperherd.engine.dashboard import Dashboard
from hyperherd.views import numbers, result_tables, status
from hyperherd.views.columns import Screen

WIDTH = 100
MOST = 30
"""Rows; the others are counted."""


def page(board: Dashboard, found: Results) -> str:
    """``found`` are the results of the board's trials, with all of their metrics."""
    shown = html.escape(status.draw(board, Screen(WIDTH)))
    return f"<pre>{shown}</pre>{_table(found) if found.metrics else ''}"


def _table(found: Results) -> str:
    settings = found.settings_best_first()
    if found.repeats:
        head, rows = result_tables.settings(found, settings)
    else:
        head, rows = result_tables.results(found.best_first())
    more = f"<p>and {len(rows) - MOST} more</p>" if len(rows) > MOST else ""
    body = "".join(_row("td", [numbers.value(value) for value in row]) for row in rows[:MOST])
    return f"<table><thead>{_row('th', head)}</thead><tbody>{body}</tbody></table>{more}"


def _row(cell: str, values: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{html.escape(value)}</{cell}>" for value in values) + "</tr>"
