"""What would go wrong with a run, found before anything is written or submitted. Each finding says what to do."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperherd import units
from hyperherd.errors import PreflightError
from hyperherd.jobs import Batch, Forecast
from hyperherd.launchers.base import Launcher
from hyperherd.workspace.folder import Workspace

FILES_PER_TRIAL = 5
"""A claim, a note, two logs and a result: what one attempt leaves on the disk (Slurm's own log and metrics streams
come on top).
"""

BYTES_PER_TRIAL = 24 * 1024
"""Six small files, each of which takes a block of 4 KiB on most file systems."""

NODE_LOCAL = {"tmpfs", "ramfs", "devtmpfs"}
PYTHON_COMMAND = re.compile(r"(?:^|[\s;&|(])(python3?)(?=\s)", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """One thing. A fatal one stops the run; the others are said once and the run goes on."""

    what: str
    hint: str
    fatal: bool = False


def check_files(workspace: Workspace, launch: Path, *, writing: bool) -> list[Finding]:
    """What can be known from the user's two files (or the one script) and their folder, before a plan is made.

    That the folder cannot be written is fatal only to what is ``writing``.
    """
    found = [*_named(launch), *_launch_script(launch), *_interpreter(launch), *_writable(workspace, writing)]
    return found if workspace.script else [*found, *_not_executable(launch)]


def check(workspace: Workspace, batch: Batch, launcher: Launcher, grown: str = "") -> list[Finding]:
    """What can be known before submitting ``batch`` (all the trials of a run, not yet split), which asks for more than
    the YAML says where it has ``grown``.
    """
    bound = f"; or bound what `requeue` asks for now, {grown}: max_time, max_mem" if grown else ""
    return [
        *_seen_by_nodes(workspace, launcher),
        *_told_in_time(batch),
        *(Finding(what, f"{hint}{bound}", fatal=True) for what, hint in launcher.check(batch).items()),
    ]


def foresee(batches: Sequence[tuple[Batch, Launcher]], between: Callable[[], None]) -> list[Forecast]:
    """What each launcher expects of its batch: one question for each different request, ``between`` after it."""
    answers: dict[object, Forecast] = {}
    requests = []
    for batch, launcher in batches:
        asked = map(repr, (batch.request, batch.after, batch.requeue))
        requests.append((launcher.name, *asked))
        if requests[-1] not in answers:
            answers[requests[-1]] = launcher.foresee(batch)
            between()
    return [answers[request] for request in requests]


def foreseen(forecasts: Iterable[Forecast]) -> list[Finding]:
    """What was said of batches before they were submitted, each thing once."""
    refused = [Finding(one.refused, one.hint, fatal=True) for one in forecasts if one.refused]
    unsure = [Finding(one.unsure, one.hint) for one in forecasts if one.unsure]
    return list(dict.fromkeys([*refused, *unsure]))


def _told_in_time(batch: Batch) -> Iterator[Finding]:
    time_s, requeue = batch.request.time_s, batch.requeue
    if requeue and requeue.warns and time_s is not None and time_s <= requeue.notice_s:
        yield Finding(
            f"requeue.signal comes {requeue.notice_s} s before the time limit, which is {units.duration(time_s)}",
            f"requeue: {{signal: {requeue.signal}@{max(int(time_s) // 2, 1)}}}, or a longer slurm.time",
            fatal=True,
        )


def check_room(workspace: Workspace, shares: Iterable[tuple[int, Launcher]]) -> list[Finding]:
    """Whether what the trials leave behind fits on the disk; ``shares`` are so many trials by that launcher."""
    counted = list(shares)
    files = sum(trials * (FILES_PER_TRIAL + launcher.traits.own_log) for trials, launcher in counted)
    return list(_room(workspace, sum(trials for trials, _ in counted), files))


def raise_fatal(findings: Iterable[Finding]) -> None:
    """Raise `PreflightError` with all fatal findings, if there is one."""
    fatal = [f"{finding.what}\n  {finding.hint}" for finding in findings if finding.fatal]
    if fatal:
        raise PreflightError("\n".join(fatal), hint="Nothing was submitted.")


def _named(path: Path) -> Iterator[Finding]:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        what = f"the name of the workspace or of the launch script is not UTF-8: {path}"
        yield Finding(what, "rename the folder (convmv turns other encodings into UTF-8)", fatal=True)


def _launch_script(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(
            f"the launch script is not there: {path}",
            "write it, or name the right file under `launcher:` in hyperherd.yaml (herd init makes one to start from)",
            fatal=True,
        )
        return
    try:
        head = path.read_bytes()[:65536]
    except OSError as error:
        yield Finding(
            f"the launch script cannot be read: {path}: {error.strerror}", "chmod u+r it", fatal=True
        )
        return
    if b"\r\n" in head:
        yield Finding(
            f"the launch script has Windows line ends, which bash takes for part of its words: {path}",
            f"sed -i 's/\\r$//' {path.name}",
            fatal=True,
        )


def _not_executable(path: Path) -> Iterator[Finding]:
    if path.is_file() and not os.access(path, os.X_OK):
        yield Finding(
            f"{path.name} is not executable; it is run with bash all the same", f"chmod +x {path.name}"
        )


def _interpreter(path: Path) -> Iterator[Finding]:
    """The launch script's ``python`` is herd's own by accident: a virtual environment's PATH leaks into the trials."""
    if sys.prefix == sys.base_prefix or not path.is_file() or not os.access(path, os.R_OK):
        return
    text = path.read_text(errors="replace")
    if re.search(r"activate|conda|module |apptainer|singularity|uv run|--container", text):
        return
    for word in PYTHON_COMMAND.findall(re.sub(r"(?m)^\s*#.*$", "", text)):
        found = shutil.which(word)
        if found and Path(found).parent == Path(sys.prefix) / "bin":
            yield Finding(
                f"`{word}` in {path.name} is herd's own interpreter, {found}, because its environment is active here",
                "if the trainer lives elsewhere, activate its environment in the launch script, or name it by its path",
            )
            return


