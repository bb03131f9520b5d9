"""Composing the configurations of many jobs, of which Hydra's own sweeper only wants to know that it works."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


class FewJobs:
    """A loader for Hydra's own sweeper, which composes each job's configuration beforehand (50 ms each), to find
    errors early, and drops it.

    Here so many are composed as have each key, and each choice of a config group, once; any other value is only set in
    the newest of them (0.3 ms).
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._parser = OverridesParser.create(config_loader=loader)
        self._tried: set[str] = set()
        self._composed: set[str] = set()
        self._newest = DictConfig({})
        self._is_group = cache(self._has_choices)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        """The configuration of a job, or of one before it that was much like it. Raises what Hydra raises."""
        new = [override for override in sweep_overrides if override not in self._tried]
        shapes = set(map(self._shape, new))
        if not shapes <= self._composed or not all(map(self._can_be_set, new)):
            self._newest = self._loader.load_sweep_config(master_config, list(sweep_overrides))
            self._composed |= shapes
        self._tried.update(new)
        return self._newest

    def _shape(self, override: str) -> str:
        """What of an override may make the whole composition fail."""
        key = override.partition("=")[0]
        return override if self._is_group(key.lstrip("+~").partition("@")[0]) else key

    def _has_choices(self, key: str) -> bool:
        return "." not in key and bool(self._loader.get_group_options(key))

    def _can_be_set(self, override: str) -> bool:
        """Whether the value fits, by its type, where there is one before. No group's choice comes here."""
        parsed = self._parser.parse_override(override)
        if parsed.is_add() or parsed.is_force_add() or parsed.is_delete():
            return True
        try:
            OmegaConf.update(self._newest, parsed.key_or_group, parsed.value(), merge=True)
        except OmegaConfBaseException:
            return False
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
