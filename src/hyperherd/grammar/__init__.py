"""Hydra's words: values, overrides and sweeps. A leaf that needs only the standard library."""
