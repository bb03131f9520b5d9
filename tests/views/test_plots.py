"""``herd res --plot``: curves, scatters and the best so far, in a terminal with and without colours."""

from __future__ import annotations

import pytest

from hyperherd.engine.compared import Results
from hyperherd.errors import HerdError
from hyperherd.sweep.trial import Status
from hyperherd.views import plots
from hyperherd.views.columns import Screen, width

from . import boards

COLOURED = Screen(80, colour=True, height=24)
PLAIN = Screen(80, height=24)


def found(**more: object) -> Results:
    views = [
        boards.view(i, Status.COMPLETED, {"lr": 10.0**-i, "opt": "adam" if i % 2 else "sgd", "seed": 0})
        for i in range(4)
    ]
    return boards.results({i: {"accuracy": 0.5 + i / 10} for i in range(4)}, *views, **more)


STEPS = [(i, s, "accuracy", 1000.0 + 60 * s, 0.1 * i + s / 20) for i in range(4) for s in range(5)]


@pytest.mark.parametrize("kind", ["curves", "scatter", "best"])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_plot_fits_the_screen_and_has_something_on_it(kind: str, columns: int) -> None:
    shown = plots.draw(kind, found(), STEPS, Screen(columns, height=24))
    assert max(map(width, shown.splitlines())) <= columns
    drawn = [c for c in shown if "\u2801" <= c <= "\u28ff" or c in "ox+*#@"]
    assert len(drawn) > 3


def test_curves_name_what_varies_and_are_told_apart_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # pytest's output is no terminal
    coloured = plots.draw("curves", found(), STEPS, COLOURED)
    assert "3: lr 0.001, opt adam" in coloured and "\033[" in coloured
    plain = plots.draw("curves", found(), STEPS, PLAIN)
    assert "\033" not in plain and all(mark in plain for mark in "ox+*")


def test_the_curves_of_a_setting_are_one_the_mean_of_its_trials() -> None:
    shown = plots.draw("curves", found(repeats=("lr", "seed")), STEPS, PLAIN)
    assert "1,3: opt adam" in shown and "0,2: opt sgd" in shown


def test_a_parameter_over_powers_of_ten_is_on_a_logarithmic_axis_and_words_side_by_side() -> None:
    shown = plots.draw("scatter", found(), [], PLAIN)
    assert "lr (log)" in shown and "opt (0 sgd, 1 adam)" in shown


@pytest.mark.parametrize("kind", ["curves", "best"])
def test_what_was_logged_without_steps_has_no_curve_and_says_so(kind: str) -> None:
    with pytest.raises(HerdError, match=f"no {kind} of accuracy to draw: it was logged without step="):
        plots.draw(kind, found(), [], PLAIN)
