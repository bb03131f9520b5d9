"""What launchers are told of trials: their batches, with all that a launch script is handed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperherd.attempts import registers, variables
from hyperherd.attempts.filenames import Unit
from hyperherd.engine.describe import Description
from hyperherd.jobs import Batch, Element, Files
from hyperherd.sweep import trial_overrides
from hyperherd.sweep.trial import Trial
from hyperherd.sweep.trial_overrides import Handed
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace


def sweep_variables(workspace: Workspace, name: str, generation: str) -> tuple[tuple[str, str], ...]:
    """About its sweep, which is called ``name``, and this life of its state folder, if it has any."""
    about = ((variables.WORKSPACE, str(workspace.root)), (variables.SWEEP_NAME, name))
    return (*about, (variables.GENERATION, generation)) if generation else about


def trial_variables(
    workspace: Workspace, trial: Trial, given: Handed, results: str
) -> tuple[tuple[str, str], ...]:
    """About its trial; ``results`` is the folder of all results."""
    return (
        (variables.TRIAL_ID, str(trial.index)),
        (variables.TRIAL_NAME, trial.name),
        (variables.EXPERIMENT_NAME, trial.name),
        (variables.ARGV, given.argv),
        (variables.PARAMS, given.params),
        (variables.RESULTS, f"{results}/{trial.index}"),
        (variables.TRIAL_DIR, os.path.join(workspace.root, layout.OUTPUTS, trial.name)),
    )


def attempt_variables(index: int, attempt: int) -> tuple[tuple[str, str], ...]:
    """About its attempt; the script of a job sets them when it runs."""
    return ((variables.ATTEMPT, str(attempt)), (variables.NUMBER, str(index)))


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
            variables=sweep_variables(self.workspace, spec.name, registers.generation_of(files.script.stem)),
            inline=script.inline if script else None,
            notices=spec.notify,
        )

    def _element(self, trial: Trial, unit: Unit, attempt: int) -> Element:
        given = trial_overrides.handed(trial, self.description.spec.static_overrides)
        more = "".join(f" {word}" for word in self.appended)
        given = Handed(given.argument + more, given.argv + more, given.params)
        script, typed = self.description.script, trial.typed
        words = (*typed.words, *self.appended) if typed else ()
        argument = script.place.inserted(words) if script else given.argument
        variables = trial_variables(self.workspace, trial, given, self.results)
        return Element(unit.number, unit, attempt, argument, variables)
