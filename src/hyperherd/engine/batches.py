"""What launchers are told of trials: their batches, with all that a launch script is handed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperherd.attempts.filenames import Unit
from hyperherd.engine import environment
from hyperherd.engine.describe import Description
from hyperherd.jobs import Batch, Element, Files
from hyperherd.sweep import overrides
from hyperherd.sweep.overrides import Handed
from hyperherd.sweep.trial import Trial
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Maker:
    """Makes batches of one sweep. ``results`` is the folder of all results, ``appended`` stands behind all words."""

    workspace: Workspace
    description: Description
    results: str
    appended: tuple[str, ...] = ()

    def batch(self, files: Files, units: Sequence[tuple[Trial, Unit]], newest: Mapping[Unit, int]) -> Batch:
        """Of these trials or tasks; ``newest`` are the numbers of their newest attempts. Asks for nothing else."""
        spec, script = self.description.spec, self.description.script
        return Batch(
            token=files.script.stem,
            name=self.description.job_name,
            folder=script.folder if script else self.workspace.root,
            launch=self.workspace.root / spec.launcher,
            files=files,
            elements=tuple(self._element(trial, unit, newest.get(unit, 0) + 1) for trial, unit in units),
            variables=environment.sweep_variables(self.workspace, spec.name),
            inline=script.inline if script else None,
        )

    def _element(self, trial: Trial, unit: Unit, attempt: int) -> Element:
        given = overrides.handed(trial, self.description.spec.static_overrides)
        more = "".join(f" {word}" for word in self.appended)
        given = Handed(given.argument + more, given.argv + more, given.params)
        script, typed = self.description.script, trial.typed
        words = (*typed.words, *self.appended) if typed else ()
        argument = script.place.inserted(words) if script else given.argument
        variables = environment.trial_variables(trial, given, self.results)
        return Element(unit.number, unit, attempt, argument, variables)
