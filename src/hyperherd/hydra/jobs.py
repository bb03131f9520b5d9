"""A multirun as a sweep over a script: the script that starts the application, and a job for each set of overrides."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf, open_dict

from hyperherd import fsio
from hyperherd.bash.quoting import quote
from hyperherd.engine import launch, multirun, places, reconcile, scripts, waiting
from hyperherd.engine.launch import Run
from hyperherd.engine.placing import Wish
from hyperherd.errors import HerdError
from hyperherd.grammar import product
from hyperherd.grammar.values import write
from hyperherd.hydra import reporting
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Choice, Described
from hyperherd.sweep.trial import Status, Typed
from hyperherd.views import summary
from hyperherd.workspace import folder, results

_OURS = (
    "hydra.launcher",
    "hydra/launcher",
    "hydra.sweeper",
    "hydra/sweeper",
    "hydra.mode",
    "hydra.run.dir",
    "hydra.sweep.",
)
"""Overrides of the multirun itself."""

_REPORT = f"++hydra.callbacks.hyperherd._target_={reporting.Report.__module__}.{reporting.Report.__name__}"


@dataclass(frozen=True)
class Application:
    """How it was started: ``command`` without overrides, ``hydra`` the user's overrides of Hydra itself, ``script`` the
    one that will start its jobs in ``folder``.
    """

    command: tuple[str, ...]
    hydra: tuple[str, ...]
    script: Path
    folder: Path


@dataclass(frozen=True)
class Job:
    """One job; ``overrides`` are those of the application, ``folder`` is where its output goes."""

    number: int
    overrides: Sequence[str]
    folder: Path


@dataclass(frozen=True)
class Asked:
    """The launcher's own options."""

    on: str
    compute: str
    slurm: Mapping[str, Any]
    max_concurrent: int | None
    requeue: bool


@dataclass(frozen=True)
class Sweep:
    """What was submitted: ``trials`` are the indices of the jobs, in their order."""

    script: Path
    run: Run
    trials: Sequence[int]


@dataclass(frozen=True)
class Ended:
    """How a job ended, and the value that its function returned, None where it returned none that can be kept."""

    completed: bool
    reason: str
    value: Any


def application(config: DictConfig) -> Application:
    """Of this process, in a multirun."""
    here = Path(config.hydra.runtime.cwd)
    sweep = here / str(config.hydra.sweep.dir)
    return Application(
        command=(sys.executable, *_program(), *_flags()),
        hydra=tuple(word for word in config.hydra.overrides.hydra if not word.lstrip("+~").startswith(_OURS)),
        script=sweep / f"{config.hydra.job.name}.sh",
        folder=here,
    )


def _program() -> tuple[str, ...]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name:
        return ("-m", spec.name.removesuffix(".__main__"))
    return (str(Path(sys.argv[0]).absolute()),)


def _flags() -> list[str]:
    """The flags of Hydra's that say which configuration it is."""
    given, _ = get_args_parser().parse_known_args(sys.argv[1:])
    named = {
        "--config-path": given.config_path,
        "--config-name": given.config_name,
        "--config-dir": given.config_dir,
    }
    return [word for flag, value in named.items() if value for word in (flag, value)]


def job(loader: ConfigLoader, config: DictConfig, overrides: list[str], number: int) -> Job:
    """The job with this number. Its folder is ``hydra.sweep.subdir`` in ``hydra.sweep.dir``."""
    raw = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    subdir = raw.get("subdir") if isinstance(raw, dict) else None
    if subdir == "${hydra.job.num}":
        name = str(number)
    else:
        whole = loader.load_sweep_config(config, overrides)
        with open_dict(whole):
            whole.hydra.job.id, whole.hydra.job.num = str(number), number
        name = str(whole.hydra.sweep.subdir)
    return Job(number, overrides, Path(config.hydra.runtime.cwd) / str(config.hydra.sweep.dir) / name)


def submit(app: Application, jobs: Sequence[Job], asked: Asked, say: Callable[[str], None]) -> Sweep:
    """Hand them over as one array. Raises `HerdError`."""
    faults = sbatch.faults(asked.slurm, "hydra.launcher.slurm")
    if faults:
        raise HerdError("\n".join(map(str, faults)))
    app.script.parent.mkdir(parents=True, exist_ok=True)
    text = f"#!/bin/bash\n# Written by hydra/launcher=hyperherd.\n{' '.join(map(quote, app.command))} {{overrides}}\n"
    fsio.replace(app.script, text.encode("utf-8", "surrogateescape"), 0o755)
    script = scripts.load(app.script, app.folder)
    workspace = folder.of_script(app.script)
    described = [_described(app, one) for one in jobs]
    wanted = multirun.add(workspace, script, described)
    request = launch.Request(
        Wish(asked.on, asked.compute, asked.slurm),
        Choice(hashes=wanted.hashes),
        asked.max_concurrent,
        requeue=asked.requeue,
    )
    run = Run(workspace, wanted.description, places.launchers(), request)
    prepared, made = launch.execute(run, lambda _: None)
    for line in summary.submitted(made):
        say(line)
    refused = [one for one in made if one.refused]
    if refused:
        raise HerdError(f"not submitted: {refused[0].refused}", hint=f"herd run {quote(str(app.script))}")
    index = {trial.hash: trial.index for trial in prepared.plan.trials}
    return Sweep(app.script, run, [index[one.hash] for one in described])


def _described(app: Application, job: Job) -> Described:
    """Two jobs with the same overrides are two jobs: the number tells them apart."""
    sweep = str(app.script.parent)
    own = [f"hydra.run.dir={write(str(job.folder))}", f"hydra.sweep.dir={write(sweep)}"]
    own += [f"hydra.job.num={job.number}", f"hydra.job.id={job.number}", _REPORT]
    params = {one.name: one.value for row in product.read(job.overrides).combinations() for one in row}
    extras = {"hydra.job.num": job.number}
    return Described(
        trial_hash(params, extras), params, extras, typed=Typed((*job.overrides, *app.hydra, *own))
    )


def wait(sweep: Sweep, jobs: Sequence[Job]) -> list[Ended]:
    """How each has ended. Ctrl-C leaves them going."""
    known = waiting.until_ended(
        sweep.run.workspace, sweep.run.launchers, sweep.trials, lambda _: None, _pause_s(sweep)
    )
    return [_ended(sweep, known.facts[index], job) for index, job in zip(sweep.trials, jobs, strict=True)]


def _pause_s(sweep: Sweep) -> float:
    kind = places.kind(sweep.run.request.wish.on) or ("slurm" if "slurm" in sweep.run.launchers else "local")
    return waiting.pause_s(kind)


def _ended(sweep: Sweep, fact: reconcile.Fact, job: Job) -> Ended:
    metrics = results.finals(sweep.run.workspace.results, fact.trial.index)
    reason = (
        f"job #{job.number} is {fact.status} ({fact.reason}): herd tail {sweep.script} {fact.trial.index}"
    )
    return Ended(fact.status is Status.COMPLETED, reason, metrics.get(reporting.METRIC))
