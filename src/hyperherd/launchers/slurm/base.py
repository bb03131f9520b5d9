"""Slurm as a launcher, under the name that experimaestro has for this module."""

from hyperherd.launchers.slurm.launcher import SlurmLauncher
from hyperherd.launchers.slurm.options import SlurmOptions

__all__ = ["SlurmLauncher", "SlurmOptions"]
