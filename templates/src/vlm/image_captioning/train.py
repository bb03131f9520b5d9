"""A model that learns to say what is on a picture: an encoder of pictures, and a decoder that writes the caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from training import words
from training.interruption import Interruption
from training.trainer import Trainer
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    GPT2Config,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
)

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
SHAPES = ("circle", "square", "cross")
SIDE = 16

Examples = tuple[Sequence[Any], list[str]]
"""Pictures, and the caption of each."""


def from_hub(trainer: DictConfig) -> tuple[Examples, Examples]:
    """Training and test pictures of a data set of the Hugging Face hub; they are read when they are needed."""
    from datasets import load_dataset

    loaded = load_dataset(trainer.dataset_name)
    train, test = (
        (loaded[split][trainer.image_column], list(loaded[split][trainer.caption_column]))
        for split in ("train", "test")
    )
    return train, test


def drawn(number: int, seed: int) -> Examples:
    """Coloured shapes, 3 x SIDE x SIDE in 0..1, each at some place on grey noise."""
    generator = torch.Generator().manual_seed(seed)

    def draw(largest: int) -> int:
        return int(torch.randint(largest, (1,), generator=generator))

    pictures, captions = [], []
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    for _ in range(number):
        colour, shape = list(COLOURS)[draw(len(COLOURS))], SHAPES[draw(len(SHAPES))]
        down, across = (rows - 4 - draw(SIDE - 7)).abs(), (columns - 4 - draw(SIDE - 7)).abs()
        inside = {
            "circle": down**2 + across**2 <= 10,
            "square": (down <= 3) & (across <= 3),
            "cross": ((down == 0) & (across <= 3)) | ((across == 0) & (down <= 3)),
        }[shape]
        picture = 0.2 * torch.rand(3, SIDE, SIDE, generator=generator)
        picture[:, inside] = torch.tensor(COLOURS[colour], dtype=torch.float32)[:, None]
        pictures.append(picture)
        captions.append(f"a {colour} {shape}")
    return pictures, captions


def small(tokenizer: Any) -> VisionEncoderDecoderModel:
    """A model for the drawn shapes that has learnt nothing yet."""
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    eyes = ViTConfig(image_size=SIDE, patch_size=4, hidden_dropout_prob=0.0, **sizes)
    mouth = GPT2Config(
        vocab_size=len(tokenizer), n_embd=48, n_layer=1, n_head=4, n_positions=16,
        add_cross_attention=True, is_decoder=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(eyes, mouth))


class CaptionTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        self.seen: Callable[[list[Any]], Tensor]
        if cfg.data == "tiny":
            self.train_set, self.test_set = drawn(600, seed=0), drawn(100, seed=1)
            self.tokenizer, self.seen = words.tokenizer(self.train_set[1]), torch.stack
            model = small(self.tokenizer)
        elif cfg.data == "hub":
            self.tokenizer = AutoTokenizer.from_pretrained(cfg.trainer.model_name)
            end = self.tokenizer.eos_token  # else the model would not learn to stop
            self.train_set, self.test_set = (
                (pictures, [f"{caption}{end}" for caption in captions])
                for pictures, captions in from_hub(cfg.trainer)
            )
            processor = AutoImageProcessor.from_pretrained(cfg.trainer.model_name)
            self.seen = lambda chosen: (
                processor([one.convert("RGB") for one in chosen], return_tensors="pt").pixel_values
            )
            model = VisionEncoderDecoderModel.from_pretrained(cfg.trainer.model_name)
        else:
            raise ValueError(f"data={cfg.data}: there are hub and tiny")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        model.config.pad_token_id = self.tokenizer.pad_token_id
        model.config.decoder_start_token_id = (
            getattr(model.config, "decoder_start_token_id", None) or self.tokenizer.bos_token_id
        )
        self.model = model.to(self.device)
        examples = len(self.train_set[1])

        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=cfg.trainer.weight_decay
        )
        steps = cfg.trainer.num_epochs * -(-examples // cfg.trainer.batch_size)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.0, total_iters=steps)
        self.loss_sum = 0.0  # of this epoch's steps
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                for chosen in self.order(cfg, examples).split(cfg.trainer.batch_size)[self.step :]:
                    self._train(chosen, cfg.trainer.max_length)
                    self.end_step(cfg, interruption)
                loss, self.loss_sum = self.loss_sum / examples, 0.0
                test_loss, accuracy = self._tested(cfg.trainer)
                self.end_epoch(cfg, {"train/loss": loss, "loss": test_loss, "accuracy": accuracy})
        return self.results()

    def _batch(self, examples: Examples, chosen: list[int], longest: int) -> dict[str, Tensor]:
        """Pictures and captions as the model takes them; -100 where no token is to be learnt."""
        pictures, captions = examples
        texts = [captions[index] for index in chosen]
        encoded = self.tokenizer(
            texts, truncation=True, max_length=longest, padding=True, return_tensors="pt"
        )
        labels = encoded["input_ids"].masked_fill(encoded["attention_mask"] == 0, -100)
        return {
            "pixel_values": self.seen([pictures[index] for index in chosen]).to(self.device),
            "labels": labels.to(self.device),
        }

    def _train(self, chosen: Tensor, longest: int) -> None:
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.model(**self._batch(self.train_set, chosen.tolist(), longest)).loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.loss_sum += loss.item() * len(chosen)

    @torch.no_grad()
    def _tested(self, trainer: DictConfig) -> tuple[float, float]:
        """On the test pictures: the loss, and how many tokens of the captions are right, given those before."""
        self.model.eval()
        loss_sum, right, tokens = 0.0, 0, 0
        number = len(self.test_set[1])
        for chosen in torch.arange(number).split(trainer.batch_size):
            batch = self._batch(self.test_set, chosen.tolist(), trainer.max_length)
            told = self.model(**batch)
            known = batch["labels"] != -100
            loss_sum += told.loss.item() * len(chosen)
            right += int((told.logits.argmax(-1) == batch["labels"])[known].sum())
            tokens += int(known.sum())
        return loss_sum / number, right / tokens

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
