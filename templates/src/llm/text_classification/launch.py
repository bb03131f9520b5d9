"""Fine-tune a text classifier: ``python -m llm.text_classification.launch``; with ``--multirun`` a sweep, on Slurm."""

import hydra
from omegaconf import DictConfig
from training import launching

from llm.text_classification.train import TextClassifier


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, float]:
    return launching.run(TextClassifier(), cfg)


if __name__ == "__main__":
    main()
