"""An application as people write them with Hydra: each job appends a line of facts to a file in its folder."""

import copy
import json
import logging
import os
import sys
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

log = logging.getLogger(__name__)
OmegaConf.register_new_resolver("some_memory", lambda: {"mem": "2G"}, replace=True)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    hydras = HydraConfig.get()
    here, output = Path(hydras.runtime.cwd), Path(hydras.runtime.output_dir)
    facts = {
        "number": hydras.job.num,
        "id": hydras.job.id,
        "rank": os.environ.get("SLURM_PROCID"),
        "name": hydras.job.name,
        "config": OmegaConf.to_container(cfg),
        "overrides": list(hydras.overrides.task),
        "output": os.path.relpath(output, here / hydras.sweep.dir),
        "subdir": hydras.sweep.subdir,
        "in_output": os.getcwd() == str(output),
        "variable": os.environ.get("OF_THE_JOB"),
        "db": hydras.runtime.choices.get("db"),
    }
    launchers = copy.deepcopy(hydras.launcher)
    OmegaConf.set_readonly(launchers, False)
    OmegaConf.resolve(launchers)
    log.info("begun")
    with (here / "facts").open("a") as file:
        file.write(json.dumps(facts) + "\n")
    if cfg.get("gate"):
        until = time.monotonic() + 120
        while not (here / "go").exists() and time.monotonic() < until:
            time.sleep(0.02)
    if cfg.get("stops") and os.environ["HYPERHERD_ATTEMPT"] == "1":
        sys.exit(75)
    if cfg.get("fails") and not (here / "mended").exists():
        raise ValueError("it fails")
    if cfg.get("code"):
        sys.exit(cfg.code)
    if facts["rank"] not in (None, "0"):
        time.sleep(0.3)
        return -1
    return cfg.get("lr")


if __name__ == "__main__":
    main()
