# A national centre: accounts by kind of node, qos by duration, cores counted from memory, Slurm in a folder of its own.
import math
from typing import Optional, Set

from hyperherd.launcherfinder import (
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSpecification,
    MatchRequirement,
)
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

HOUR = 3600
GIGA = 1024**3
BYTES_PER_CORE = 4 * GIGA
SLURM_AT = "/opt/site/slurm/current/bin"
SHORT = 20 * HOUR


def _submit_with(match: MatchRequirement, constraint: Optional[str] = None, **others):
    asked = match.requirement
    cores = int(max(asked.cpu.cores or 0, math.ceil((asked.cpu.memory or 0) / BYTES_PER_CORE)))
    return SlurmLauncher(
        binpath=SLURM_AT,
        options=SlurmOptions(
            cpus_per_task=str(cores) if cores > 0 else None,
            time=SlurmOptions.format_time(asked.duration) if asked.duration else None,
            constraint=constraint,
            **others,
        ),
    )


def find_launcher(requirements: HostRequirement, tags: Set[str] = set()):
    node = CPUSpecification(cores=40, memory=160 * GIGA)

    # nodes without a GPU
    if match := requirements.match(HostSpecification(max_duration=100 * HOUR, cpu=node)):
        return _submit_with(match, account="abc@cpu", partition="prepost" if "prepost" in tags else "cpu_p1")

    # two generations of one card, the smaller one first
    for size, constraint in [(16, "v100-16g"), (32, "v100-32g")]:
        host = HostSpecification(
            max_duration=100.0 * HOUR,
            cpu=node,
            cuda=[CudaSpecification(memory=size * GIGA) for _ in range(4)],
        )
        if match := requirements.match(host):
            if len(match.requirement.cuda_gpus) > 0:
                return _submit_with(
                    match,
                    constraint,
                    account="abc@v100",
                    gpus_per_node=len(match.requirement.cuda_gpus),
                    qos="qos_gpu-t3" if match.requirement.duration <= SHORT else "qos_gpu-t4",
                )

    # the large cards are for long trainings only
    large = HostSpecification(
        max_duration=SHORT,
        cpu=CPUSpecification(cores=64, memory=480 * GIGA),
        cuda=[CudaSpecification(memory=80 * GIGA, min_memory=20 * GIGA) for _ in range(8)],
        min_gpu=2,
    )
    if match := requirements.match(large):
        return _submit_with(match, "a100", account="abc@a100", gpus_per_node=len(match.requirement.cuda_gpus))

    return None
