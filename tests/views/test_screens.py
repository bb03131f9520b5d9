"""What ``herd status`` looks like, as golden files: ``HYPERHERD_WRITE_GOLDEN=1`` writes them anew, and git shows it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hyperherd.engine.compared import Results
from hyperherd.engine.dashboard import Dashboard
from hyperherd.sweep.trial import Status
from hyperherd.views import result_tables, status
from hyperherd.views.columns import Screen, printable, width

from . import boards

GOLDEN = Path(__file__).parent / "golden"


def results(board: Dashboard, screen: Screen) -> str:
    found: Results = board.results
    return result_tables.aligned(*result_tables.settings(found, found.settings_best_first()), screen)


SCREENS: dict[str, Callable[[Dashboard, Screen], str]] = {
    "status": status.draw,
    "status-a": status.every_row,
    "res": results,
}


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_is_as_it_was(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    shown = SCREENS[name](boards.digits(), Screen(columns, height=30)) + "\n"
    path = GOLDEN / f"{name}-{columns}.txt"
    if os.environ.get("HYPERHERD_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [20, 40, 80, 120, 200])
@pytest.mark.parametrize("name", SCREENS)
def test_no_line_is_wider_than_the_screen(name: str, columns: int) -> None:
    shown = SCREENS[name](boards.digits(), Screen(columns, height=30))
    assert [line for line in shown.splitlines() if width(line) > columns] == []


@pytest.mark.parametrize("rows", [10, 16, 24, 60])
def test_a_low_screen_shows_fewer_of_those_that_run_and_says_how_many(rows: int) -> None:
    lines = status.draw(boards.digits(), Screen(80, height=rows)).splitlines()
    assert len(lines) < rows or "3 more: herd status -a" in lines or rows < 16
    shown = sum(line.startswith("  ") and "/500" in line for line in lines)
    assert shown == 6 or f"  {6 - shown} more: herd status -a" in lines


def test_an_estimate_begins_after_three_have_completed() -> None:
    board = boards.digits()
    assert "~2h40m left" in status.draw(board, Screen(80))
    few = replace(
        board, times=replace(board.times, took=dict(list(board.times.took.items())[:2])), left_s=None
    )
    assert "left" not in status.draw(few, Screen(80)).splitlines()[1]
    assert "median" not in status.draw(few, Screen(80))


def test_what_a_log_or_a_value_holds_cannot_move_the_cursor() -> None:
    hostile = "a\033[2J\r\nb"
    views = [
        boards.view(0, Status.FAILED, {"x": hostile, "y": 1}, last_error=hostile, reason=hostile),
        boards.view(1, Status.QUEUED, {"x": 2, "y": 1}, reason=hostile),
    ]
    board = replace(boards.digits(), results=boards.results({0: {"accuracy": 0.5}}, *views), courses={})
    for draw in (status.draw, status.every_row):
        for line in draw(board, Screen(200)).split("\n"):
            assert line == printable(line)
