"""Proximal policy optimisation of a small policy in a gymnasium environment."""
