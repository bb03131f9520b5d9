"""WHICH trials: what a sweep's description gives. Values and decisions, no I/O."""
