#!/usr/bin/env python3
"""Write the compute presets that ship with the launcher finder out in full, for the training templates.

    tools/template_presets.py templates/configs/compute

Hydra does not know ``base``, which the launcher finder's files use. Interpolations stay as they are, so that
``compute.gpus_per_node=2`` asks for two of everything that goes with it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hyperherd.launcherfinder import hosts, layers
from hyperherd.launcherfinder.configuration import SHIPPED
from hyperherd.launcherfinder.layers import Layered

SHAPE: dict[str, Any] = {
    "cluster": None,
    "nodes": 1,
    "gpu_type": None,
    "gpus_per_node": 0,
    "gres": None,
    "tasks_per_node": None,
    "cpus_per_task": None,
    "mem_gb": None,
    "timeout_min": None,
    "work_root": "${oc.env:HOME}",
    "slurm": {"partition": None, "qos": None, "additional_parameters": {}},
}
"""Every key that configs/ reads, in order, with what stands for a preset that says nothing of it."""

HEAD = "# Made from the launcher finder's preset of the same name by `make presets`; mem_gb is in GiB.\n"


def shipped(name: str) -> Layered:
    return Layered.of(layers.read(SHIPPED / f"{name}.yaml"))


def text(name: str) -> str:
    """The preset's file, without ``base``."""
    said = layers.inherited(name, shipped, hosts.over).values
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    out = io.StringIO()
    yaml.dump(SHAPE | {key: value for key, value in said.items() if key in SHAPE}, out)
    return HEAD + out.getvalue()


def all_presets() -> dict[str, str]:
    """The text of each preset by its path below configs/compute."""
    names = sorted(path.relative_to(SHIPPED).with_suffix("") for path in SHIPPED.rglob("*.yaml"))
    return {f"{name.as_posix()}.yaml": text(name.as_posix()) for name in names}


def main(folder: Path) -> None:
    for name, content in all_presets().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
