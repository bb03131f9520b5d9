"""The names that HyperHerd 0.1.3 has under ``hyperherd.logging``, for trainers and scripts that import them from there.

A trainer's own are also in `hyperherd`: `log_result`, which here too ends no training, and `parse_overrides`.
``workspace`` is the folder of ``hyperherd.yaml``, ``trial_id`` a trial's number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from hyperherd.attempts import variables
from hyperherd.errors import WorkspaceError
from hyperherd.runtime.params import parse_overrides
from hyperherd.runtime.report import log_result, trial_folder
from hyperherd.workspace import layout, results

__all__ = [
    "assert_writable",
    "collect_step_rows",
    "list_metric_streams",
    "load_all_results",
    "load_metric_stream",
    "load_trial_results",
    "log_result",
    "parse_overrides",
]


class NotWritableError(WorkspaceError, RuntimeError):
    """Metrics cannot be logged from this process; HyperHerd 0.1.3 raises a RuntimeError."""


def assert_writable() -> None:
    """Raise `NotWritableError` where this process belongs to no trial, or cannot write into its workspace."""
    trial = trial_folder()
    if trial is None:
        what = f"{variables.WORKSPACE} or {variables.TRIAL_ID} is not set: this process belongs to no trial"
        raise NotWritableError(what, hint="start it with `herd run` or `herd test`")
    results_folder = os.path.dirname(trial)
    home = results_folder if os.path.isdir(results_folder) else os.path.dirname(results_folder)
    if not os.path.isdir(home):
        hint = "in a container, mount the whole workspace (apptainer: --bind)"
        raise NotWritableError("the workspace cannot be seen from here", where=home, hint=hint)
    if not os.access(home, os.W_OK | os.X_OK):
        raise NotWritableError("the workspace cannot be written", where=home, hint=f"see `ls -ld {home}`")


def load_trial_results(workspace: str, trial_id: int) -> dict[str, Any]:
    """Metric -> final value."""
    return dict(results.finals(_results(workspace), trial_id))


def load_all_results(workspace: str) -> dict[int, dict[str, Any]]:
    """Trial -> metric -> final value, of the trials that have logged any."""
    return dict(results.all_finals(_results(workspace)))


def list_metric_streams(workspace: str, trial_id: int) -> list[str]:
    """The metrics that the trial has logged with steps, sorted."""
    return sorted(results.streamed(_results(workspace), trial_id))


def load_metric_stream(workspace: str, trial_id: int, name: str) -> list[dict[str, Any]]:
    """``{"step": ..., "value": ..., "ts": ...}`` for each point, in the order in which they were logged."""
    points = results.logged(_results(workspace), trial_id).get(name, [])
    return [{"step": point.step, "value": point.value, "ts": point.ts} for point in points]


def collect_step_rows(workspace: str, trials: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """(trial_id, step, metric, timestamp, value) of these trials of ``manifest.json``, by trial, metric and step. Of a
    step that was logged twice the newest counts.
    """
    folder = _results(workspace)
    return [
        (trial["index"], point.step, metric, results.utc(point.ts) or "", point.value)
        for trial in sorted(trials, key=lambda trial: int(trial["index"]))
        for metric, points in sorted(results.streams(folder, trial["index"]).items())
        for point in points
    ]


def _results(workspace: str) -> str:
    return os.path.join(workspace, layout.STATE_FOLDER, layout.RESULTS)
