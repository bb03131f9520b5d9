"""``herd test``: one trial, here, through the very script that every launcher runs.

The workspace and the folder are the real ones. Register, claims, logs and results lie in a folder that is thrown
away, so that they never mix with the real ones; the logs are this terminal.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperherd.attempts import variables
from hyperherd.attempts.filenames import AttemptFolder
from hyperherd.connectors import local
from hyperherd.engine import facts, preflight
from hyperherd.engine.batches import Maker
from hyperherd.engine.describe import Description
from hyperherd.errors import HerdError
from hyperherd.jobs import Batch, Files
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.node.script import script
from hyperherd.sweep.trial import AGAIN, Status, Trial
from hyperherd.workspace import layout, results
from hyperherd.workspace.folder import Workspace

CFG_JOB = ("--cfg", "job", "--resolve")


@dataclass(frozen=True)
class Tried:
    """How a try ended, and the metrics that it logged."""

    trial: Trial
    exit_code: int
    metrics: Mapping[str, Any]


def check(workspace: Workspace, launchers: Mapping[str, Launcher], trial: Trial) -> None:
    """Raise `HerdError` for a trial whose checkpoints are in use, or may be, and for one that has completed. Asks the
    launchers, as what was cut short may have left no note; one that does not answer leaves the trial as last known.
    """
    fact = facts.read(workspace, launchers, silent_is_fatal=False).facts.get(trial.index)
    if fact is None or fact.submission is None or fact.status in AGAIN:
        return
    done = fact.status is Status.COMPLETED
    raise HerdError(
        f"trial {trial.index} has completed, and a test might change what it has saved"
        if done
        else f"trial {trial.index} is {fact.status}, and its checkpoints may be in use",
        hint="try another one, or only its configuration: herd test --cfg-job",
    )


def attempt(workspace: Workspace, description: Description, trial: Trial, *, cfg_job: bool) -> Tried:
    """Run it (its first task) to its end; its output goes to our own stdout and stderr."""
    launch = workspace.root / description.spec.launcher
    preflight.raise_fatal(preflight.check_files(workspace, launch, writing=False))
    with tempfile.TemporaryDirectory(prefix="hyperherd-test-") as scratch:
        place = Path(scratch)
        batch = _batch(workspace, description, trial, place, cfg_job)
        (element,) = batch.elements
        workspace.make_folders_of(batch, to_stay=False)
        (place / layout.RESULTS).mkdir()
        for name, device in (("out", "/dev/stdout"), ("err", "/dev/stderr")):
            (batch.files.logs / f"{element.unit.log}.{name}").symlink_to(device)
        inherited = {**os.environ, variables.NUMBER: str(element.number)}
        code = local.call(["bash", "-c", script(batch, shipped.by_hand("test"))], env=inherited)
        return Tried(trial, code, results.finals(place / layout.RESULTS, trial.index))


def _batch(workspace: Workspace, description: Description, trial: Trial, place: Path, cfg_job: bool) -> Batch:
    files = Files(
        script=place / "test.sbatch",
        register=place / "test.state",
        attempts=AttemptFolder(place / layout.ATTEMPTS),
        logs=place / layout.LOGS,
        env_file=workspace.env_file,
    )
    results_folder = str(place / layout.RESULTS)
    maker = Maker(workspace, description, results_folder, appended=CFG_JOB if cfg_job else ())
    return replace(maker.batch(files, [(trial, trial.units[0])], {}), notices=())
