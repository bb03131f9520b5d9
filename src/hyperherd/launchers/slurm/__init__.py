"""Slurm as a launcher."""

from hyperherd.launchers.slurm.launcher import SlurmLauncher
from hyperherd.launchers.slurm.options import SlurmOptions

__all__ = ["SlurmLauncher", "SlurmOptions"]
