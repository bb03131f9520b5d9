"""A multirun as a sweep over a script: a job for each set of overrides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperherd.bash.quoting import quote
from hyperherd.engine import facts, launchers_here, script_sources, scripts
from hyperherd.engine import sweep as engine
from hyperherd.engine.launch import Made, Prepared
from hyperherd.engine.pieces import Run, RunRequest
from hyperherd.engine.placing import Wish
from hyperherd.errors import Fault, HerdError, nearest
from hyperherd.grammar import product
from hyperherd.grammar.values import write
from hyperherd.hydra import reporting
from hyperherd.hydra.application import Application
from hyperherd.hydra.folders import Output
from hyperherd.jobs import Request
from hyperherd.launcherfinder import presets
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launchers import shipped
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Status, Typed
from hyperherd.views import summary
from hyperherd.workspace import folder, results, submissions

_REPORT = f"++hydra.callbacks.hyperherd._target_={reporting.Report.__module__}.{reporting.Report.__name__}"

LONGEST = 255
"""Bytes of a folder's name: file systems take no longer ones."""


@dataclass(frozen=True)
class Job:
    """One job; ``overrides`` are those of the application."""

    number: int
    overrides: Sequence[str]
    output: Output


_EXPECTED: Mapping[str, tuple[tuple[type, ...], str]] = {
    "place": ((str,), "local, slurm or auto"),
    "compute": ((str,), "the name of a preset"),
    "slurm": ((Mapping, type(None)), "options of sbatch by name"),
    "max_concurrent": ((int, type(None)), "a number or null"),
    "requeue": ((bool, type(None)), "true, false or null"),
    "wait": ((bool, type(None)), "true, false or null"),
}


def _fault(name: str, value: Any) -> str:
    """What is wrong with an option of the launcher, if anything."""
    if name not in _EXPECTED:
        return f"hydra.launcher.{name}: no such option; {nearest(name, _EXPECTED) or ', '.join(_EXPECTED)}"
    types, expected = _EXPECTED[name]
    right = isinstance(value, types) and not (isinstance(value, bool) and bool not in types)
    return "" if right else f"hydra.launcher.{name}={value}: {expected} expected"


