"""Fine-tune a language model in several processes: each has a part of every batch, and they average their gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pydoc_data.topics import topics
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from training import ranks, words
from training.interruption import Interruption
from training.trainer import Trainer
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel


def from_hub(trainer: DictConfig) -> tuple[list[str], list[str]]:
    """Training and test texts of a data set of the Hugging Face hub."""
    from datasets import load_dataset

    loaded = load_dataset(trainer.dataset_name, trainer.dataset_config)
    train, test = (
        [text for text in loaded[split][trainer.text_column] if text.strip()] for split in ("train", "test")
    )
    return train, test


def from_python() -> tuple[list[str], list[str]]:
    """The longest chapters of the manual that comes with Python; every tenth paragraph is for the test."""
    chapters = sorted(topics.values(), key=lambda text: (-len(text), text))[:4]
    paragraphs = [text for chapter in chapters for text in chapter.split("\n\n") if text.strip()]
    test = paragraphs[::10]
    return [text for index, text in enumerate(paragraphs) if index % 10], test


class FinetuneTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        if cfg.data not in ("hub", "tiny"):
            raise ValueError(f"data={cfg.data}: there are hub and tiny")
        ranks.start()
        self.begin(cfg)
        train, test = from_python() if cfg.data == "tiny" else from_hub(cfg.trainer)
        if cfg.data == "tiny":
            tokenizer = words.tokenizer(train)
            small = GPT2Config(
                vocab_size=len(tokenizer), n_embd=48, n_layer=2, n_head=4, n_positions=cfg.trainer.block_size,
                bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
            model = GPT2LMHeadModel(small)
        else:
            tokenizer = AutoTokenizer.from_pretrained(cfg.trainer.model_name)
            model = AutoModelForCausalLM.from_pretrained(cfg.trainer.model_name)
        self.blocks = self._blocks(tokenizer, train, cfg.trainer.block_size)
        self.test_blocks = self._blocks(tokenizer, test, cfg.trainer.block_size)
        if not ranks.count() <= cfg.trainer.batch_size <= len(self.blocks):
            raise ValueError(
                f"trainer.batch_size={cfg.trainer.batch_size}: {ranks.count()} processes need one example each, and "
                f"there are {len(self.blocks)} blocks of {cfg.trainer.block_size} tokens"
            )
        self.batches = (
            len(self.blocks) // cfg.trainer.batch_size
        )  # whole ones: each process has its part of each

        model = model.to(self.device)
        # Rank 0's weights are given to all.
        self.model = DistributedDataParallel(model) if ranks.count() > 1 else model
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        steps, warmup = cfg.trainer.num_epochs * self.batches, cfg.trainer.warmup_steps
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: min((step + 1) / (warmup + 1), max(0.0, (steps - step) / max(1, steps - warmup))),
        )
        self.loss_sum = 0.0  # of this epoch's steps, all ranks
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                order = self.order(cfg, len(self.blocks)).split(cfg.trainer.batch_size)
                for chosen in order[self.step : self.batches]:
                    self._train(chosen[ranks.rank() :: ranks.count()], cfg.trainer.batch_size)
                    self.end_step(cfg, interruption)
                loss, self.loss_sum = self.loss_sum / self.batches, 0.0
                test_loss = self._loss(-(-cfg.trainer.batch_size // ranks.count()))
                self.end_epoch(
                    cfg, {"train/loss": loss, "loss": test_loss, "perplexity": math.exp(min(test_loss, 50))}
                )
        results = self.results()
        ranks.stop()
        return results

    @staticmethod
    def _blocks(tokenizer: Any, texts: list[str], size: int) -> Tensor:
        """All texts, one behind the other, cut into examples: [example, token]."""
        tokens = torch.tensor([token for text in tokenizer(texts)["input_ids"] for token in text])
        return tokens[: len(tokens) // size * size].view(-1, size)

    def _train(self, chosen: Tensor, batch_size: int) -> None:
        self.model.train()
        tokens = self.blocks[chosen].to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.model(input_ids=tokens, labels=tokens).loss
        self.optimizer.zero_grad()
        # The gradients are averaged over the ranks, whose parts of the batch may differ by one example.
        (loss * len(chosen) * ranks.count() / batch_size).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.loss_sum += ranks.total([loss.item() * len(chosen) / batch_size])[0]

    @torch.no_grad()
    def _loss(self, batch_size: int) -> float:
        """On the test texts; each process looks at its part of them."""
        self.model.eval()
        here, number = 0.0, 0
        for tokens in self.test_blocks[ranks.rank() :: ranks.count()].split(batch_size):
            here += self._bare(
                input_ids=tokens.to(self.device), labels=tokens.to(self.device)
            ).loss.item() * len(tokens)
            number += len(tokens)
        total, examples = ranks.total([here, number])
        return total / max(examples, 1)

    @property
    def _bare(self) -> Any:
        """The model as one process has it: a checkpoint of two GPUs can be read on one."""
        return self.model.module if isinstance(self.model, DistributedDataParallel) else self.model

    def state(self) -> dict[str, Any]:
        return {
            "model": self._bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "loss_sum": self.loss_sum,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._bare.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.loss_sum = state["loss_sum"]
