"""Train a policy with PPO: ``python -m rl.ppo.launch``; with ``--multirun`` a sweep, on Slurm."""

import hydra
from omegaconf import DictConfig
from training import launching


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, float]:
    # Takes seconds to import: not for a command that only submits.
    from rl.ppo.train import PPOTrainer

    return launching.run(PPOTrainer(), cfg)


if __name__ == "__main__":
    main()
