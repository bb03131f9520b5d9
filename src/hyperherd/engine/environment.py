"""What a launch script finds in its environment."""

from __future__ import annotations

from hyperherd.sweep.overrides import Handed
from hyperherd.sweep.trial import Trial
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace


def sweep_variables(workspace: Workspace, name: str) -> tuple[tuple[str, str], ...]:
    """About its sweep, which is called ``name``."""
    return ((layout.ENV_WORKSPACE, str(workspace.root)), (layout.ENV_SWEEP_NAME, name))


def trial_variables(trial: Trial, given: Handed, results: str) -> tuple[tuple[str, str], ...]:
    """About its trial; ``results`` is the folder of all results."""
    return (
        (layout.ENV_TRIAL_ID, str(trial.index)),
        (layout.ENV_TRIAL_NAME, trial.name),
        (layout.ENV_EXPERIMENT_NAME, trial.name),
        (layout.ENV_ARGV, given.argv),
        (layout.ENV_PARAMS, given.params),
        (layout.ENV_RESULTS, f"{results}/{trial.index}"),
    )


def attempt_variables(index: int, attempt: int) -> tuple[tuple[str, str], ...]:
    """About its attempt; the script of a job sets them when it runs."""
    return ((layout.ENV_ATTEMPT, str(attempt)), ("SLURM_ARRAY_TASK_ID", str(index)))
