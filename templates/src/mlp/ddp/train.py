"""The MLP of `mlp.single` in several processes: each has a part of every batch, and they average their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from training import ranks
from training.interruption import Interruption
from training.trainer import Trainer

from mlp.single.train import mlp, pictures


class DDPTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        ranks.start()
        self.begin(cfg)
        x, y = pictures(cfg.data)
        shuffled = torch.randperm(len(x), generator=torch.Generator().manual_seed(cfg.trainer.seed))
        held_out, training = shuffled[: len(x) // 5], shuffled[len(x) // 5 :]
        self.x, self.y = x[training].to(self.device), y[training].to(self.device)
        self.x_held_out, self.y_held_out = x[held_out].to(self.device), y[held_out].to(self.device)
        if cfg.trainer.batch_size < ranks.count():
            raise ValueError(
                f"trainer.batch_size={cfg.trainer.batch_size}: {ranks.count()} processes need one example each"
            )
        self.batches = len(self.x) // cfg.trainer.batch_size  # whole ones: each process has its part of each

        model = mlp(x.shape[1], cfg.trainer.hidden_dim, cfg.trainer.dropout).to(self.device)
        # Rank 0's weights are given to all.
        self.model = DistributedDataParallel(model) if ranks.count() > 1 else model
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=cfg.trainer.num_epochs * self.batches
        )
        self.sums = [0.0, 0.0, 0.0]  # of this epoch's steps, all ranks: loss, hits, examples
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                order = self.order(cfg, len(self.x)).to(self.device).split(cfg.trainer.batch_size)
                for batch in order[self.step : self.batches]:
                    self._train(batch[ranks.rank() :: ranks.count()])
                    self.end_step(cfg, interruption)
                loss, hits, examples = self.sums
                self.sums = [0.0, 0.0, 0.0]
                measured = {"train/loss": loss / examples, "train/accuracy": hits / examples}
                self.end_epoch(cfg, {**measured, "accuracy": self._accuracy()})
        results = self.results()
        ranks.stop()
        return results

    def _train(self, batch: Tensor) -> None:
        self.model.train()
        output = self.model(self.x[batch])
        loss = functional.cross_entropy(output, self.y[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        hits = (output.argmax(1) == self.y[batch]).sum().item()
        here = ranks.total([loss.item() * len(batch), hits, len(batch)])
        self.sums = [before + more for before, more in zip(self.sums, here, strict=True)]

    def _accuracy(self) -> float:
        """On the fifth of the pictures that is held out; each process looks at its part of them."""
        self.model.eval()
        x, y = (part[ranks.rank() :: ranks.count()] for part in (self.x_held_out, self.y_held_out))
        with torch.no_grad():
            hits = (self.model(x).argmax(1) == y).sum().item()
        right, looked_at = ranks.total([hits, len(x)])
        return right / looked_at

    @property
    def _bare(self) -> torch.nn.Module:
        """The model as one process has it: a checkpoint of two GPUs can be read on one."""
        module = self.model.module if isinstance(self.model, DistributedDataParallel) else self.model
        assert isinstance(module, torch.nn.Module)
        return module

    def state(self) -> dict[str, Any]:
        return {
            "model": self._bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "sums": self.sums,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._bare.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.sums = list(state["sums"])
