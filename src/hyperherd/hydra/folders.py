"""Where the output of a multirun's jobs goes: ``hydra.sweep.dir`` and ``hydra.sweep.subdir``."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

_SAME_FOR_ALL = re.compile(r"\$\{(now:[^${}]*|oc\.env:[^${}]*|hydra[.:](job\.(name|num|id)|runtime\.cwd))\}")
"""What a pattern may refer to without being another one for each job, but for its number."""


_ANY_NUMBER = 987_654_321_012
"""Of a job; no folder has it in its name by chance."""


@dataclass(frozen=True)
class Output:
    """The folder of one job: ``sweep``, which is absolute, and ``subdir`` in it."""

    sweep: Path
    subdir: str

    @property
    def folder(self) -> Path:
        return self.sweep / self.subdir


class Folders:
    """Finds them. Where the patterns refer to a job's own values, its configuration is composed (20 ms); else one
    folder is found, and all others are it with another number.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig, here: Path) -> None:
        self._loader = loader
        self._config = config
        self._here = here
        sweep = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        assert isinstance(sweep, dict)
        varies = any("$" in _SAME_FOR_ALL.sub("", str(pattern)) for pattern in sweep.values())
        self._usual = None if varies else self._resolved(copy.deepcopy(config), _ANY_NUMBER)

    def of(self, overrides: Sequence[str], number: int) -> Output:
        """Of the job with this number. Raises what Hydra raises."""
        if self._usual is None:
            return self._resolved(self._loader.load_sweep_config(self._config, list(overrides)), number)
        sweep, subdir = str(self._usual.sweep), self._usual.subdir
        any_, this = str(_ANY_NUMBER), str(number)
        return Output(Path(sweep.replace(any_, this)), subdir.replace(any_, this))

    def _resolved(self, whole: DictConfig, number: int) -> Output:
        with open_dict(whole):
            whole.hydra.job.id, whole.hydra.job.num = str(number), number
        before = HydraConfig.instance().cfg
        # What ${hydra:...} refers to. Hydra's set_config copies it, which takes 10 ms.
        HydraConfig.instance().cfg = whole  # type: ignore[assignment]  # Hydra keeps a DictConfig there as well
        try:
            return Output(self._here / str(whole.hydra.sweep.dir), str(whole.hydra.sweep.subdir))
        finally:
            HydraConfig.instance().cfg = before
