"""A logger for Lightning, which passes on to `hyperherd.log_result` what ``self.log(name, value)`` is told.

    from hyperherd.integrations.lightning import HyperHerdLogger

    trainer = pl.Trainer(logger=[other_logger, HyperHerdLogger()])

Each metric is a stream with Lightning's steps; at the end its last value is a final metric, ``final_<name>``, and
``status`` is Lightning's own word for how it ended. Outside of a trial it does nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from hyperherd.attempts import variables
from hyperherd.runtime.report import log_result, trial_folder

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
"""Lightning's two names. A program that has imported one of them has its Trainer from there."""

NAMES = (variables.TRIAL_NAME, variables.EXPERIMENT_NAME, variables.TRIAL_ID)
"""Variables of which the first that is set names the trial."""


def _lightning() -> tuple[Any, Any]:
    """Its base class of loggers, and what knows this process's rank. Raises ImportError."""
    imported = [name for name in PACKAGES if name in sys.modules]
    for name in (*imported, *PACKAGES):
        try:
            loggers = importlib.import_module(f"{name}.loggers")
            return loggers.Logger, importlib.import_module(f"{name}.utilities.rank_zero").rank_zero_only
        except ModuleNotFoundError as error:
            if not name.startswith(str(error.name)):
                raise  # Lightning is there, and lacks something
    raise ImportError(f"{__name__} needs Lightning: pip install lightning")


_Logger, _rank_zero_only = _lightning()


class HyperHerdLogger(_Logger):  # type: ignore[misc, valid-type]  # known at run time
    """A logger of Lightning's. ``version`` is the trial's name unless given; both stand in the path of Lightning's own
    checkpoints.
    """

    def __init__(self, name: str = "hyperherd", version: str | None = None) -> None:
        super().__init__()
        self._name = name
        given = (version, *map(os.environ.get, NAMES))
        self._version = next((text for text in given if text), "local")
        self._latest: dict[str, float] = {}

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    @property
    def version(self) -> str:
        """As it was given, or the trial's name, or ``local``."""
        return self._version

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the trial's parameters are known."""

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """A point of each metric's stream; what is no single number is left out."""
        if not self._logs_here():
            return
        for name, value in metrics.items():
            number = _number(value)
            if number is not None:
                log_result(name, number, step=0 if step is None else int(step))
                self._latest[name] = number

    def finalize(self, status: str) -> None:
        """The final metrics; Lightning calls it at the end of each ``fit``, ``validate`` and ``test``."""
        if not self._logs_here():
            return
        for name, value in self._latest.items():
            log_result(f"final_{name}", value)
        log_result("status", status)

    @staticmethod
    def _logs_here() -> bool:
        return getattr(_rank_zero_only, "rank", 0) == 0 and trial_folder() is not None


def _number(value: Any) -> float | None:
    """A number, or a tensor of one element."""
    if getattr(value, "numel", lambda: 1)() != 1:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
