"""An MLP for small pictures in one process: saves after epochs and when told to, resumes in the middle of an epoch."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from sklearn import datasets
from submitit.helpers import Checkpointable, DelayedSubmission
from torch import Tensor, nn
from torch.nn import functional

from training import checkpoints, metrics
from training.interruption import Interruption

log = logging.getLogger(__name__)


def pictures(name: str) -> tuple[Tensor, Tensor]:
    """Pictures as float32 in 0..1, a row each, and their digits."""
    if name == "mnist":
        x, y = datasets.fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True, parser="liac-arff")
        y = y.astype("int64")
    elif name in ("digits", "tiny"):
        x, y = datasets.load_digits(return_X_y=True)
    else:
        raise ValueError(f"data={name}: there are digits, tiny and mnist")
    if name == "tiny":
        x, y = x[:300], y[:300]
    return torch.tensor(x / x.max(), dtype=torch.float32), torch.tensor(y)


class MLPTrainer(Checkpointable):
    """Called with the configuration, it trains; `checkpoint` is called when a signal asks for it."""

    epoch = step = 0
    """Where the training is: ``step`` steps of ``epoch`` are done."""

    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        checkpoints.seed_everything(cfg.trainer.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

        x, y = pictures(cfg.data)
        shuffled = torch.randperm(len(x), generator=torch.Generator().manual_seed(cfg.trainer.seed))
        held_out, training = shuffled[: len(x) // 5], shuffled[len(x) // 5 :]
        self.x, self.y = x[training].to(self.device), y[training].to(self.device)
        self.x_held_out, self.y_held_out = x[held_out].to(self.device), y[held_out].to(self.device)
        steps_per_epoch = -(-len(training) // cfg.trainer.batch_size)

        hidden, dropout = cfg.trainer.hidden_dim, cfg.trainer.dropout
        self.model = nn.Sequential(
            *(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, 10),
        ).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=cfg.trainer.num_epochs * steps_per_epoch
        )

        self.loss_sum, self.hits = 0.0, 0  # of this epoch's steps
        self.history: list[dict[str, float]] = []
        self._resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                for batch in self._batches(cfg):
                    self._train(batch)
                    if interruption.requested:
                        interruption.leave(self.checkpoint(cfg))
                self._end_epoch(cfg)
        results = {name: self.history[-1][name] for name in ("train/loss", "accuracy")}
        metrics.log_final(results)
        return results

    def checkpoint(self, cfg: DictConfig) -> DelayedSubmission:
        """Save, and say what runs after the requeue: a new trainer of the same configuration, which resumes."""
        if self.step:  # else the newest checkpoint is of this moment
            self._save(cfg, self.epoch, self.step)
        return DelayedSubmission(type(self)(), cfg)

    def _batches(self, cfg: DictConfig) -> tuple[Tensor, ...]:
        """What is left of the epoch: its order depends on seed and epoch alone."""
        generator = torch.Generator().manual_seed(cfg.trainer.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.x), generator=generator).to(self.device)
        return order.split(cfg.trainer.batch_size)[self.step :]

    def _train(self, batch: Tensor) -> None:
        self.model.train()
        output = self.model(self.x[batch])
        loss = functional.cross_entropy(output, self.y[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self.loss_sum += loss.item() * len(batch)
        self.hits += int((output.argmax(1) == self.y[batch]).sum())

    def _end_epoch(self, cfg: DictConfig) -> None:
        self.model.eval()
        with torch.no_grad():
            right = self.model(self.x_held_out).argmax(1) == self.y_held_out
        epoch = {
            "epoch": self.epoch,
            "train/loss": self.loss_sum / len(self.x),
            "train/accuracy": self.hits / len(self.x),
            "accuracy": right.float().mean().item(),
        }
        self.history.append(epoch)
        done, self.epoch, self.step, self.loss_sum, self.hits = self.epoch, self.epoch + 1, 0, 0.0, 0
        if self.epoch % cfg.trainer.save_every == 0 or self.epoch == cfg.trainer.num_epochs:
            self._save(cfg, done)
        metrics.log_epoch(cfg.paths.out_dir, self.history)
        log.info("epoch %d: loss %.4f, accuracy %.4f", done, epoch["train/loss"], epoch["accuracy"])

    def _latest_checkpoint(self, out_dir: str) -> Path | None:
        return checkpoints.latest(out_dir)

    def _settings(self, cfg: DictConfig) -> dict[str, object]:
        return {"data": cfg.data, **OmegaConf.to_container(cfg.trainer, resolve=True)}

    def _save(self, cfg: DictConfig, epoch: int, step: int = 0) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "position": (self.epoch, self.step, self.loss_sum, self.hits),
            "history": self.history,
            "random": checkpoints.random_states(),
        }
        saved = checkpoints.save(cfg.paths.out_dir, state, self._settings(cfg), epoch=epoch, step=step)
        log.info("saved %s", saved.name)

    def _resume(self, cfg: DictConfig) -> None:
        newest = self._latest_checkpoint(cfg.paths.out_dir)
        if newest is None:
            return
        state = checkpoints.load(newest, self._settings(cfg), ignore_config=cfg.ignore_config)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.step, self.loss_sum, self.hits = state["position"]
        self.history = state["history"]
        checkpoints.restore_random_states(state["random"])
        log.info("resumed from %s", newest.name)
