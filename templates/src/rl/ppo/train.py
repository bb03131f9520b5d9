"""PPO: collect with the policy of now, improve it on what was collected without leaving it too far, and again.

A checkpoint holds the environments as well, in the middle of their episodes: a resumed run goes on in the same ones.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional
from training.interruption import Interruption
from training.trainer import Trainer


class Policy(nn.Module):
    """What to do, as the logits of the actions, and what it is worth."""

    def __init__(self, observation: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.actor, self.critic = (
            nn.Sequential(
                *(nn.Linear(observation, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()),
                nn.Linear(hidden, outputs),
            )
            for outputs in (actions, 1)
        )

    def forward(self, observed: Tensor) -> tuple[Categorical, Tensor]:
        return Categorical(logits=self.actor(observed)), self.critic(observed).squeeze(-1)


class PPOTrainer(Trainer):
    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        if cfg.data not in ("gymnasium", "tiny"):
            raise ValueError(f"data={cfg.data}: there are gymnasium and tiny")
        name = "CartPole-v1" if cfg.data == "tiny" else cfg.trainer.environment
        self.environments = [
            gymnasium.make(name, disable_env_checker=True) for _ in range(cfg.trainer.environments)
        ]
        seeds = range(cfg.trainer.seed, cfg.trainer.seed + cfg.trainer.environments)
        first = [one.reset(seed=seed)[0] for one, seed in zip(self.environments, seeds, strict=True)]
        self.observed = np.array(first, dtype=np.float32)  # [environment, ...]
        self.rewarded = [0.0] * len(first)  # in the episodes that are under way
        self.returns: list[float] = []  # of the episodes that have ended in this epoch

        actions = self.environments[0].action_space
        if not isinstance(actions, gymnasium.spaces.Discrete) or self.observed.ndim != 2:
            raise ValueError(
                f"trainer.environment={name}: one with discrete actions and vectors to observe is needed"
            )
        self.policy = Policy(self.observed.shape[1], int(actions.n), cfg.trainer.hidden_dim).to(self.device)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=cfg.trainer.learning_rate, eps=1e-5)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(
            self.optimizer, 1.0, 0.0, total_iters=cfg.trainer.num_epochs * cfg.trainer.updates_per_epoch
        )
        self.resume(cfg)

        with Interruption() as interruption:
            while self.epoch < cfg.trainer.num_epochs:
                while self.step < cfg.trainer.updates_per_epoch:
                    self._improve(cfg.trainer, self._collected(cfg.trainer))
                    self.scheduler.step()
                    self.end_step(cfg, interruption)
                ended, self.returns = self.returns, []
                mean = sum(ended) / len(ended) if ended else float("nan")
                self.end_epoch(cfg, {"return": mean, "episodes": len(ended)})
        return self.results()

    @torch.no_grad()
    def _collected(self, trainer: DictConfig) -> dict[str, Tensor]:
        """``horizon`` steps of each environment, all in one row, with their advantages and what they were worth."""
        shape = (trainer.horizon, len(self.environments))
        observations = torch.zeros(*shape, self.observed.shape[1])
        actions, rewards, ends, values, log_probs = (torch.zeros(shape) for _ in range(5))
        for t in range(trainer.horizon):
            observations[t] = torch.from_numpy(self.observed)
            choice, value = self.policy(observations[t].to(self.device))
            chosen = choice.sample()
            actions[t], values[t], log_probs[t] = chosen.cpu(), value.cpu(), choice.log_prob(chosen).cpu()
            for index, action in enumerate(chosen.tolist()):
                rewards[t, index], ends[t, index] = self._act(index, action, trainer.discount)
        _, after = self.policy(torch.from_numpy(self.observed).to(self.device))

        # Generalised advantage estimation, from the last step backwards.
        advantages, advantage, after = torch.zeros(shape), torch.zeros(shape[1]), after.cpu()
        for t in reversed(range(trainer.horizon)):
            surprise = rewards[t] + trainer.discount * after * (1 - ends[t]) - values[t]
            advantage = surprise + trainer.discount * trainer.gae_lambda * (1 - ends[t]) * advantage
            advantages[t], after = advantage, values[t]
        worth = {"advantages": advantages, "worth": advantages + values}
        rows = {"observations": observations, "actions": actions, "log_probs": log_probs, **worth}
        return {name: tensor.flatten(0, 1).to(self.device) for name, tensor in rows.items()}

    def _act(self, index: int, action: int, discount: float) -> tuple[float, bool]:
        """One step of one environment: the reward, and whether the episode has ended; a new one has then begun."""
        environment = self.environments[index]
        observed, reward, terminated, truncated, _ = environment.step(action)
        reward = float(reward)
        self.rewarded[index] += reward
        if truncated and not terminated:  # cut short by a limit: what would have come is estimated
            _, value = self.policy(torch.as_tensor(observed, dtype=torch.float32, device=self.device))
            reward += discount * value.item()
        ended = bool(terminated or truncated)
        if ended:
            self.returns.append(self.rewarded[index])
            self.rewarded[index] = 0.0
            observed, _ = environment.reset()
        self.observed[index] = observed
        return reward, ended

    def _improve(self, trainer: DictConfig, rows: dict[str, Tensor]) -> None:
        for _ in range(trainer.passes):
            for chosen in torch.randperm(len(rows["actions"])).split(trainer.batch_size):
                batch = {name: tensor[chosen.to(self.device)] for name, tensor in rows.items()}
                choice, value = self.policy(batch["observations"])
                ratio = (choice.log_prob(batch["actions"]) - batch["log_probs"]).exp()
                advantages = batch["advantages"]
                advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)
                clipped = ratio.clamp(1 - trainer.clip, 1 + trainer.clip)
                policy_loss = -torch.min(ratio * advantages, clipped * advantages).mean()
                value_loss = functional.mse_loss(value, batch["worth"])
                loss = policy_loss + 0.5 * value_loss - trainer.entropy * choice.entropy().mean()
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.policy.parameters(), 0.5)
                self.optimizer.step()

    def state(self) -> dict[str, Any]:
        environments = pickle.dumps(self.environments)
        return {
            "policy": self.policy.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "environments": torch.frombuffer(bytearray(environments), dtype=torch.uint8),
            "observed": torch.from_numpy(self.observed),
            "rewarded": self.rewarded,
            "returns": self.returns,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.environments = pickle.loads(state["environments"].numpy().tobytes())
        self.observed = state["observed"].numpy()
        self.rewarded, self.returns = state["rewarded"], state["returns"]
