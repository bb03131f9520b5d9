# Macs on desks, a server of NVIDIA cards, a queue: decides by the kind of accelerator that each alternative asks for.
from typing import Optional, Set

from hyperherd.connectors.local import LocalConnector
from hyperherd.launcherfinder import (
    AcceleratorSpecification,
    AcceleratorType,
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSpecification,
    MPSSpecification,
)
from hyperherd.launcherfinder.specs import HostSimpleRequirement, RequirementUnion
from hyperherd.launchers import Launcher
from hyperherd.launchers.direct import DirectLauncher
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

GIGA = 1024**3
MAC = MPSSpecification(memory=int(64e9))
CARD = CudaSpecification(memory=24e9, model="rtx4090")
KINDS = {AcceleratorType.CUDA: "nvidia", AcceleratorType.MPS: "apple"}


def _alternatives(requirements: HostRequirement) -> list[HostSimpleRequirement]:
    if isinstance(requirements, RequirementUnion):
        return list(requirements.requirements)
    return [requirements]


def _fits(card: AcceleratorSpecification, asked: HostSimpleRequirement) -> bool:
    return bool(asked.accelerators) and all(card.match(one) for one in asked.accelerators)


def _on_a_mac(asked: HostSimpleRequirement) -> Optional[Launcher]:
    host = HostSpecification(cpu=CPUSpecification(cores=10, memory=64 * GIGA), accelerators=[MAC])
    if MAC.unified_memory and _fits(MAC, asked) and asked.match(host):
        return DirectLauncher(LocalConnector.instance(), priority=2)
    return None


def _on_a_card(asked: HostSimpleRequirement) -> Optional[Launcher]:
    if CARD.unified_memory or not _fits(CARD, asked) or len(asked.accelerators) > 2:
        return None
    options = SlurmOptions(
        nodes=None,
        partition=KINDS[CARD.accelerator_type],
        mem_per_gpu="24G",
        exclude=None,
        ntasks_per_node="1",
    )
    options.gpus_per_node = len(asked.accelerators)
    return SlurmLauncher(options=options, interval=5)


def find_launcher(requirements: HostRequirement, tags: Set[str] = set()) -> Optional[Launcher]:
    for asked in _alternatives(requirements):
        kinds = {one.accelerator_type for one in asked.accelerators}
        if AcceleratorType.MPS in kinds or "mac" in tags:
            found = _on_a_mac(asked)
        elif AcceleratorType.CUDA in kinds or kinds == {None}:
            found = _on_a_card(asked)
        else:
            found = DirectLauncher(connector=LocalConnector.instance())
        if found is not None:
            return found
    return None
