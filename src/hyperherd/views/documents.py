"""The JSON documents. Their keys are promised to scripts: see the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from hyperherd.jobs import Usage
from hyperherd.launchers import shipped
from hyperherd.sweep.trial import Status, Trial
from hyperherd.views import numbers
from hyperherd.workspace.results import tagged, utc

if TYPE_CHECKING:
    from hyperherd.engine.compared import Results, Setting
    from hyperherd.engine.dashboard import Dashboard
    from hyperherd.engine.found_tasks import Found
    from hyperherd.engine.inspection import Inspection
    from hyperherd.engine.launch import Made, Prepared
    from hyperherd.engine.observe import Listed
    from hyperherd.engine.overview import Glance
    from hyperherd.engine.pieces import Piece
    from hyperherd.engine.snapshot import Snapshot, TrialView
    from hyperherd.engine.stopping import Stopped

STEP = ("trial_id", "step", "metric", "timestamp", "value")
"""What a row of ``herd res --steps`` is made of."""
Step: TypeAlias = "tuple[int, int | float, str, float, Any]"
"""Such a row; the timestamp in seconds since the epoch."""


def trial(trial: Trial, status: Status) -> dict[str, Any]:
    """The four keys that every document says of a trial."""
    return {
        "index": trial.index,
        "status": status.value,
        "experiment_name": trial.name,
        "params": tagged(trial.params),
    }


def run(prepared: Prepared, made: Sequence[Made], *, dry_run: bool) -> dict[str, Any]:
    """What a run did or would do. ``submissions`` has one entry for each array; the single keys are the first's."""
    statuses = prepared.known.statuses
    accepted = {i for one in made if not one.refused for i in one.record.trials}
    pieces = [_piece(piece) for piece in prepared.pieces] if dry_run else [_submission(one) for one in made]
    first: Mapping[str, Any] = pieces[0] if pieces else {}
    indices = [t.index for t in prepared.plan.submit] if dry_run else sorted(accepted)
    return {
        "dry_run": dry_run,
        "slurm_job_id": first.get("slurm_job_id"),
        "sbatch_path": first.get("sbatch_path"),
        "submitted_indices": indices,
        "sbatch_script": first.get("sbatch_script"),
        "submissions": pieces,
        "trials": [
            trial(t, Status.SUBMITTED if t.index in accepted else statuses.get(t.index, Status.READY))
            for t in prepared.plan.trials
        ],
    }


def _piece(piece: Piece) -> dict[str, Any]:
    return {"sbatch_script": piece.script(), "indices": list(piece.trials), **_place(piece)}


def _place(piece: Piece) -> dict[str, Any]:
    place = piece.place
    options = shipped.native().options(place.request)
    return {
        "launcher": place.launcher.name,
        "host": place.host or None,
        "requires": place.requires or None,
        "why": place.why or None,
        "options": {name: value for name, value in options.items() if value is not None},
        "expected_start": piece.starts_at,
    }


def _submission(one: Made) -> dict[str, Any]:
    return {
        "slurm_job_id": one.record.slurm_job_id,
        "sbatch_path": str(one.batch.files.script),
        "indices": list(one.record.trials),
        "refused": one.refused or None,
        "switched_off": one.switched_off or None,
        **_place(one.piece),
    }


def listed(one: Listed) -> dict[str, Any]:
    """``herd ls --json``: no status, because nobody was asked for one."""
    four = trial(one.trial, Status.READY)
    del four["status"]
    return {
        **four,
        "extras": tagged(one.trial.extras),
        "orphan": one.trial.orphan,
        "new": not one.known,
        "outdated": one.outdated,
    }


def shown(board: Dashboard, v: TrialView, inspected: Inspection) -> dict[str, Any]:
    """``herd show --json``."""
    return {
        **view(board, v),
        "extras": tagged(v.trial.extras),
        "host": inspected.fact.submission.host or None if inspected.fact.submission else None,
        "requires": inspected.fact.submission.requires or None if inspected.fact.submission else None,
        "command": list(inspected.command),
        "environment": dict(inspected.environment),
        "attempts": [
            {
                "attempt": one.number,
                **({} if one.task is None else {"task": one.task}),
                "slurm_job_id": one.job or None,
                "node": one.node,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
                "exit_code": one.exit_code,
                "terminated": one.terminated,
                "reason": one.reason or None,
            }
            for one in inspected.attempts
        ],
        "metrics": tagged(inspected.metrics),
        "last_error_line": inspected.last_error,
    }


