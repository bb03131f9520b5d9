"""This machine as a launcher: a supervisor that outlives the terminal, and slots that are the host's."""

from hyperherd.launchers.direct.launcher import DirectLauncher

__all__ = ["DirectLauncher"]
