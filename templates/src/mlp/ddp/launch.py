"""Train an MLP with a process for each GPU: ``python -m mlp.ddp.launch compute=killarney/l40s_4x --multirun``."""

import hydra
from omegaconf import DictConfig
from training import launching


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, float]:
    # Takes seconds to import: not for a command that only submits.
    from mlp.ddp.train import DDPTrainer

    return launching.run(DDPTrainer(), cfg)


if __name__ == "__main__":
    main()
