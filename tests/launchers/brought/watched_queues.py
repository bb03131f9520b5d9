# Two queues that are looked at before each job: a dynamic launcher of one's own, filled and thinned out as asked.
import logging
import os
from typing import Set

from hyperherd.connectors.local import LocalConnector
from hyperherd.launcherfinder import HostRequirement, HostSpecification, CudaSpecification, CPUSpecification, parse
from hyperherd.launchers import DynamicLauncher
from hyperherd.launchers.direct import DirectLauncher
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

logger = logging.getLogger("launchers")
GIGA = 1024**3


class Watched(DynamicLauncher):
    """The queue named in $FREE_QUEUE is preferred."""

    def update(self):
        free = os.environ.get("FREE_QUEUE", "day")
        for launcher in self._launchers:
            if isinstance(launcher, SlurmLauncher):
                launcher.priority = 10 if launcher.options.partition == free else 1


def _limit() -> HostRequirement:
    try:
        return parse(os.environ.get("SMALL_JOB", "duration=1h & cpu(mem=8GiB, cores=4)"))
    except ValueError as error:
        logger.warning("SMALL_JOB is not read: %s", error)
        return parse("cpu(cores=1)")


def find_launcher(requirements: HostRequirement, tags: Set[str] = set()):
    host = HostSpecification(
        max_duration=7 * 24 * 3600,
        cpu=CPUSpecification(cores=16, memory=128 * GIGA),
        accelerators=[CudaSpecification(memory=80 * GIGA)] * 2,
        priority=1,
    )
    match = requirements.match(host)
    if match is None:
        return None
    day = SlurmLauncher(options=SlurmOptions(partition="day", time="24:00:00"))
    week = SlurmLauncher(options=SlurmOptions(partition="week", time=f"{7 * 24}:00:00"))
    choice = Watched([day], sample="spread" in tags, connector=LocalConnector.instance())
    choice.add_launcher(week)
    if match.requirement.duration > 24 * 3600:
        choice.remove_launcher(day)
    if not match.requirement.accelerators and "here" in tags:
        small = _limit().requirements[0]
        if match.requirement.cpu.cores <= small.cpu.cores:
            here = DirectLauncher(LocalConnector.instance(), priority=100)
            choice.add_launcher(here)
    logger.info("%s: %d launchers", str(choice), len(choice.launchers))
    return choice
