# As the peer's `launchers slurm configure` leaves it: a table of partitions, options assigned one by one.
"""Launchers of the Heron cluster (made by a tool, then edited by hand)."""

from typing import Set

from hyperherd.connectors.local import LocalConnector
from hyperherd.launcherfinder import (
    CPUSpecification,
    CudaSpecification,
    HostRequirement,
    HostSpecification,
)
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions

GIB = 1024**3

HERON = [
    {"name": "long", "rank": 3, "cpus": 48, "bytes": 180 * GIB, "gpus": 0, "gpu_bytes": 0, "qos": None},
    {"name": "gpu", "rank": 5, "cpus": 32, "bytes": 250 * GIB, "gpus": 4, "gpu_bytes": 48 * GIB, "qos": "normal"},
    {"name": "bigmem", "rank": 1, "cpus": 96, "bytes": 1500 * GIB, "gpus": 0, "gpu_bytes": 0, "qos": None},
]
ACCOUNT = "vision"


def _host(row: dict) -> HostSpecification:
    gpus = []
    for _ in range(row["gpus"]):
        gpus.append(CudaSpecification(memory=row["gpu_bytes"]))
    return HostSpecification(
        cpu=CPUSpecification(memory=row["bytes"], cores=row["cpus"]),
        accelerators=gpus,
    )


def find_launcher(requirements: HostRequirement, tags: Set[str] = set()):
    chosen = None
    row_of_chosen = None
    for row in HERON:
        match = requirements.match(_host(row))
        if match is None:
            continue
        if row_of_chosen is None or row["rank"] > row_of_chosen["rank"]:
            chosen, row_of_chosen = match, row
    if chosen is None or row_of_chosen is None:
        return None

    req = chosen.requirement
    options = SlurmOptions(partition=row_of_chosen["name"], account=ACCOUNT)
    if row_of_chosen["qos"]:
        options.qos = row_of_chosen["qos"]
    count = len(req.accelerators) if req.accelerators else 0
    if count > 0:
        options.gpus = count
    if req.cpu and req.cpu.memory:
        options.mem = f"{req.cpu.memory // (1024**2)}M"
    if req.cpu and req.cpu.cores:
        options.cpus_per_task = str(req.cpu.cores)
    if hasattr(req, "duration") and req.duration:
        options.time = SlurmOptions.format_time(req.duration)
    return SlurmLauncher(connector=LocalConnector.instance(), options=options)