def _plain(slurm: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is null; numbers that are no whole ones as text, which sbatch judges."""
    values = {name: value for name, value in slurm.items() if value is not None}
    return {name: str(value) if isinstance(value, float) else value for name, value in values.items()}


@dataclass(frozen=True)
class Asked:
    """The launcher's own options."""

    place: str
    compute: str
    slurm: Mapping[str, Any]
    max_concurrent: int | None
    requeue: bool | None
    wait: bool | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Asked:
        """What the configuration has. Raises `HerdError` for names and types."""
        faults = [fault for name, value in given.items() if (fault := _fault(name, value))]
        if faults:
            raise HerdError("\n".join(faults))
        return cls(**{**given, "slurm": _plain(given["slurm"] or {})})

    def check(self) -> None:
        """Raises `HerdError` for what can be known to be wrong."""
        launchers_here.kind(self.place)
        # The job's name is the script's own, unlike that of a sweep with a YAML.
        native = shipped.native()
        named = {name: value for name, value in self.slurm.items() if name != native.job_name}
        told = [(name, native.fault(name, value)) for name, value in named.items()]
        faults = [Fault(f"hydra.launcher.slurm.{name}", *fault) for name, fault in told if fault]
        if faults:
            raise HerdError("\n".join(map(str, faults)))
        if self.max_concurrent is not None and self.max_concurrent < 1:
            raise HerdError(
                f"hydra.launcher.max_concurrent={self.max_concurrent}: at least 1 expected",
                hint="null, or leave it out: as many at once as there is room for",
            )


@dataclass(frozen=True)
class Submitted:
    """What was submitted: ``trials`` are the indices of the jobs, in their order."""

    sweep: engine.Sweep
    run: Run
    trials: Sequence[int]

    @property
    def script(self) -> str:
        """As a word of a command line."""
        return quote(str(self.run.launch_script))


@dataclass(frozen=True)
class Ended:
    """How a job ended, and the value that its function returned, None where it returned none that can be kept."""

    completed: bool
    reason: str
    value: Any
    exit_code: int | None


def submit(app: Application, jobs: Sequence[Job], asked: Asked, say: Callable[[str], None]) -> Submitted:
    """Hand them over as one array. Raises `HerdError`."""
    asked.check()
    _check_folders([job.output for job in jobs], say)
    described = [_described(app, job) for job in jobs]
    sweep = engine.Sweep(folder.of_script(app.script))
    place, request = _place(app, asked)
    _check_place(place, request)
    app.write_script(request)
    script = scripts.load(app.script, scripts.Call(app.folder))
    wanted = RunRequest(Wish(place), at_once=asked.max_concurrent, requeue=asked.requeue)
    source = script_sources.JobsSource(script, described)
    run = sweep.asked(sweep.describe(source=source), wanted)
    prepared, made = sweep.carry_out(run, lambda prepared: _announce(prepared, say))
    index = {trial.hash: trial.index for trial in prepared.plan.trials}
    submitted = Submitted(sweep, run, [index[one.hash] for one in described])
    _told(submitted, made, say)
    return submitted


def _place(app: Application, asked: Asked) -> tuple[str, Request]:
    """Where jobs go, as ``--on`` has it, and what each asks for, which stands in the script, for whoever submits again.
    A preset may lie with the application. Raises `HerdError`.
    """
    if not asked.compute:
        return asked.place, shipped.native().request(asked.slurm)
    host = presets.load(asked.compute, Sources(app.folder)).host
    options = shipped.native().merged(host.request.native, asked.slurm)
    place = host.launcher if asked.place == "auto" else asked.place
    return place, shipped.native().request(options)


def _check_place(place: str, asked: Request) -> None:
    """Raises `HerdError` where this machine would run a job of several processes."""
    if (asked.tasks or 1) > 1 and not shipped.traits(
        launchers_here.kind(place) or launchers_here.names()[0]
    ).elsewhere:
        counts = shipped.native().of_tasks(asked.native)
        named = ", ".join(f"hydra.launcher.slurm.{name}={count}" for name, count in counts.items())
        raise HerdError(
            f"{named}: each job is several processes, which srun starts, and on this machine a job is one",
            hint="run it on Slurm, or leave these options out here",
        )


def _check_folders(outputs: Sequence[Output], say: Callable[[str], None]) -> None:
    """Raises `HerdError` for names that no file system takes; tells of jobs that will write over each other's files."""
    for output in outputs:
        if any(len(part.encode()) > LONGEST for part in output.folder.parts):
            raise HerdError(
                f"the name of an output folder has more than {LONGEST} bytes: {output.subdir}",
                hint="hydra.sweep.subdir='${hydra.job.num}', or hydra.job.config.override_dirname.exclude_keys",
            )
    usual, count = Counter(str(output.folder) for output in outputs).most_common(1)[0]
    if count > 1:
        say(f"{count} jobs have the same output folder, {usual}: hydra.sweep.subdir tells them apart")


def _described(app: Application, job: Job) -> Described:
    """Two jobs with the same overrides are two jobs: the number tells them apart."""
    output = job.output
    own = [f"hydra.run.dir={write(str(output.folder))}", f"hydra.sweep.dir={write(str(output.sweep))}"]
    own += [f"hydra.sweep.subdir={write(output.subdir)}", "hydra.mode=RUN"]
    own += [f"hydra.job.num={job.number}", f"hydra.job.id={job.number}", _REPORT]
    params = script_sources.parameters(next(product.read(job.overrides).combinations()))
    extras = {"hydra.job.num": job.number}
    return Described(
        trial_hash(params, extras), params, extras, typed=Typed((*job.overrides, *app.hydra, *own))
    )


def _announce(prepared: Prepared, say: Callable[[str], None]) -> None:
    if not prepared.pieces:
        say(
            "Nothing to submit: these jobs have completed, or are on their way; another hydra.sweep.dir runs them anew"
        )
    for line in (*filter(None, summary.placed(prepared.pieces)), *prepared.known.warnings):
        say(line)
    for finding in prepared.findings:
        say(f"note: {finding.what}\n  {finding.hint}")


def _told(submitted: Submitted, made: Sequence[Made], say: Callable[[str], None]) -> None:
    """Raises `HerdError` for what Slurm did not take."""
    for line in summary.submitted([one for one in made if not one.refused]):
        say(line)
    refused = [one for one in made if one.refused]
    if refused:
        count = sum(len(one.record.trials) for one in refused)
        raise HerdError(
            f"{count} of {len(submitted.trials)} jobs not submitted: {refused[0].refused}",
            hint=f"when that is mended: herd run {submitted.script}",
        )


def wait(submitted: Submitted, jobs: Sequence[Job]) -> list[Ended]:
    """How each has ended. Ctrl-C leaves them going."""
    workspace = submitted.sweep.workspace
    known = submitted.sweep.wait(submitted.trials, submissions.read(workspace))
    gone = [index for index in submitted.trials if index not in known.facts]
    if gone:
        what = f"{len(gone)} jobs are known no longer: somebody has deleted {workspace.state} or its manifest"
        raise HerdError(what)
    return [
        _ended(submitted, known.facts[index], job) for index, job in zip(submitted.trials, jobs, strict=True)
    ]


def _ended(submitted: Submitted, fact: facts.Fact, job: Job) -> Ended:
    metrics = results.finals(submitted.sweep.workspace.results, fact.trial.index)
    why = f" ({fact.reason})" if fact.reason else ""
    reason = f"job #{job.number}: {fact.status}{why}; see herd tail {submitted.script} {fact.trial.index}"
    exit_code = fact.outcome.exit_code if fact.outcome else None
    return Ended(fact.status is Status.COMPLETED, reason, metrics.get(reporting.METRIC), exit_code)