def _writable(workspace: Workspace, fatal: bool) -> Iterator[Finding]:
    home = workspace.root.parent if workspace.script else workspace.root
    folder = next((folder for folder in (workspace.state, workspace.root) if folder.exists()), home)
    if not os.access(folder, os.W_OK | os.X_OK):
        link = f"your script: in a folder of yours, ln -s {shlex.quote(str(workspace.script))} . and run that"
        copy = "hyperherd.yaml: copy the two files to a folder of yours"
        yield Finding(
            f"the workspace cannot be written: {folder}",
            f"herd keeps its state beside {link if workspace.script else copy}",
            fatal,
        )


def _room(workspace: Workspace, trials: int, count: int) -> Iterator[Finding]:
    try:
        disk = os.statvfs(workspace.root)
    except OSError:
        return
    of = units.counted(trials, "trial")
    if disk.f_files and disk.f_favail < count:
        yield Finding(
            f"{of}: about {count:,} files, and {disk.f_favail:,} more fit on this file system",
            "free some, or put the workspace on a file system with more room (quotas count files as well)",
            fatal=True,
        )
    needed, free = trials * BYTES_PER_TRIAL, disk.f_bavail * disk.f_frsize
    if free < needed:
        yield Finding(
            f"{of}: at least {needed // 1024:,} KiB needed, and {free // 1024:,} KiB are free",
            "free some space, or put the workspace on another file system",
            fatal=True,
        )


def _seen_by_nodes(workspace: Workspace, launcher: Launcher) -> Iterator[Finding]:
    """A workspace on a file system of this machine alone. A cluster of one machine is none the worse for it."""
    if not launcher.traits.elsewhere:
        return
    kind = _file_system(workspace.root, _mounts())
    if kind in NODE_LOCAL:
        yield Finding(
            f"the workspace lies on {kind}, which other nodes do not see: {workspace.root}",
            "put it on a shared file system (home, scratch, project)",
        )


def _mounts() -> Iterable[str]:
    try:
        return Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ()


def _file_system(path: Path, mounts: Iterable[str]) -> str:
    """The type of the file system that holds ``path``, from ``/proc/mounts`` (man 5 proc); "" where unknown."""
    best, kind = "", ""
    for line in mounts:
        words = line.split()
        point = words[1].encode().decode("unicode_escape") if len(words) > 2 else ""
        if point and path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, words[2]
    return kind
