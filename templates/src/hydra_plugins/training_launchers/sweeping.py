"""Hydra's sweeper, which checks before it submits that the runs' configurations can be composed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class TrainingSweeper(BasicSweeper):
    """Composes as many runs as it takes for every key to be there, and every choice of a group, not all runs.

    A run takes some 40 ms to compose: a sweep of 1,000 would wait for most of a minute before it is submitted.
    """

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        is_group = cache(lambda key: bool(loader.get_group_options(key.lstrip("+~").partition("@")[0])))
        composed: set[str] = set()
        some = []
        for overrides in batch:
            keys = [word.partition("=")[0] for word in overrides]
            told = {word if is_group(key) else key for word, key in zip(overrides, keys, strict=True)}
            if not told <= composed:
                composed |= told
                some.append(overrides)
        super().validate_batch_is_legal(some)
