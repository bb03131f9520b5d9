"""A workspace: the folder of a ``hyperherd.yaml``, or of a sweep over a script, and where everything in it lies."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import registers
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.errors import HerdError, WorkspaceError, nearest
from hyperherd.jobs import Batch, Files
from hyperherd.workspace import layout


@dataclass(frozen=True)
class Workspace:
    """``root`` is absolute, and as the user wrote it (symbolic links are kept: a node may see the link only).

    ``apart`` is where its state is kept instead of in ``root``: a drill's trials never mix with the real ones.
    """

    root: Path
    apart: Path | None = None

    @property
    def config(self) -> Path:
        return self.root / layout.CONFIG

    @property
    def script(self) -> Path | None:
        """The script that its trials run with their overrides (``herd multirun``); None where a YAML describes them."""
        if self.root.suffix != layout.OF_A_SCRIPT or self.config.is_file():
            return None
        return self.root.with_suffix("")

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def state(self) -> Path:
        return self.apart or self.root / layout.STATE_FOLDER

    @property
    def drills(self) -> list[Workspace]:
        """One for each run of a drill that goes on, or was killed before it could clear up."""
        folders = (self.state / layout.DRILL).glob("*/*")
        # A point is in the names of those that are being deleted.
        return [replace(self, apart=one) for one in sorted(folders) if one.is_dir() and "." not in one.name]

    @property
    def mode(self) -> int:
        """Of files that hold what the user has written: who may not read that may not read them."""
        for source in filter(None, (self.config, self.script)):
            with contextlib.suppress(OSError):
                return 0o600 | (source.stat().st_mode & 0o044)
        return 0o600

    @property
    def manifest(self) -> Path:
        return self.state / layout.MANIFEST

    @property
    def job_ids(self) -> Path:
        return self.state / layout.JOB_IDS

    @property
    def format(self) -> Path:
        return self.state / layout.FORMAT

    @property
    def ended(self) -> Path:
        return self.state / layout.ENDED

    @property
    def lock(self) -> Path:
        return self.state / layout.LOCK

    @property
    def newest_script(self) -> Path:
        return self.state / layout.NEWEST_SCRIPT

    @property
    def logs(self) -> Path:
        return self.state / layout.LOGS

    @property
    def results(self) -> Path:
        return self.state / layout.RESULTS

    def outputs(self, name: str) -> Path:
        """A place for what the trial of this name makes; herd does not make it."""
        return self.root / layout.OUTPUTS / name

    def stdout(self, unit: Unit) -> Path:
        return self.logs / f"{unit.log}.out"

    def stderr(self, unit: Unit) -> Path:
        return self.logs / f"{unit.log}.err"

    def slurm_log(self, unit: Unit, job: str) -> Path:
        """Slurm's own log of the array element ``<array id>_<array index>``."""
        own = self.logs / str(unit.trial) / layout.OF_SLURM / f"{job}.log"
        return own if unit.task is not None and own.exists() else self.logs / layout.OF_SLURM / f"{job}.log"

    def first_unused(self) -> int:
        """The lowest index above those of all logs and results that lie here."""
        names = (
            path.name for folder in (self.logs, self.results) if folder.is_dir() for path in folder.iterdir()
        )
        return max((int(found[0]) + 1 for name in names if (found := re.match(r"[0-9]+", name))), default=0)

    def newest_generation(self) -> str:
        """The name of the newest life of its state folder; "" where that is of version 1."""
        lives = self.state.glob(f"{layout.GENERATION}*")
        newest = max(lives, key=lambda one: one.stat().st_mtime, default=None)
        return newest.name.removeprefix(layout.GENERATION) if newest else ""

    def generation(self, name: str) -> Path:
        """The folder of what nodes write while the state folder has this life; of none, that of version 1."""
        return self.state / f"{layout.GENERATION}{name}" if name else self.state

    def files(self, token: str) -> Files:
        """Where the submission ``token`` keeps its files."""
        generation = registers.generation_of(token)
        place = self.generation(generation)
        return Files(
            script=self.state / layout.JOBS / f"{token}.sbatch",
            register=place / layout.SUBMISSIONS / f"{token}.state",
            attempts=AttemptFolder(place / layout.ATTEMPTS, flat=not generation),
            logs=self.logs,
            env_file=self.env_file,
        )

    def make_folders(self) -> None:
        """Create the folders that every sweep has. Raises `WorkspaceError` where that cannot be."""
        self._make(*(self.state / name for name in (layout.JOBS, layout.RESULTS, layout.SLURM_LOGS)))

    def make_folders_of(self, batch: Batch, *, to_stay: bool = True) -> None:
        """Create those that a submission needs besides; a state folder that is ``to_stay`` is kept out of git. Raises
        `WorkspaceError` where that cannot be.
        """
        files, units = batch.files, [element.unit for element in batch.elements]
        logs = dict.fromkeys((files.logs / unit.log).parent for unit in units)
        blocks = dict.fromkeys(map(files.attempts.block, units))
        self._make(*blocks, *logs, files.register.parent, files.logs / layout.OF_SLURM, ignored=to_stay)

    def _make(self, *folders: Path, ignored: bool = False) -> None:
        try:
            for folder in folders:
                fsio.make_folders(folder)
            if ignored:
                with contextlib.suppress(FileExistsError), (self.state / layout.GIT_IGNORE).open("x") as file:
                    file.write("*\n")
        except OSError as error:
            raise WorkspaceError(
                f"the workspace cannot be written: {error.strerror}",
                where=str(self.state),
                hint="herd keeps its state beside hyperherd.yaml; choose a folder that you can write, with space left",
            ) from error


