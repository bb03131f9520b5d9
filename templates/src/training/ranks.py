"""The processes of one training: one for each task of a Submitit job, or of torchrun; else a single one."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import distributed


def start() -> None:
    """Join the other ranks: NCCL between GPUs, gloo between CPUs. A single process needs no others."""
    if distributed.is_initialized():
        return
    if "SUBMITIT_EXECUTOR" in os.environ:
        _from_submitit()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def stop() -> None:
    """Leave the other ranks at the end of the training."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def started() -> int:
    """How many processes of this training were started, whether they have joined each other or not."""
    if "SUBMITIT_EXECUTOR" in os.environ:
        from submitit import JobEnvironment

        return JobEnvironment().num_tasks
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def device() -> torch.device:
    """This rank's GPU, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    index = (
        int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
        if distributed.is_initialized()
        else 0
    )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def device_name() -> str:
    """This rank's device for people: ``cuda:0 (NVIDIA L40S)``, ``the CPU``."""
    own = device()
    return f"{own} ({torch.cuda.get_device_name(own)})" if own.type == "cuda" else "the CPU"


def most(number: int) -> int:
    """The largest of the ranks' numbers. All have to ask."""
    if not distributed.is_initialized():
        return number
    told = torch.tensor([number], device=device())
    distributed.all_reduce(told, op=distributed.ReduceOp.MAX)
    return int(told.item())


def total(values: list[float]) -> list[float]:
    """The sums over all ranks."""
    if not distributed.is_initialized():
        return values
    summed = torch.tensor(values, dtype=torch.float64, device=device())
    distributed.all_reduce(summed)
    return summed.tolist()


def gather(value: Any) -> list[Any]:
    """The ranks' values, in their order."""
    if not distributed.is_initialized():
        return [value]
    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def wait() -> None:
    """Until all ranks are here."""
    if distributed.is_initialized():
        distributed.barrier()


def _from_submitit() -> None:
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    environment = TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
    if JobEnvironment().num_nodes == 1:
        os.environ["MASTER_ADDR"] = "127.0.0.1"  # a node may not know itself by Slurm's name for it
    assert environment.world_size >= 1