def status(board: Dashboard) -> dict[str, Any]:
    """``herd status --json``."""
    found, snapshot = board.results, board.snapshot
    best = found.best
    return {
        "totals": snapshot.totals,
        "metric": found.metric.name if found.metric else None,
        "mode": found.metric.mode if found.metric else None,
        "best": _group(best) if best else None,
        "left_seconds": board.left_s,
        "expected_start": board.starts_at,
        "median_seconds": board.times.median_s,
        "asked_at": {title: utc(at) for title, at in board.asked_at.items()},
        "trials": [view(board, v) for v in snapshot.trials],
    }


def _course(board: Dashboard, v: TrialView) -> dict[str, Any]:
    """How far a trial is; of one that has ended how long it took."""
    course = board.courses.get(v.index)
    ran_s = board.at - course.began_at if course and course.began_at is not None else None
    return {
        "metric": tagged(board.results.scores.get(v.index)),
        "step": course.step if course else None,
        "steps": course.steps if course else None,
        "elapsed_seconds": board.times.took.get(v.index) if course is None else ran_s,
        "left_seconds": course.left_s if course else None,
    }


def several(boards: Sequence[Dashboard]) -> dict[str, Any]:
    """``herd status --json`` of several workspaces."""
    return {"sweeps": [{**_of_sweep(one.snapshot), **status(one)} for one in boards]}


def _of_sweep(snapshot: Snapshot) -> dict[str, Any]:
    return {"sweep_name": snapshot.sweep_name, "workspace": str(snapshot.workspace.root)}


def tasks(found: Sequence[Found]) -> dict[str, Any]:
    """``herd status --json`` of tasks of Python's: what is beside the trials, or all."""
    return {
        "tasks": [
            {
                "token": one.token,
                "name": one.name,
                "status": one.verdict.status.value,
                "reason": one.verdict.reason or None,
                "exit_code": one.verdict.exit_code,
                "slurm_job_id": one.job,
                "where": one.where,
            }
            for one in found
        ]
    }


def stopped_tasks(asked: Sequence[Found], refused: Mapping[str, str]) -> dict[str, Any]:
    """``herd stop --json`` of tasks of Python's."""
    return {
        "cancelled": [
            {"token": one.token, "slurm_job_id": one.job, "previous_status": one.verdict.status.value}
            for one in asked
            if one.token not in refused
        ],
        "refused": [{"token": token, "reason": words} for token, words in refused.items()],
    }


def overview(glances: Sequence[Glance]) -> dict[str, Any]:
    """``herd status --json`` outside of any workspace."""
    return {
        "sweeps": [
            {
                "sweep_name": one.name,
                "folder": str(one.folder),
                "totals": {"total": sum(one.counts.values()), **{s.value: n for s, n in one.counts.items()}},
                "last_activity": utc(one.active_at),
            }
            for one in glances
        ]
    }


def view(board: Dashboard, v: TrialView) -> dict[str, Any]:
    """A trial as `status` says it."""
    return {
        **trial(v.trial, v.status),
        **_course(board, v),
        "last_log_line": v.last_line,
        "last_error_line": v.last_error,
        "attempt": v.attempt,
        "reason": v.reason or None,
        "exit_code": v.exit_code,
        "node": v.node or None,
        "orphan": v.trial.orphan,
        "slurm_job": v.job,
        "launch_script_changed": v.changed,
        "interruptions": dict(v.interruptions),
    }


def stats(snapshot: Snapshot, used: Mapping[int, Usage]) -> dict[str, Any]:
    """``herd stats --json``; null where nobody measured."""
    return {"trials": [{**_named(v), **usage(v, used.get(v.index, Usage()))} for v in snapshot.trials]}


def usage(v: TrialView, used: Usage) -> dict[str, Any]:
    """Seconds and bytes. The exit code is the trial's own: sacct shows 9 for an exit of 137."""
    return {
        "slurm_state": numbers.state(v, used) or None,
        "elapsed": clock(used.elapsed_s),
        "elapsed_seconds": used.elapsed_s,
        "max_rss_bytes": used.max_rss_bytes,
        "ave_rss_bytes": used.ave_rss_bytes,
        "req_mem_bytes": used.req_mem_bytes,
        "exit_code": used.exit_code if v.exit_code is None else v.exit_code,
    }


