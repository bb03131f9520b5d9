"""Hydra launchers of the templates. Hydra imports them at each start: keep them light."""
