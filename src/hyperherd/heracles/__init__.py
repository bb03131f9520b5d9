"""``heracles``: a sweep over any sbatch script, as files beside it. Only the standard library."""
