"""What all trainers share: where the training is, its checkpoints, and leaving when a signal has asked for it."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from submitit.helpers import Checkpointable, DelayedSubmission

from training import checkpoints, metrics, ranks
from training.interruption import Interruption

log = logging.getLogger(__name__)


class Trainer(Checkpointable):
    """Called with the configuration, it trains. A checkpoint holds `state`, the position and the random states.

    With several ranks each method is called on all of them; rank 0 writes.
    """

    epoch = step = 0
    """Where the training is: ``step`` steps of ``epoch`` are done."""

    @abstractmethod
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        """Train to the end, from the newest checkpoint where there is one; the results."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that the next step depends on, but for position and random states; what torch.save takes."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` has returned."""

    def begin(self, cfg: DictConfig) -> None:
        """Seed everything; choose ``self.device``, and log it.

        Raises ValueError for several processes of a template for one, CheckpointError where another run trains into
        the folder.
        """
        if (started := ranks.started()) != ranks.count():
            raise ValueError(
                f"{started} processes were started of a template for one: write tasks_per_node: 1 into its "
                "config.yaml, or have it call ranks.start() first, as mlp.ddp does"
            )
        owner = checkpoints.claim(cfg.paths.out_dir) if ranks.rank() == 0 else ""
        if ranks.most(len(owner)):
            raise checkpoints.CheckpointError(
                f"{cfg.paths.out_dir}: another run trains there{owner and f', on {owner}'}. Stop it, wait for its end, "
                "or give this one another experiment_name."
            )
        checkpoints.seed_everything(cfg.trainer.seed + ranks.rank())
        self.device = ranks.device()
        devices = ranks.gather(ranks.device_name())
        if ranks.rank() == 0:
            log.info("trains on %s", ", ".join(devices))
        self.history: list[dict[str, float]] = []

    def checkpoint(self, cfg: DictConfig) -> DelayedSubmission:
        """Save, and say what runs after the requeue: a new trainer of the same configuration, which resumes."""
        if self.step:  # else the newest checkpoint is of this moment, or nothing is trained yet
            self.save(cfg, self.epoch, self.step)
        return DelayedSubmission(type(self)(), cfg)

    def end_step(self, cfg: DictConfig, interruption: Interruption) -> None:
        """Count a step; save where it is time to, and save and leave if a signal has asked for it."""
        self.step += 1
        if asked := ranks.most(interruption.asked):
            interruption.leave(asked, self.checkpoint(cfg))
        elif (every := cfg.trainer.get("save_every_steps")) and self.step % every == 0:
            self.save(cfg, self.epoch, self.step)

    def end_epoch(self, cfg: DictConfig, measured: Mapping[str, float]) -> None:
        """Count an epoch, log what was measured in it, and save where it is time to."""
        done, self.epoch, self.step = self.epoch, self.epoch + 1, 0
        self.history.append({"epoch": done, **measured})
        if self.epoch % cfg.trainer.save_every == 0 or self.epoch == cfg.trainer.num_epochs:
            self.save(cfg, done)
        if ranks.rank() == 0:
            metrics.log_epoch(cfg.paths.out_dir, self.history)
            log.info(
                "epoch %d: %s", done, ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
            )

    def results(self) -> dict[str, float]:
        """The newest epoch's metrics, logged as the run's."""
        final = {name: value for name, value in self.history[-1].items() if name != "epoch"}
        if ranks.rank() == 0:
            metrics.log_final(final)
        return final

    def save(self, cfg: DictConfig, epoch: int, step: int = 0) -> None:
        """Save as ``checkpoint-epoch-<epoch>``, with ``-step-<step>`` where that is not 0."""
        random_states = ranks.gather(checkpoints.random_states())
        state = {
            "trainer": self.state(),
            "position": (self.epoch, self.step),
            "history": self.history,
            "random": random_states,
        }
        if ranks.rank() == 0:
            saved = checkpoints.save(cfg.paths.out_dir, state, self._settings(cfg), epoch=epoch, step=step)
            log.info("saved %s", saved.name)
        ranks.wait()

    def resume(self, cfg: DictConfig) -> None:
        """Go on from the newest whole checkpoint; without one the training starts anew."""
        newest = self._latest_checkpoint(cfg.paths.out_dir)
        if newest is None:
            return
        state = checkpoints.load(newest, self._settings(cfg), ignore_config=cfg.ignore_config)
        self.restore(state["trainer"])
        self.epoch, self.step = state["position"]
        self.history = state["history"]
        if ranks.rank() < len(state["random"]):  # with ignore_config there may be more processes than before
            checkpoints.restore_random_states(state["random"][ranks.rank()])
        if ranks.rank() == 0:
            log.info("resumed from %s", newest.name)

    def order(self, cfg: DictConfig, size: int) -> torch.Tensor:
        """The order of this epoch's ``size`` examples; it depends on seed and epoch alone."""
        generator = torch.Generator().manual_seed(cfg.trainer.seed * 1_000_003 + self.epoch)
        return torch.randperm(size, generator=generator)

    def _latest_checkpoint(self, out_dir: str) -> Path | None:
        return checkpoints.latest(out_dir)

    def _settings(self, cfg: DictConfig) -> dict[str, Any]:
        trainer = OmegaConf.to_container(cfg.trainer, resolve=True)
        assert isinstance(trainer, dict)
        return {
            "data": cfg.data,
            "ranks": ranks.count(),
            **{str(key): value for key, value in trainer.items()},
        }
