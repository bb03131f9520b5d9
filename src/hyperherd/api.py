"""``hyperherd.Sweep``: a sweep from Python, as the commands have it from a terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from hyperherd.engine import outputs
from hyperherd.engine import sweep as engine
from hyperherd.engine.launchers_here import kind
from hyperherd.engine.pieces import RunRequest
from hyperherd.engine.placing import Wish
from hyperherd.engine.sweep import Look
from hyperherd.errors import HerdError
from hyperherd.jobs import NativeValue
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.plan import Choice
from hyperherd.views import documents, frames, notebook, result_tables, tables
from hyperherd.views.columns import Screen
from hyperherd.workspace import submissions


class Sweep:
    """The sweep of a folder, of its ``hyperherd.yaml``, or of a script that ``herd multirun`` has run.

    It keeps nothing: each question looks anew, and what it answers is of that moment. ``print(sweep)`` shows what
    ``herd status -a`` shows. ``trials`` are given by their numbers, ranges (``"0-3,5"``) or names, ``where`` as
    ``--where`` takes it.

    Raises `hyperherd.errors.HerdError` where there is no sweep, and in all that the commands refuse.
    """

    def __init__(self, path: str | Path = ".") -> None:
        self._sweep = engine.Sweep.at(Path(path))

    @property
    def folder(self) -> Path:
        """Its folder, absolute."""
        return self._sweep.workspace.root

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def __str__(self) -> str:
        snapshot = self._sweep.look(lines=True).snapshot
        return "\n".join([tables.status(snapshot, Screen()), *snapshot.warnings])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        look = self._sweep.look(lines=True)
        return notebook.page(look.dashboard(), look.results())

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Every trial that was ever run, as ``herd status --json`` has it: ``index``, ``experiment_name``, ``params``,
        ``status``, ``reason``, ``exit_code``, ...
        """
        found: list[dict[str, Any]] = documents.status(self._look().dashboard(every_time=True))["trials"]
        return found

    def results(
        self, *trials: int | str, where: str | None = None, frame: frames.Library | None = None
    ) -> Any:
        """A frame with a row for each trial: ``trial_id``, ``experiment_name``, parameters, metrics, ``status``; of a
        metric that was logged with steps alone the last value, of the sweep's own the value that counts.

        It is a frame of pandas, or else of polars, or of the one that ``frame`` names; where neither is installed, and
        with ``frame="rows"``, a list of dictionaries. The columns are those of ``herd res``. Where a metric has a
        parameter's name, the value is the metric's.
        """
        return frames.frame(*result_tables.exported(self._look(trials, where).results()), frame)

    def settings(self, *, over: Iterable[str] = (), frame: frames.Library | None = None) -> Any:
        """The same with a row for each setting, the trials that only repeat each other (`repeat` of the YAML, or the
        parameters ``over``): ``trials``, ``n`` with a value ``of`` how many, and of each metric mean and ``_sd``.
        """
        found = self._look().results()
        found = replace(found, repeats=tuple(over) or found.repeats)
        return frames.frame(*result_tables.exported_settings(found, found.settings_best_first()), frame)

    def streams(
        self, *trials: int | str, where: str | None = None, frame: frames.Library | None = None
    ) -> Any:
        """A frame with a row for each step that was logged: ``trial_id``, ``step``, ``metric``, ``timestamp`` (s),
        ``value``.
        """
        looked = self._look(trials, where)
        return frames.frame(documents.STEP, outputs.steps(looked.workspace, looked.indices), frame)

    def best(self, metric: str | None = None, mode: Literal["max", "min"] = "max") -> dict[str, Any] | None:
        """The best trial as `results` has it, or with `repeat` the best setting as `settings` has it, by the ``metric``
        of the YAML or by another; None where no trial has logged a number. Raises `HerdError` where neither is told.
        """
        if mode not in ("max", "min"):
            raise HerdError(f"mode={mode!r}: max or min expected")
        found = self._look().results()
        found = replace(found, metric=Metric(metric, mode)) if metric else found
        if found.metric is None:
            raise HerdError("the best by which metric?", hint='best("val_acc"), or metric: in the YAML')
        best = found.best
        if best is None:
            return None
        shown = found.of(best.trials)
        head, rows = (
            result_tables.exported_settings(shown, [best]) if found.repeats else result_tables.exported(shown)
        )
        return dict(zip(head, rows[0], strict=True))

    def run(  # noqa: PLR0913  # by keyword, as the command's options
        self,
        *,
        on: str = "auto",
        trials: Iterable[int] | None = None,
        max_concurrent: int | None = None,
        compute: str = "",
        slurm: Mapping[str, NativeValue] | None = None,
        lost: bool = False,
        force: bool = False,
        requeue: bool | None = None,
    ) -> list[int]:
        """As ``herd run --detach``: submit every trial that has not succeeded; return the numbers of those submitted.

        Raises `HerdError` where some were refused; what was not refused goes on.
        """
        kind(on)
        choice = Choice(None if trials is None else frozenset(trials), lost=lost, force=force)
        request = RunRequest(Wish(on, compute, dict(slurm or {})), choice, max_concurrent, None, requeue)
        _, made = self._sweep.carry_out(
            self._sweep.asked(self._sweep.describe(), request),
            lambda prepared: _warn(prepared.known.warnings),
        )
        if refused := [one for one in made if one.refused]:
            count = sum(len(one.record.trials) for one in refused)
            raise HerdError(f"{count} trials were not submitted: {refused[0].refused}")
        return [index for one in made for index in one.record.trials]

    def wait(self) -> dict[int, str]:
        """Until no trial changes by waiting; trial -> status. Ctrl-C leaves them going."""
        records = submissions.read(self._sweep.workspace)
        every = [index for record in records for index in record.trials]
        known = self._sweep.wait(every, records) if records else self._sweep.known()
        return {index: status.value for index, status in known.statuses.items()}

    def stop(self, *trials: int | str, where: str | None = None) -> list[int]:
        """Cancel these trials, or all that wait or run; return the numbers of those cancelled.

        Raises `HerdError` where some could not be.
        """
        looked = self._look(trials, where, silent_is_fatal=True)
        done = self._sweep.stop(looked.indices if looked.named else None)
        if done.refused:
            index, words = next(iter(done.refused.items()))
            raise HerdError(f"trial {index} could not be cancelled: {words}")
        return [fact.trial.index for fact in done.cancelled]

    def _look(
        self, trials: Iterable[int | str] = (), where: str | None = None, *, silent_is_fatal: bool = False
    ) -> Look:
        looked = self._sweep.look([str(one) for one in trials], where, silent_is_fatal=silent_is_fatal)
        _warn(looked.snapshot.warnings)
        return looked


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        warnings.warn(line, stacklevel=4)
