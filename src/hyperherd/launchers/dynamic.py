"""Several launchers to choose from, anew for each task or sweep."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from hyperherd.errors import LauncherError
from hyperherd.launchers.base import Candidate, Launcher


class DynamicLauncher:
    """Chooses the launcher with the highest priority, of equals any one; with ``sample`` in proportion to priority.

    It may be one of several itself. ``random`` makes choices repeatable: ``random.Random(1)``. A subclass overrides
    `update` to look at the clusters and to change the priorities of ``self._launchers``. Raises `LauncherError` where
    there is no launcher, or with ``sample`` where a priority is not above 0.
    """

    def __init__(
        self,
        launchers: Iterable[Candidate],
        *,
        sample: bool = False,
        priority: float = 0,
        random: Random | None = None,
    ) -> None:
        self._launchers = list(launchers)
        self._sample = sample
        self._random = random or Random()
        self.priority = priority
        self._check()

    def update(self) -> None:
        """Called before each choice; changes nothing unless a subclass says so."""

    def chosen(self) -> Launcher:
        """The launcher to use this time. Raises `LauncherError`."""
        self.update()
        self._check()
        priorities = [launcher.priority for launcher in self._launchers]
        if self._sample:
            return self._random.choices(self._launchers, priorities)[0].chosen()
        best = max(priorities)
        equals = [launcher for launcher in self._launchers if launcher.priority == best]
        return self._random.choice(equals).chosen()

    def _check(self) -> None:
        if not self._launchers:
            raise LauncherError(
                "a DynamicLauncher without launchers has nothing to choose from",
                hint="give it one at least: DynamicLauncher([SlurmLauncher(), DirectLauncher()])",
            )
        low = [launcher for launcher in self._launchers if not 0 < launcher.priority < float("inf")]
        if self._sample and low:
            shown = ", ".join(f"{type(launcher).__name__} has {launcher.priority}" for launcher in low)
            raise LauncherError(
                f"sample=True draws in proportion to the priorities, and not all are above 0: {shown}",
                hint="give each launcher a priority, such as SlurmLauncher(priority=1), or leave sample out",
            )
