"""Fine-tune a language model with a process for each GPU: ``python -m llm.finetune_distributed.launch --multirun``."""

import hydra
from omegaconf import DictConfig
from training import launching


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, float]:
    # Takes seconds to import: not for a command that only submits.
    from llm.finetune_distributed.train import FinetuneTrainer

    return launching.run(FinetuneTrainer(), cfg)


if __name__ == "__main__":
    main()
