"""Several launchers to choose from, anew for each task or sweep."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from random import Random

from hyperherd.connectors.connector import Connector
from hyperherd.errors import ChoiceError
from hyperherd.jobs import Share
from hyperherd.launchers.base import Candidate, Launcher, is_candidate, requiring


class DynamicLauncher:
    """Chooses the launcher with the highest priority, of equals any one; with ``sample`` in proportion to priority.

    It may be one of several itself. ``random`` makes choices repeatable: ``random.Random(1)``. A subclass overrides
    `update` to look at the clusters and to change ``self._launchers`` or their priorities. ``connector`` is for
    `update`: each launcher has its own. Raises `ChoiceError` where there is no launcher.
    """

    def __init__(
        self,
        launchers: Iterable[Candidate],
        *,
        sample: bool = False,
        connector: Connector | None = None,
        priority: float = 0,
        random: Random | None = None,
    ) -> None:
        self._launchers = list(launchers)
        self._sample = sample
        self._random = random or Random()
        self.connector = connector
        self.priority = priority
        self._check()

    @property
    def launchers(self) -> list[Candidate]:
        """Those to choose from; the list is a copy."""
        return list(self._launchers)

    def add_launcher(self, launcher: Candidate) -> None:
        """One more to choose from."""
        self._launchers.append(launcher)

    def remove_launcher(self, launcher: Candidate) -> None:
        """One less, and there may be none until another is added. Raises `ChoiceError` for one that is not there."""
        if launcher not in self._launchers:
            raise ChoiceError(f"{launcher!r} is none of the launchers of {self!r}")
        self._launchers.remove(launcher)

    def update(self) -> None:
        """Called before each choice; changes nothing unless a subclass says so."""

    def chosen(self) -> Launcher:
        """The launcher to use this time. Raises `ChoiceError`, with ``sample`` also where a priority is not above 0."""
        self.update()
        self._check()
        weights = self._weights()
        if self._sample:
            return self._random.choices(self._launchers, weights)[0].chosen()
        best = max(weights)
        equals = [one for one, weight in zip(self._launchers, weights, strict=True) if weight == best]
        return self._random.choice(equals).chosen()

    def requiring(self, share: Share) -> DynamicLauncher:
        """A copy whose launchers hold this much of this machine for each job."""
        made = copy.copy(self)
        made._launchers = [requiring(launcher, share) for launcher in self._launchers]
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._launchers!r}, sample={self._sample})"

    def _check(self) -> None:
        if not self._launchers:
            raise ChoiceError(
                "a DynamicLauncher without launchers has nothing to choose from",
                hint="give it one at least: DynamicLauncher([SlurmLauncher(), DirectLauncher()])",
            )
        strange = [one for one in self._launchers if not is_candidate(one)]
        if strange:
            hint = "SlurmLauncher(), DirectLauncher() or DynamicLauncher([...])"
            raise ChoiceError(f"{strange[0]!r} is no launcher", hint=hint)

    def _weights(self) -> list[float]:
        """The priorities, once it is known that they are some."""
        wrong = [one for one in self._launchers if not self._is_weight(one.priority)]
        if wrong:
            shown = ", ".join(f"{type(one).__name__} has {one.priority!r}" for one in wrong)
            what = (
                "sample=True draws in proportion to the priorities, and not all are above 0"
                if self._sample
                else "a priority is a number"
            )
            hint = "give each launcher a priority, such as SlurmLauncher(priority=1)"
            raise ChoiceError(
                f"{what}: {shown}", hint=f"{hint}, or leave sample out" if self._sample else hint
            )
        return [launcher.priority for launcher in self._launchers]

    def _is_weight(self, priority: object) -> bool:
        if not isinstance(priority, (int, float)) or math.isnan(priority):
            return False
        return not self._sample or 0 < priority < math.inf
