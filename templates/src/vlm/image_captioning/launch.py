"""Train a model that writes captions: ``python -m vlm.image_captioning.launch``; with ``--multirun`` on Slurm."""

import hydra
from omegaconf import DictConfig
from training import launching


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, float]:
    # Takes seconds to import: not for a command that only submits.
    from vlm.image_captioning.train import CaptionTrainer

    return launching.run(CaptionTrainer(), cfg)


if __name__ == "__main__":
    main()
