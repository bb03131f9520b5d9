"""The same with a structured configuration."""

from dataclasses import dataclass, field

import app
import hydra
from hydra.core.config_store import ConfigStore


@dataclass
class Model:
    depth: int = 1
    width: int | None = None


@dataclass
class Config:
    model: Model = field(default_factory=Model)
    lr: float = 0.1


ConfigStore.instance().store(name="typed", node=Config)


@hydra.main(version_base=None, config_name="typed")
def main(cfg):
    return app.main.__wrapped__(cfg)


if __name__ == "__main__":
    main()
