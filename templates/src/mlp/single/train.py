"""An MLP for small pictures in one process: saves after epochs and when told to, resumes in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional
from training.interruption import Interruption
from training.trainer import Trainer


def pictures(name: str) -> tuple[Tensor, Tensor]:
    """Pictures as float32 in 0..1, a row each, and their digits."""
    if name == "mnist":
        x, y = datasets.fetch_openml(
            "mnist_784", version=1, as_frame=False, return_X_y=True, parser="liac-arff"
        )
        y = y.astype("int64")
    elif name in ("digits", "tiny"):
        x, y = datasets.load_digits(return_X_y=True)
    else:
        raise ValueError(f"data={name}: there are digits, tiny and mnist")
    if name == "tiny":
        x, y = x[:300], y[:300]
    return torch.tensor(x / x.max(), dtype=torch.float32), torch.tensor(y)


def mlp(inputs: int, hidden: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(hidden, 10),
    )


class MLPTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        x, y = pictures(cfg.data)
        shuffled = torch.randperm(len(x), generator=torch.Generator().manual_seed(cfg.trainer.seed))
        held_out, training = shuffled[: len(x) // 5], shuffled[len(x) // 5 :]
        self.x, self.y = x[training].to(self.device), y[training].to(self.device)
        self.x_held_out, self.y_held_out = x[held_out].to(self.device), y[held_out].to(self.device)

        self.model = mlp(x.shape[1], cfg.trainer.hidden_dim, cfg.trainer.dropout).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        steps = cfg.trainer.num_epochs * -(-len(self.x) // cfg.trainer.batch_size)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=steps)
        self.loss_sum, self.hits = 0.0, 0  # of this epoch's steps
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                batches = self.order(cfg, len(self.x)).to(self.device).split(cfg.trainer.batch_size)
                for batch in batches[self.step :]:
                    self._train(batch)
                    self.end_step(cfg, interruption)
                measured = {
                    "train/loss": self.loss_sum / len(self.x),
                    "train/accuracy": self.hits / len(self.x),
                }
                self.loss_sum, self.hits = 0.0, 0
                self.end_epoch(cfg, {**measured, "accuracy": self._accuracy()})
        return self.results()

    def _train(self, batch: Tensor) -> None:
        self.model.train()
        output = self.model(self.x[batch])
        loss = functional.cross_entropy(output, self.y[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.loss_sum += loss.item() * len(batch)
        self.hits += int((output.argmax(1) == self.y[batch]).sum())

    def _accuracy(self) -> float:
        """On the fifth of the pictures that is held out."""
        self.model.eval()
        with torch.no_grad():
            right = self.model(self.x_held_out).argmax(1) == self.y_held_out
        return right.float().mean().item()

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "sums": (self.loss_sum, self.hits),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.loss_sum, self.hits = state["sums"]
