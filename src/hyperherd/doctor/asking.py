"""``herd doctor``: a launch script's training is looked for here and, by a short job like the sweep's, on a node.

The launch script runs up to its training, in whose place `hyperherd.doctor.probe` looks. Its files lie in a folder of
their own below ``.hyperherd/``, which is gone afterwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd import fsio, installation, units
from hyperherd.attempts import registers, variables
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.bash import training
from hyperherd.bash.training import Training
from hyperherd.connectors.local import LocalConnector
from hyperherd.doctor import diagnosis, probe
from hyperherd.doctor.diagnosis import Case, Diagnosis
from hyperherd.doctor.probe import Seen
from hyperherd.engine import preflight, submitted_task, submitting
from hyperherd.engine.batches import Maker
from hyperherd.engine.describe import Description
from hyperherd.engine.placing import Place, Placer, Wish
from hyperherd.engine.submitted_task import INDEX, SubmittedTask
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import (
    CommandTimeoutError,
    HerdError,
    LauncherError,
    SchedulerSilentError,
    ScriptError,
)
from hyperherd.jobs import Batch, Files, Request
from hyperherd.launchers import shipped
from hyperherd.launchers.node.script import script
from hyperherd.sweep.trial import Trial, Typed
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace

HERE_S = 120.0
"""As long as the probe may take here: what stands before the training runs as well."""

LONGEST = 128 * 1024 - 1
"""Bytes of one argument (man 2 execve, MAX_ARG_STRLEN): the probe of a launch script is one."""

SHORT_S = 60.0
JOB_NAME = "hyperherd_doctor"


@dataclass(frozen=True)
class Question:
    """Whose launch script is looked at, who could run it, and what the user typed about that."""

    sweep: Sweep
    description: Description
    wish: Wish
    timeout_s: float

    @property
    def launch(self) -> Path:
        """The launch script, or the script of a multirun."""
        return self.workspace.root / self.description.spec.launcher

    @property
    def workspace(self) -> Workspace:
        return self.sweep.workspace


@dataclass(frozen=True)
class Plan:
    """What is going to be looked at, and where."""

    training: Training
    trial: Trial
    place: Place

    @property
    def command(self) -> str:
        """The training's command as it stands in the script; "" where no single one can be told."""
        return " ".join((*self.training.words, *self.training.arguments))

    @property
    def on_a_node(self) -> bool:
        return self.place.launcher.traits.elsewhere

    @property
    def asks_for_gpus(self) -> bool:
        return bool(self.place.request.gpus)


def plan(question: Question) -> Plan:
    """Find the training and the first trial's place. Raises `HerdError` for what would stop each `herd run` as well."""
    preflight.raise_fatal(preflight.check_files(question.workspace, question.launch, writing=True))
    _check_syntax(question)
    text = question.launch.read_bytes().decode("utf-8", "surrogateescape")
    trial = _first_trial(question)
    placer = Placer(question.workspace, question.description.spec, question.sweep.launchers, question.wish)
    place, _ = placer.groups([trial], question.description.trials)[0]
    return Plan(training.find(text), trial, place)


def examine(question: Question, planned: Plan) -> Diagnosis:
    """Look here, then on a node where Slurm would run the trials, and compare.

    Raises `ScriptError`, `PreflightError`, `SubmissionRefusedError`, `SubmissionUnknownError`, `SchedulerSilentError`;
    whatever is raised, no job of it goes on.
    """
    case = Case(
        planned.training, question.launch.name, planned.asks_for_gpus, herd_source=installation.source()
    )
    with _folder(question.workspace) as folder:
        here = _here(question, planned, folder / "here")
        node = _on_a_node(question, planned, folder / "node") if planned.on_a_node else None
    return diagnosis.diagnose(case, here, node)


def _check_syntax(question: Question) -> None:
    """Raise `ScriptError` in bash's words where it cannot read the launch script at all."""
    if question.description.script:
        return
    done = LocalConnector.instance().run(["bash", "-n", str(question.launch)], timeout_s=HERE_S)
    if done.code:
        said = done.stderr.strip() or f"exit {done.code}"
        raise ScriptError(f"bash cannot read it:\n{said}", where=str(question.launch), hint="mend that line")


def _first_trial(question: Question) -> Trial:
    if not question.description.script:
        known = [one.trial for one in question.sweep.listed(question.description)]
        if not known:
            raise HerdError("the sweep describes no trial", hint="its conditions exclude all: herd ls")
        return known[0]
    return Trial(0, "", question.description.spec.name, {}, {}, typed=Typed(()))


def _here(question: Question, planned: Plan, folder: Path) -> Seen:
    mark, batch = _batch(question, planned, folder, outside=True)
    env = {**os.environ, variables.NUMBER: str(INDEX)}
    _write(batch, script(batch, shipped.by_hand("doctor")))
    argv = ["bash", str(batch.files.script)]
    try:
        done = LocalConnector.instance().run(argv, timeout_s=HERE_S, env=env)
    except CommandTimeoutError:
        return replace(_read(batch, mark, "here", None), ended=f"not done after {HERE_S:g} s", late=True)
    return _read(batch, mark, "here", done.code, done.stderr)


