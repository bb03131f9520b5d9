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

_KNOWN = re.compile(
    r"\$\{(now:[^${}]*|oc\.env:[^${}]*|hydra[.:](runtime\.cwd|job\.(name|num|id|override_dirname)))\}"
)
"""What a pattern may refer to and be known without a job's configuration."""

_ANY_NUMBER = 987_654_321_012
_ANY_DIRNAME = "the-override-dirname-of-any-job"
"""No folder has them in its name by chance."""


@dataclass(frozen=True)
class Output:
    """The folder of one job: ``sweep``, which is absolute, and ``subdir`` in it."""

    sweep: Path
    subdir: str

    @property
    def folder(self) -> Path:
        return self.sweep / self.subdir


class Folders:
    """Finds them. Where the patterns refer to a job's own values, its configuration is composed (50 ms); else one
    folder is found, and all others are it with another number and other overrides.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig, here: Path) -> None:
        self._loader = loader
        self._config = config
        self._here = here
        sweep = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        assert isinstance(sweep, dict)
        self._any: Output | None = None
        if not any("$" in _KNOWN.sub("", str(pattern)) for pattern in sweep.values()):
            any_job = copy.deepcopy(config)
            any_job.hydra.job.override_dirname = _ANY_DIRNAME
            self._any = self._resolved(any_job, _ANY_NUMBER)

    def of(self, overrides: Sequence[str], number: int) -> Output:
        """Of the job with this number. Raises what Hydra raises."""
        if self._any is None or any(_key(override).startswith("hydra.") for override in overrides):
            return self._resolved(self._loader.load_sweep_config(self._config, list(overrides)), number)
        dirname = self._dirname(overrides)
        sweep, subdir = (
            text.replace(str(_ANY_NUMBER), str(number)).replace(_ANY_DIRNAME, dirname)
            for text in (str(self._any.sweep), self._any.subdir)
        )
        return Output(Path(sweep), subdir)

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

    def _dirname(self, overrides: Sequence[str]) -> str:
        """``hydra.job.override_dirname`` (hydra-core 1.3, ``config_loader_impl.get_overrides_dirname``)."""
        asked = self._config.hydra.job.config.override_dirname
        named = sorted(override for override in overrides if _key(override) not in asked.exclude_keys)
        return str(asked.item_sep).join(named).replace("=", str(asked.kv_sep))


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~").partition("@")[0]