def clock(seconds: float | None) -> str | None:
    """Slurm's way of writing a duration, ``[D-]HH:MM:SS``."""
    if seconds is None:
        return None
    days, rest = divmod(round(seconds), 86400)
    text = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def _named(v: TrialView) -> dict[str, Any]:
    return {"index": v.index, "experiment_name": v.trial.name}


def res(found: Results, settings: Sequence[Setting] | None = None) -> dict[str, Any]:
    """``herd res --json``; with ``settings`` these, each of trials that only repeat each other."""
    best = found.best
    document: dict[str, Any] = {
        "metric": found.metric.name if found.metric else None,
        "mode": found.metric.mode if found.metric else None,
        "at": found.metric.at if found.metric else None,
        "best": best.trials[0].index if best else None,
        "trials": [
            {
                **_named(v),
                "params": tagged(v.trial.params),
                "metrics": tagged(found.metrics.get(v.index, {})),
            }
            for v in found.snapshot.trials
        ],
    }
    if settings is not None:
        document["repeats"] = list(found.repeats)
        document["groups"] = [_group(one) for one in settings]
    return document


def _group(setting: Setting) -> dict[str, Any]:
    return {
        "trials": [view.index for view in setting.trials],
        "params": tagged(setting.params),
        "n": setting.score.n if setting.score else 0,
        "metrics": {
            name: tagged({"mean": spread.mean, "sd": spread.sd, "n": spread.n})
            for name, spread in setting.measured.items()
        },
    }


def res_of_several(found: Sequence[Results]) -> dict[str, Any]:
    """``herd res --json`` of several workspaces."""
    return {"sweeps": [{**_of_sweep(one.snapshot), **res(one)} for one in found]}


def steps(rows: Iterable[Step]) -> dict[str, Any]:
    """``herd res --steps --json``: rows as `reading.steps` makes them."""
    return {"rows": [dict(zip(STEP, tagged(row), strict=True)) for row in step_rows(rows)]}


def step_rows(rows: Iterable[Step]) -> list[tuple[int, int | float, str, str | None, Any]]:
    """The same with the timestamps as HyperHerd 0.1.3 writes them, such as ``2026-11-21T10:00:00Z``."""
    return [(index, step, metric, utc(ts), value) for index, step, metric, ts, value in rows]


def stopped(outcome: Stopped) -> dict[str, Any]:
    """``herd stop --json``."""
    cancelled = [
        {
            "index": fact.trial.index,
            "slurm_job_id": fact.submission.slurm_job_id if fact.submission else None,
            "previous_status": fact.status.value,
        }
        for fact in outcome.cancelled
    ]
    return {
        "cancelled": cancelled,
        "refused": [{"index": i, "reason": w} for i, w in outcome.refused.items()],
        "off_record": [
            {"token": stray.token, "job": stray.job, "reason": words or None}
            for stray, words in outcome.strays.items()
        ],
    }


def tail(
    v: TrialView, streams: Mapping[str, tuple[str, Sequence[str] | None]], requested: int
) -> dict[str, Any]:
    """``herd tail --json``: stream -> (path, lines or None where there is no such file)."""
    return {
        "index": v.index,
        "status": v.status.value,
        "experiment_name": v.trial.name,
        "streams": {
            name: {"path": path, "lines": None if lines is None else list(lines), "requested": requested}
            for name, (path, lines) in streams.items()
        },
    }


def everything(
    board: Dashboard,
    used: Mapping[int, Usage],
    metrics: Mapping[int, Mapping[str, Any]],
    failed: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """``herd snapshot``: all of it in one document."""
    snapshot = board.snapshot
    return {
        "sweep_name": snapshot.sweep_name,
        "workspace": str(snapshot.workspace.root),
        "totals": snapshot.totals,
        "trials": [
            {
                **view(board, v),
                **usage(v, used.get(v.index, Usage())),
                "metrics": tagged(metrics.get(v.index, {})),
            }
            for v in snapshot.trials
        ],
        "failed_stderr": list(failed),
        "warnings": list(snapshot.warnings),
    }
