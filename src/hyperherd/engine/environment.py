"""What a launch script finds in its environment."""

from __future__ import annotations

from hyperherd.attempts import variables
from hyperherd.sweep.overrides import Handed
from hyperherd.sweep.trial import Trial
from hyperherd.workspace.folder import Workspace


def sweep_variables(workspace: Workspace, name: str) -> tuple[tuple[str, str], ...]:
    """About its sweep, which is called ``name``."""
    return ((variables.WORKSPACE, str(workspace.root)), (variables.SWEEP_NAME, name))


def trial_variables(trial: Trial, given: Handed, results: str) -> tuple[tuple[str, str], ...]:
    """About its trial; ``results`` is the folder of all results."""
    return (
        (variables.TRIAL_ID, str(trial.index)),
        (variables.TRIAL_NAME, trial.name),
        (variables.EXPERIMENT_NAME, trial.name),
        (variables.ARGV, given.argv),
        (variables.PARAMS, given.params),
        (variables.RESULTS, f"{results}/{trial.index}"),
    )


def attempt_variables(index: int, attempt: int) -> tuple[tuple[str, str], ...]:
    """About its attempt; the script of a job sets them when it runs."""
    return ((variables.ATTEMPT, str(attempt)), (variables.NUMBER, str(index)))
