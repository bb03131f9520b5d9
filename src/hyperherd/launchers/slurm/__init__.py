"""Slurm as a launcher."""
