"""Dashboards of trials that never ran, for views that are drawn of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperherd.attempts.filenames import Unit
from hyperherd.engine.compared import Results
from hyperherd.engine.dashboard import Course, Dashboard
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.engine.timing import Times
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.trial import Status, Trial
from hyperherd.workspace.folder import Workspace

NOW = 1_796_000_000.0


def view(index: int, status: Status, params: Mapping[str, Any], **more: Any) -> TrialView:
    name = "_".join(f"{key}-{value}" for key, value in params.items())
    given: dict[str, Any] = {
        "reason": "",
        "attempt": 1,
        "exit_code": None,
        "node": "",
        "job": None,
        "last_line": None,
        "last_error": None,
        "changed": False,
        "interruptions": {},
        "submitted": True,
    }
    return TrialView(
        Trial(index, f"{index:x}", name, dict(params), {}), Unit(index), status, **{**given, **more}
    )


def snapshot(*views: TrialView) -> Snapshot:
    return Snapshot("digits", Workspace(Path("/sweeps/digits")), views, (), len(views))


def results(metrics: Mapping[int, Mapping[str, Any]], *views: TrialView, **more: Any) -> Results:
    return Results(snapshot(*views), metrics, Metric("accuracy"), **more)


def digits() -> Dashboard:
    """The sweep of the sketches: 48 trials, 3 of each setting, on a cluster."""
    settings = [(lr, opt) for lr in (0.1, 0.03, 0.01, 0.001) for opt in ("adam", "sgd", "lion", "rmsprop")]
    views, metrics, courses = [], {}, {}
    for index in range(48):
        lr, opt = settings[index // 3]
        params = {"learning_rate": lr, "optimizer": opt, "seed": index % 3}
        if index in (2, 8, 14):
            error = "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'"
            told = {"reason": "exit 1", "last_error": error, "node": "n1", "exit_code": 1}
            views.append(view(index, Status.FAILED, params, **told))
        elif index < 25:
            views.append(view(index, Status.COMPLETED, params, last_line="epoch 50/50  loss 0.211"))
            metrics[index] = {"accuracy": 0.9 + 0.0121 - 0.004 * (index % 3) - 0.01 * abs(index // 3 - 5)}
        elif index < 31:
            line = f"epoch {41 + index % 3}/50  loss {0.4 + index / 100:.3f}  acc {0.8 + index / 1000:.3f}"
            views.append(view(index, Status.RUNNING, params, node=f"n{index % 4}", last_line=line))
            metrics[index] = {"accuracy": 0.8 + index / 1000}
            curve = tuple(
                metrics[index]["accuracy"] * (1 - 0.6 / (1 + k)) for k in range(410 + 10 * (index % 3))
            )
            courses[index] = Course(
                NOW - 2460 + 60 * (index % 3),
                len(curve),
                500,
                curve,
                540.0 + 20 * index,
            )
        else:
            reason = "QOSMaxGRESPerUser" if index > 42 else "Priority"
            views.append(view(index, Status.QUEUED, params, reason=reason, attempt=0))
    done = frozenset(metrics) - frozenset(courses)
    took = {index: 3000.0 + 10 * index for index in done}
    found = results(metrics, *views, repeats=("seed",), abbrevs={"learning_rate": "lr", "optimizer": "opt"})
    times = Times(took, done, gpu_s=19 * 3600.0)
    return Dashboard(found, courses, times, 9600.0, NOW + 900, {"Slurm": NOW - 14}, NOW)
