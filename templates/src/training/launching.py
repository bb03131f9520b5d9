"""What every template's ``launch.py`` does, and what is checked before a run or a sweep begins."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from training import gpus, settings

log = logging.getLogger(__name__)


def run(trainer: Callable[[DictConfig], Any], cfg: DictConfig) -> Any:
    """Train with what Hydra has made of the configuration, or go on as the trainer's ``checkpoint()`` has said.

    Raises ValueError where it cannot begin with such settings.
    """
    from training import interruption  # Submitit takes a second to import: not for `--help`

    # cuBLAS gives the same numbers each time only with a workspace of its own.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    hydra_cfg = HydraConfig.get().copy()
    OmegaConf.set_readonly(hydra_cfg, False)
    OmegaConf.resolve(hydra_cfg)
    written = Path(hydra_cfg.runtime.output_dir, hydra_cfg.output_subdir, "hydra_resolved.yaml")
    OmegaConf.save(OmegaConf.create({"hydra": hydra_cfg}), written)
    OmegaConf.resolve(cfg)
    if fault := settings.fault(cfg):  # of a sweep's run; the rest was found before it was submitted
        raise ValueError(fault)
    log.info("outputs go to %s", cfg.paths.out_dir)
    then = interruption.after_requeue()
    return trainer(cfg) if then is None else then.result()


class Checks(Callback):
    """Ends the program before anything is made or submitted, where a run could not begin or write its files."""

    # Hydra makes warnings of a callback's exceptions; SystemExit it lets pass.

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        if "RANK" not in os.environ and int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
            # srun has started several: Submitit knows their ranks.
            os.environ.setdefault("SUBMITIT_EXECUTOR", "slurm")
        self._check(config)
        here = "SLURM_JOB_ID" not in os.environ
        if fault := gpus.missing(config, "Have Slurm run it: add --multirun" if here else gpus.LOOK):
            sys.exit(fault)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config)
        if note := gpus.unused(config):
            print(f"note: {note}", file=sys.stderr)

    @staticmethod
    def _check(config: DictConfig) -> None:
        _check_work_root(config)
        if fault := settings.fault(config):
            sys.exit(fault)


def _check_work_root(config: DictConfig) -> None:
    try:
        root = config.paths.work_root
    except OmegaConfBaseException as error:
        sys.exit(f"paths.work_root: {str(error).splitlines()[0]}\n  say where runs go: paths.work_root=/path")
    if root is None or not Path(root).is_dir():
        sys.exit(
            f"paths.work_root: there is no folder {root}\n  make it, or say where runs go: paths.work_root=/path"
        )
    if not os.access(root, os.W_OK | os.X_OK):
        sys.exit(f"paths.work_root: {root} cannot be written to\n  say where runs go: paths.work_root=/path")
