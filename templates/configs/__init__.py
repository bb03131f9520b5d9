"""Hydra configurations that all templates share; found as pkg://configs."""