def of_script(script: Path) -> Workspace:
    """The workspace of a script's sweep, which may not be there yet: ``job.sh.herd`` beside ``job.sh``."""
    return Workspace(absolute(script.with_name(script.name + layout.OF_A_SCRIPT)))


def find(start: Path | None) -> Workspace:
    """The workspace at ``start`` (a folder, its ``hyperherd.yaml``, or a script); with None the nearest from here
    upwards.

    Raises `HerdError` where there is none.
    """
    if start is not None:
        folder = start.parent if start.name == layout.CONFIG and not start.is_dir() else start
        if is_workspace(folder):
            return Workspace(absolute(folder))
        if folder.is_file():
            return _of_script_that_ran(folder)
        if not folder.exists():
            raise _missing(folder)
        raise HerdError(
            f"no {layout.CONFIG} in {folder}",
            hint=_misspelt(folder)
            or f"name a folder that holds one, or make it: herd init {shlex.quote(str(folder))}",
        )
    here = absolute(Path("."))
    for folder in (here, *here.parents):
        if is_workspace(folder):
            return Workspace(folder)
    raise HerdError(
        f"no {layout.CONFIG} in {here} or any folder above it",
        hint=_misspelt(here)
        or "go to a workspace, name one (herd COMMAND FOLDER), or make one here: herd init",
    )


def _missing(path: Path) -> HerdError:
    """For what is not there at all, with what may have been meant; a name with an ending is a script's."""
    where = absolute(path)
    # With a .. behind a link, the path as it reads may be there though the one that was typed is not.
    first = next((part for part in reversed(where.parents) if not part.exists()), where)
    try:
        near = nearest(first.name, os.listdir(first.parent), likeness=0.7)
    except OSError:  # a file, or a folder that may be entered and not read
        near = ""
    make = f"name a folder that holds a {layout.CONFIG}, or make it: herd init {shlex.quote(str(path))}"
    script = f"name a script that is there; in {first.parent} there is no {first.name}"
    return HerdError(f"there is no {where}", hint=near or (script if path.suffix else make))


def _of_script_that_ran(script: Path) -> Workspace:
    found = of_script(script)
    if not is_workspace(found.root):
        raise HerdError(
            f"{script} is neither a workspace nor a script that has been run by herd",
            hint=f"to run it: herd multirun {shlex.quote(str(script))} KEY=SWEEP ...",
        )
    return found


def _misspelt(folder: Path) -> str:
    """A hint for a folder whose YAML has the other ending; empty where there is none."""
    other = Path(layout.CONFIG).with_suffix(".yml")
    there = os.path.isfile(folder / other)  # no error where the folder may not be entered
    return f"there is a {other}: did you mean {layout.CONFIG}?" if there else ""


def is_workspace(folder: Path) -> bool:
    """Whether the folder holds a ``hyperherd.yaml``, or the state of a script's sweep.

    Raises `WorkspaceError` where that may not be seen.
    """
    try:
        if (folder / layout.CONFIG).is_file():
            return True
        return absolute(folder).suffix == layout.OF_A_SCRIPT and (folder / layout.STATE_FOLDER).is_dir()
    except OSError as error:
        raise WorkspaceError(
            f"cannot be entered: {error.strerror}", where=str(folder), hint=f"see `ls -ld {folder}`"
        ) from error


def absolute(path: Path) -> Path:
    """Absolute without resolving links; the shell's own idea of the current folder is kept. Raises `WorkspaceError`."""
    logical = os.environ.get("PWD", "")
    if os.path.isabs(logical) and os.path.exists(logical) and os.path.samefile(logical, "."):
        return Path(os.path.normpath(os.path.join(logical, path)))
    try:
        return Path(os.path.abspath(path))
    except FileNotFoundError as error:
        raise WorkspaceError(
            "the current folder is gone: somebody has deleted it", hint="cd somewhere else"
        ) from error
