"""An MLP in one process, on one GPU or none."""
