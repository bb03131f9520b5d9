"""What Slurm is as a launcher."""

from hyperherd.launchers.traits import Traits

# Sites ask for no more than one squeue in 30 to 60 seconds. It may start again what it has told to end: preemption.
TRAITS = Traits("Slurm", program="sbatch", pause_s=30.0, waits_for_jobs=True, starts_again=True, own_log=True)
