"""The metric of a sweep drawn in the terminal: curves by step, scatters by parameter, the best so far by time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotille

from hyperherd import units
from hyperherd.errors import HerdError
from hyperherd.sweep.metrics import Metric, number
from hyperherd.sweep.trial import Value
from hyperherd.views import numbers, result_tables
from hyperherd.views.columns import Screen, cut, printable

if TYPE_CHECKING:
    from hyperherd.engine.compared import Results, Setting
    from hyperherd.views.documents import Step

MOST_CURVES = 6
"""As many as can be told apart; the best ones."""
MOST_SCATTERS = 4
_COLOURS = ("cyan", "green", "yellow", "magenta", "red", "blue")
_BESIDE = 26
"""Columns that the axis and its numbers take."""
_HEIGHT = 12


def draw(kind: str, found: Results, steps: Sequence[Step], screen: Screen) -> str:
    """``kind`` is ``curves``, ``scatter`` or ``best``; ``steps`` are those of the metric.

    Raises `HerdError` where there is nothing to draw.
    """
    if found.metric is None:
        raise HerdError("nothing says which metric to draw")
    drawn = {"curves": _curves, "scatter": _scatters, "best": _best}[kind](found, found.metric, steps, screen)
    if not drawn:
        needs = (
            "it was logged without step="
            if kind != "scatter" and found.best
            else "no trial has logged a number"
        )
        raise HerdError(
            f"no {kind} of {found.metric.name} to draw: {needs}", hint="herd res; herd res --plot scatter"
        )
    return "\n".join(_fitting(line, screen) for line in drawn.splitlines())


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _fitting(text: str, screen: Screen) -> str:
    """A line as `printable` has it, but for the colours that we have given it; one without any cut at the screen's end,
    which the ticks of an axis do not heed.
    """
    text = text.rstrip(" \u2800")
    if _COLOUR.search(text):
        return "".join(
            part if _COLOUR.fullmatch(part) else printable(part)
            for part in re.split(f"({_COLOUR.pattern})", text)
        )
    text = printable(text)
    return text if screen.width is None else cut(text, screen.width)


def _curves(found: Results, metric: Metric, steps: Sequence[Step], screen: Screen) -> str:
    by_trial: dict[int, dict[float, float]] = {}
    for index, step, _, _, value in steps:
        if (y := number(value)) is not None and math.isfinite(y):
            by_trial.setdefault(index, {})[float(step)] = y
    shown = [s for s in found.settings_best_first() if any(v.index in by_trial for v in s.trials)]
    figure = _figure(screen)
    names = result_tables.varying(found.snapshot.trials, found.repeats)
    for place, setting in enumerate(shown[:MOST_CURVES]):
        line = _mean([by_trial[v.index] for v in setting.trials if v.index in by_trial])
        label = _label(found, setting, names)
        figure.plot(list(line), list(line.values()), label=label, **_look(place, screen))
    if not shown:
        return ""
    more = len(shown) - MOST_CURVES
    told = (
        f"\nThe best {MOST_CURVES} of {len(shown)}; others: herd res --plot curves TRIALS" if more > 0 else ""
    )
    return f"{metric.name} {metric.arrow} by step\n{_shown(figure, legend=True)}{told}"


def _mean(lines: Sequence[Mapping[float, float]]) -> dict[float, float]:
    """Of several lines the mean at each step that any of them has."""
    steps = sorted({step for line in lines for step in line})
    at = {step: [line[step] for line in lines if step in line] for step in steps}
    return {step: sum(values) / len(values) for step, values in at.items()}


def _label(found: Results, setting: Setting, names: Sequence[str]) -> str:
    told = ", ".join(f"{found.abbrevs.get(n, n)} {numbers.parameter(setting.params.get(n))}" for n in names)
    return f"{units.folded(view.index for view in setting.trials)}: {told or setting.trials[0].trial.name}"


def _scatters(found: Results, metric: Metric, steps: Sequence[Step], screen: Screen) -> str:
    scores = {i: y for i, y in found.scores.items() if y is not None and math.isfinite(y)}
    if not scores:
        return ""
    names = result_tables.varying(found.snapshot.trials, found.repeats)[:MOST_SCATTERS]
    drawn = []
    for name in names:
        points = [
            (v.trial.params.get(name), scores[v.index]) for v in found.snapshot.trials if v.index in scores
        ]
        xs, x_shown, x_words = _places([x for x, _ in points])
        ys, y_shown, y_words = _places([y for _, y in points])
        figure = _figure(screen)
        figure.x_ticks_fkt, figure.y_ticks_fkt = x_shown, y_shown
        figure.scatter(xs, ys, lc=_COLOURS[0] if screen.colour else None, marker="o")
        drawn.append(f"{metric.name} {metric.arrow}{y_words} by {name}{x_words}\n{_shown(figure)}")
    return "\n\n".join(drawn)


def _places(values: Sequence[Value]) -> tuple[list[float], Callable[[Any, Any], str], str]:
    """Where values stand on an axis, how a place is written there, and what has to be said of that: numbers where they
    are, on a logarithmic axis where they span two powers of ten, and others side by side.
    """
    given = [number(value) for value in values]
    known = [value for value in given if value is not None and math.isfinite(value)]
    if len(known) == len(values):
        if min(known) > 0 and max(known) / min(known) >= 100:
            return [math.log10(value) for value in known], lambda x, _: f"{10**x:.3g}", " (log)"
        return known, lambda x, _: f"{x:.4g}", ""
    words = list(dict.fromkeys(numbers.parameter(value) for value in values))
    told = ", ".join(f"{place} {word}" for place, word in enumerate(words))
    at = {word: float(place) for place, word in enumerate(words)}
    return [at[numbers.parameter(value)] for value in values], lambda x, _: f"{x:.3g}", f" ({told})"


def _best(found: Results, metric: Metric, steps: Sequence[Step], screen: Screen) -> str:
    points = sorted((ts, y) for _, _, _, ts, value in steps if ts and (y := number(value)) is not None)
    points = [(ts, y) for ts, y in points if math.isfinite(y)]
    if not points:
        return ""
    span_s = points[-1][0] - points[0][0]
    size, unit = next(
        ((s, u) for s, u in ((86400, "days"), (3600, "hours"), (60, "minutes")) if span_s >= 2 * s), (1, "s")
    )
    figure = _figure(screen)
    xs: list[float] = []
    ys: list[float] = []
    for ts, y in points:
        if not ys or metric.best_first(y) < metric.best_first(ys[-1]):
            xs += [(ts - points[0][0]) / size] * (2 if ys else 1)
            ys += [ys[-1], y] if ys else [y]
    figure.plot([*xs, span_s / size], [*ys, ys[-1]], **_look(0, screen))
    return f"best {metric.name} {metric.arrow} so far, by {unit} since the first step\n{_shown(figure)}"


def _figure(screen: Screen) -> plotille.Figure:
    figure = plotille.Figure()
    figure.width = max((screen.width or 80) - _BESIDE, 20)
    figure.height = max(min((screen.height or 40) - 12, _HEIGHT), 6)
    figure.x_label = figure.y_label = ""
    figure.with_colors, figure.color_mode, figure.origin = screen.colour, "names", False
    figure.x_ticks_fkt = figure.y_ticks_fkt = lambda value, _: f"{value:.4g}"
    return figure


def _shown(figure: plotille.Figure, *, legend: bool = False) -> str:
    """Without the empty names of its axes: the line above has them."""
    return str(figure.show(legend=legend)).replace("()", "  ")


def _look(place: int, screen: Screen) -> dict[str, str]:
    """How a line differs from the others: in colour, and where there is none in its points."""
    if screen.colour:
        return {"lc": _COLOURS[place % len(_COLOURS)]}
    return {"marker": "ox+*#@"[place % len(_COLOURS)]}
