"""``hydra/launcher=hyperherd``. Hydra looks for plugins here, and only takes classes that are defined here."""

from hyperherd.hydra.launcher import Launcher


class HyperHerdLauncher(Launcher):
    """Hands a sweep over to herd."""
