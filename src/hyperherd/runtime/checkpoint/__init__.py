"""Checkpoints on disk. A checkpoint is a folder, and the record in it, written last, says that it is whole."""
