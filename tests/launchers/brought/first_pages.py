# Copied by hand from the peer's first pages: for a job without a GPU it returns a connector, which is no launcher.
from typing import Set

from hyperherd.connectors.local import LocalConnector
from hyperherd.launcherfinder import HostRequirement, HostSpecification, CudaSpecification, CPUSpecification
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions


def find_launcher(requirements: HostRequirement, tags: Set[str] = set()):
    if requirements.match(HostSpecification(cuda=[])):
        return LocalConnector.instance()

    two = HostSpecification(
        max_duration=48 * 3600,
        cpu=CPUSpecification(cores=20, memory=60 * (1024**3)),
        cuda=[CudaSpecification(memory=11 * (1024**3)) for _ in range(2)],
    )
    if match := requirements.match(two):
        if len(match.requirement.cuda_gpus) > 0:
            return SlurmLauncher(
                connector=LocalConnector.instance(),
                options=SlurmOptions(gpus_per_node=len(match.requirement.cuda_gpus)),
            )
    return None
