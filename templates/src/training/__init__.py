"""What the templates share: launching, checkpoints, interruptions, metrics."""
