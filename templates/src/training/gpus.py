"""The GPUs that a run asks for: whether it uses them all, and whether there are any here."""

from __future__ import annotations

import os
import re
import socket

from omegaconf import DictConfig

LOOK = "See what the node has with nvidia-smi"

_GPUS = re.compile(r"(?:gres[/:])?gpu(?::[^:,()]*[^\d:,()][^:,()]*)?(?::(\d+))?(?:\(.*\))?")
"""One entry of ``gres`` (sbatch(1)): ``gpu``, ``gpu:2``, ``gpu:l40s:2``, ``gpu:l40s``."""


def asked(config: DictConfig) -> int:
    """How many of each node ``compute`` asks for: its ``gres``, or its ``gpus_per_node`` where it has none."""
    compute = config.get("compute") or {}
    gres = compute.get("gres")
    if not gres:
        return int(str(compute.get("gpus_per_node") or 0).rpartition(":")[2])  # 2, or l40s:2
    found = [_GPUS.fullmatch(entry.strip()) for entry in str(gres).split(",")]
    return sum(int(one[1] or 1) for one in found if one)


def unused(config: DictConfig) -> str | None:
    """What is wrong with a sweep that holds more GPUs than it has processes, and what to type; None for nothing."""
    gpus, tasks = asked(config), config.get("tasks_per_node") or 1
    if gpus <= tasks:
        return None
    start = "1 process, which uses one of them" if tasks == 1 else f"{tasks} processes, which use one each"
    return (
        f"compute={_preset(config)} holds {_gpus(gpus)} for {start}\n"
        f"  ask for what is used: a preset with fewer GPUs, or compute.gpus_per_node={tasks}\n"
        f"  or, in a template that is made for several processes: tasks_per_node={gpus}"
    )


def missing(config: DictConfig, instead: str) -> str | None:
    """What is wrong where GPUs are asked for and PyTorch can use none here, and what to type; None for nothing.

    ``instead`` is what to do but for training on the CPU.
    """
    on_node = os.environ.get("SLURM_GPUS_ON_NODE", "")
    wanted, given = asked(config), int(on_node) if on_node.isdigit() else 0
    if config.get("allow_cpu") or not (wanted or given):
        return None
    import torch  # a second, where there may be something to find

    if torch.cuda.is_available():
        return None
    who = (
        f"compute={_preset(config)} asks for {_gpus(wanted)}" if wanted else f"Slurm has given {_gpus(given)}"
    )
    build = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is a build without CUDA"
    return (
        f"{who}, and PyTorch can use none on {socket.gethostname()} (PyTorch {torch.__version__} {build}).\n"
        f"  {instead}. Or train on the CPU all the same: allow_cpu=true"
    )


def _gpus(number: int) -> str:
    return f"{number} GPU{'' if number == 1 else 's'}"


def _preset(config: DictConfig) -> str:
    choices = config.hydra.runtime.choices if "hydra" in config else {}
    return str(choices.get("compute", "null"))
