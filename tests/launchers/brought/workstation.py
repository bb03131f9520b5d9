# A workstation (or a continuous integration): whatever is asked runs here.
"""Everything on this machine."""

from typing import Set

from hyperherd.connectors.local import LocalConnector
from hyperherd.launchers.direct import DirectLauncher


def find_launcher(requirements, tags: Set[str] = set()):
    return DirectLauncher(LocalConnector.instance())
