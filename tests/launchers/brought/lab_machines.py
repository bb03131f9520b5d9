# A laboratory's own machines: the older module names, one constraint that names the cards, nothing said at the end.
from hyperherd.launcherfinder.specs import (
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSpecification,
)
from hyperherd.launchers.slurm.base import SlurmLauncher, SlurmOptions

GIGA = 1024**3
DAY = 24 * 3600


def find_launcher(requirements: HostRequirement, tags: set[str] = set()):
    box = HostSpecification(
        cpu=CPUSpecification(cores=24, memory=96 * GIGA),
        max_duration=DAY * 7,
        cuda=[CudaSpecification(memory=48 * GIGA) for _ in range(3)],
    )
    if match := requirements.match(box):
        return SlurmLauncher(
            options=SlurmOptions(
                gpus_per_node=len(match.requirement.cuda_gpus),
                partition="owners,shared",
                constraint="(rtx8000&gpu2)|(a6000&gpu4)",
            )
        )
