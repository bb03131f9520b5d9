"""A language model that learns which kind a text is of, by its label."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pydoc_data.topics import topics
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from training import words
from training.interruption import Interruption
from training.trainer import Trainer
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

Labelled = tuple[list[str], list[int]]
"""Texts, and the number of each one's kind."""


def from_hub(trainer: DictConfig) -> tuple[Labelled, Labelled]:
    """Training and test texts of a data set of the Hugging Face hub."""
    from datasets import load_dataset

    loaded = load_dataset(trainer.dataset_name)
    train, test = (loaded[split] for split in ("train", "test"))
    return (
        (list(train[trainer.text_column]), list(train[trainer.label_column])),
        (list(test[trainer.text_column]), list(test[trainer.label_column])),
    )


def from_python(kinds: int = 4) -> tuple[Labelled, Labelled]:
    """Paragraphs of the manual that comes with Python, the kind being the chapter; a fifth of them as the test."""
    chapters = sorted(topics, key=lambda name: -len(topics[name]))[:kinds]
    paragraphs = [
        (" ".join(text.split()), kind)
        for kind, name in enumerate(chapters)
        for text in topics[name].split("\n\n")
        if len(text) > 40
    ]
    random.Random(0).shuffle(paragraphs)
    cut = len(paragraphs) // 5
    test, train = paragraphs[:cut], paragraphs[cut:]
    return ([text for text, _ in train], [kind for _, kind in train]), (
        [text for text, _ in test],
        [kind for _, kind in test],
    )


class TextClassifier(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        if cfg.data not in ("hub", "tiny"):
            raise ValueError(f"data={cfg.data}: there are hub and tiny")
        (texts, labels), (test_texts, test_labels) = (
            from_python() if cfg.data == "tiny" else from_hub(cfg.trainer)
        )
        kinds = len({*labels})
        if cfg.data == "tiny":
            tokenizer = words.tokenizer(texts)
            small = DistilBertConfig(
                vocab_size=len(tokenizer), dim=32, n_layers=1, n_heads=2, hidden_dim=64,
                max_position_embeddings=cfg.trainer.max_length, num_labels=kinds, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
            model = DistilBertForSequenceClassification(small)
        else:
            tokenizer = AutoTokenizer.from_pretrained(cfg.trainer.model_name)
            model = AutoModelForSequenceClassification.from_pretrained(
                cfg.trainer.model_name, num_labels=kinds
            )
        self.model = model.to(self.device)
        self.padding = tokenizer.pad_token_id
        self.train_set = self._encoded(tokenizer, texts, labels, cfg.trainer.max_length)
        self.test_set = self._encoded(tokenizer, test_texts, test_labels, cfg.trainer.max_length)

        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        steps = cfg.trainer.num_epochs * -(-len(labels) // cfg.trainer.batch_size)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.0, total_iters=steps)
        self.loss_sum = 0.0  # of this epoch's steps
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                for batch in self.order(cfg, len(labels)).split(cfg.trainer.batch_size)[self.step :]:
                    self._train(batch)
                    self.end_step(cfg, interruption)
                loss, self.loss_sum = self.loss_sum / len(labels), 0.0
                self.end_epoch(cfg, {"train/loss": loss, "accuracy": self._accuracy(cfg.trainer.batch_size)})
        return self.results()

    @staticmethod
    def _encoded(
        tokenizer: Any, texts: list[str], labels: list[int], longest: int
    ) -> tuple[list[Tensor], Tensor]:
        encoded = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
        return [torch.tensor(tokens) for tokens in encoded], torch.tensor(labels)

    def _batch(self, examples: tuple[list[Tensor], Tensor], chosen: Tensor) -> dict[str, Tensor]:
        """What the model takes, of the chosen examples, padded to the longest of them."""
        texts, labels = examples
        tokens = pad_sequence(
            [texts[index] for index in chosen.tolist()], batch_first=True, padding_value=self.padding
        )
        of_model = {
            "input_ids": tokens,
            "attention_mask": (tokens != self.padding).long(),
            "labels": labels[chosen],
        }
        return {name: tensor.to(self.device) for name, tensor in of_model.items()}

    def _train(self, chosen: Tensor) -> None:
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.model(**self._batch(self.train_set, chosen)).loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.loss_sum += loss.item() * len(chosen)

    def _accuracy(self, batch_size: int) -> float:
        """On the test texts."""
        self.model.eval()
        hits = 0
        with torch.no_grad():
            for chosen in torch.arange(len(self.test_set[1])).split(batch_size):
                batch = self._batch(self.test_set, chosen)
                hits += int((self.model(**batch).logits.argmax(1) == batch["labels"]).sum())
        return hits / len(self.test_set[1])

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "loss_sum": self.loss_sum,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.loss_sum = state["loss_sum"]
