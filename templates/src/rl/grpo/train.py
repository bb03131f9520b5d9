"""GRPO: a group of answers to each question; those better than the group's mean become likelier.

The questions are sums, so that the reward, 1 for the right number, is verified and not estimated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from training import words
from training.interruption import Interruption
from training.trainer import Trainer
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

TINY_LARGEST = 4


def question(one: int, other: int, tokenizer: Any) -> str:
    """A sum, as the model is asked for it."""
    if tokenizer.chat_template is None:
        return f"{one}+{other}="
    asked = [{"role": "user", "content": f"What is {one} + {other}? Answer with the number alone."}]
    text: str = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    return text


def reward(answer: str, right: int) -> float:
    """1 where the answer's first number is the right one."""
    number = re.search(r"\d+", answer)
    return float(number is not None and int(number[0]) == right)


class GRPOTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        if cfg.data == "tiny":
            self.largest, self.new_tokens = TINY_LARGEST, 1
            self.tokenizer = words.tokenizer([" ".join(map(str, range(2 * TINY_LARGEST + 1))), "+ ="])
            small = GPT2Config(
                vocab_size=len(self.tokenizer), n_embd=48, n_layer=2, n_head=4, n_positions=16, resid_pdrop=0.0,
                embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=self.tokenizer.bos_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
            )  # fmt: skip
            model = GPT2LMHeadModel(small)
        elif cfg.data == "hub":
            self.largest, self.new_tokens = cfg.trainer.largest, cfg.trainer.new_tokens
            self.tokenizer = AutoTokenizer.from_pretrained(cfg.trainer.model_name)
            model = AutoModelForCausalLM.from_pretrained(cfg.trainer.model_name)
        else:
            raise ValueError(f"data={cfg.data}: there are hub and tiny")
        self.tokenizer.padding_side = "left"  # the answers begin where the questions end
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model = model.to(self.device)
        self.model.eval()  # no dropout: what is improved has to be what has answered
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=cfg.trainer.learning_rate, weight_decay=0.0
        )
        self.rewarded = 0.0  # in this epoch's steps
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                while self.step < cfg.trainer.steps_per_epoch:
                    self._train(cfg.trainer)
                    self.end_step(cfg, interruption)
                mean, self.rewarded = self.rewarded / cfg.trainer.steps_per_epoch, 0.0
                self.end_epoch(cfg, {"reward": mean})
        return self.results()

    def _train(self, trainer: DictConfig) -> None:
        """Ask, let the model answer, reward, and make the better answers likelier."""
        sums = torch.randint(self.largest + 1, (trainer.batch_size, 2)).tolist()
        asked = [question(one, other, self.tokenizer) for one, other in sums for _ in range(trainer.group)]
        tokens, known, answers = self._answered(asked, trainer.temperature)
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        right = [one + other for one, other in sums for _ in range(trainer.group)]
        rewards = torch.tensor([reward(text, number) for text, number in zip(texts, right, strict=True)])
        self.rewarded += rewards.mean().item()

        groups = rewards.view(-1, trainer.group)
        spread = groups.std(1, keepdim=True, correction=0)
        advantages = ((groups - groups.mean(1, keepdim=True)) / (spread + 1e-4)).view(-1, 1).to(self.device)
        counted = self._counted(answers)
        with torch.no_grad():
            before = self._log_probs(tokens, known, answers, trainer.temperature)
        for _ in range(trainer.passes):
            ratio = (self._log_probs(tokens, known, answers, trainer.temperature) - before).exp()
            clipped = ratio.clamp(1 - trainer.clip, 1 + trainer.clip)
            gained = torch.min(ratio * advantages, clipped * advantages)
            loss = -(gained * counted).sum() / counted.sum()
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()

    @torch.no_grad()
    def _answered(self, asked: list[str], temperature: float) -> tuple[Tensor, Tensor, Tensor]:
        """Questions with answers, which of these tokens are no padding, and the answers alone: [answer, token]."""
        # The chat template has written what is special; a bare sum needs nothing of it.
        encoded = self.tokenizer(asked, return_tensors="pt", padding=True, add_special_tokens=False).to(
            self.device
        )
        tokens, known = encoded["input_ids"], encoded["attention_mask"]
        asked_tokens = tokens.shape[1]
        for _ in range(self.new_tokens):
            logits = self.model(
                input_ids=tokens, attention_mask=known, position_ids=_positions(known)
            ).logits[:, -1]
            drawn = torch.multinomial((logits.float() / temperature).softmax(-1), 1)
            tokens = torch.cat([tokens, drawn], 1)
            known = torch.cat([known, torch.ones_like(drawn)], 1)
        return tokens, known, tokens[:, asked_tokens:]

    def _log_probs(self, tokens: Tensor, known: Tensor, answers: Tensor, temperature: float) -> Tensor:
        """How likely the model finds each token of the answers."""
        logits = self.model(input_ids=tokens, attention_mask=known, position_ids=_positions(known)).logits
        of_answers = logits[:, -answers.shape[1] - 1 : -1].float() / temperature
        return of_answers.log_softmax(-1).gather(-1, answers[..., None])[..., 0]

    def _counted(self, answers: Tensor) -> Tensor:
        """1 for each token of an answer up to the first that ends it."""
        ends = (answers == self.tokenizer.eos_token_id).float()
        return (ends.cumsum(1) - ends == 0).float()

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rewarded": self.rewarded,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rewarded = state["rewarded"]


def _positions(known: Tensor) -> Tensor:
    """Of each token in its text, whatever padding stands before it."""
    return (known.cumsum(1) - 1).clamp(min=0)
