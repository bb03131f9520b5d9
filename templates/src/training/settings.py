"""Settings that no training can begin with, found before it does."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

COUNTS = ("batch_size", "num_epochs", "save_every", "save_every_steps", "hidden_dim")


def fault(cfg: DictConfig) -> str | None:
    """What is wrong with what the templates have in common, and what would be right; None where nothing is."""
    trainer = cfg.get("trainer") or {}
    for name in COUNTS:
        value = trainer.get(name)
        if value is not None and not (_is_number(value, int) and value >= 1):
            return f"trainer.{name}={value}: a whole number from 1 on is needed"
    rate, seed = trainer.get("learning_rate"), trainer.get("seed")
    if rate is not None and not (_is_number(rate, int, float) and rate >= 0):
        return f"trainer.learning_rate={rate}: a number from 0 on is needed, such as 1e-3"
    if seed is not None and not (_is_number(seed, int) and seed >= 0):
        return f"trainer.seed={seed}: a whole number from 0 on is needed"
    for name in ("ignore_config", "allow_cpu"):
        if not isinstance(value := cfg.get(name, False), bool):
            return f"{name}={value}: true or false is needed"
    return None


def _is_number(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
