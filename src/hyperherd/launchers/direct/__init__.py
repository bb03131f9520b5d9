"""This machine as a launcher: a supervisor that outlives the terminal, and slots that are the host's."""

from hyperherd.launchers.direct.launcher import Direct

__all__ = ["Direct"]