def _on_a_node(question: Question, planned: Plan, folder: Path) -> Seen:
    launcher = planned.place.launcher
    mark, batch = _batch(question, planned, folder, outside=False)
    batch = replace(batch, request=_short(planned.place.request, question.wish))
    preflight.raise_fatal(preflight.check(question.workspace, batch, launcher))
    _write(batch, launcher.script(batch))
    try:
        task = submitted_task.submit(JOB_NAME, launcher, batch)
        late = _wait(task, question.timeout_s)
        verdict = None if late else task.verdict()
    except BaseException:
        if refused := submitting.give_up(launcher, submitted_task.job(launcher, batch)):
            what = f"the job could not be cancelled: {refused[INDEX]}"
            raise LauncherError(what, hint=f"scancel --name={JOB_NAME}") from None
        raise
    seen = _read(batch, mark, "", verdict.exit_code if verdict else None)
    seen = replace(seen, place=seen.fact("node") or seen.fact("begun") or "a node")
    if verdict is None:
        return replace(seen, ended=late, late=True)
    return replace(seen, ended=f"{verdict.status}, {verdict.reason}".rstrip(", "))


def _write(batch: Batch, text: str) -> None:
    fsio.replace(batch.files.script, text.encode("utf-8", "surrogateescape"), 0o600)


def _wait(task: SubmittedTask, timeout_s: float) -> str:
    """Wait for the job's end; what was not to be waited for is cancelled, and said."""
    try:
        submitted_task.until_ended([task], timeout_s)
    except TimeoutError:
        late = f"{_state(task)} after {units.duration(timeout_s)}"
        task.cancel()
        return late
    return ""


def _state(task: SubmittedTask) -> str:
    try:
        verdict = task.verdict()
    except SchedulerSilentError:
        return "not ended"
    return f"{verdict.status} ({verdict.reason})" if verdict.reason else str(verdict.status)


def _batch(question: Question, planned: Plan, folder: Path, *, outside: bool) -> tuple[str, Batch]:
    """A batch of one element, as the trial's would be, but for what it runs; with the mark of its answer."""
    token = registers.new_token()
    files = Files(
        script=folder / f"{token}.sbatch",
        register=folder / f"{token}.state",
        attempts=AttemptFolder(folder / layout.ATTEMPTS),
        logs=folder / layout.LOGS,
        env_file=question.workspace.env_file,
    )
    folder.mkdir(parents=True, exist_ok=True)
    of_script = question.description.script
    mark = f"@{token}"
    text = probe.text(planned.training, None if of_script else question.launch, mark, outside=outside)
    launch, content = folder / "doctor.sh", text.encode("utf-8", "surrogateescape")
    if not of_script and len(content) > LONGEST:
        raise ScriptError(
            f"it is too long to be looked at ({len(content)} bytes, {LONGEST} at most)",
            where=str(question.launch),
            hint="put what it carries into a file of its own",
        )
    fsio.replace(launch, content, 0o600)
    maker = Maker(question.workspace, question.description, str(folder / layout.RESULTS))
    batch = maker.batch(files, [(planned.trial, planned.trial.units[0])], {})
    batch = replace(
        batch,
        name=JOB_NAME,
        launch=launch,
        elements=tuple(replace(element, number=INDEX, unit=Unit(INDEX)) for element in batch.elements),
        inline=replace(of_script.inline, parts=(text,), requeues=False) if of_script else None,
    )
    question.workspace.make_folders_of(batch, to_stay=False)
    return mark, batch


def _short(asked: Request, wish: Wish) -> Request:
    """The sweep's request for a job that looks and ends; a time that was typed is kept."""
    native = shipped.native()
    brief = native.brief(asked)
    return brief if native.request(wish.options).time_s else replace(brief, time_s=SHORT_S)


def _read(batch: Batch, mark: str, place: str, code: int | None, stderr: str = "") -> Seen:
    """What the probe told; ``code`` is how its job ended, for where it has not told how the training's Python did, and
    ``stderr`` the script's own.
    """
    logs = batch.files.logs
    facts, python = probe.read(_text(logs / f"{INDEX}.out"), mark)
    said = (
        _text(logs / f"{INDEX}.err")
        or "".join(map(_text, sorted((logs / layout.OF_SLURM).glob("*.log"))))
        or stderr
    )
    lines = [
        line.strip() for line in said.splitlines() if line.strip() and not line.startswith("==== hyperherd")
    ]
    told = facts.get("exit", ("",))[-1]
    return Seen(place, facts, python, int(told) if told else code, lines[-1] if lines else "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@contextmanager
def _folder(workspace: Workspace) -> Iterator[Path]:
    """A folder of its own, gone afterwards with those above it that were not there before."""
    folder = workspace.state / "doctor" / registers.new_token()
    made = [path for path in folder.parents if not path.exists()]
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for path in made:
            _remove_if_empty(path)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # somebody else works in it
