"""What two probes say together: what a launch script would find here and what on a node, and what would fail there.

Pure. Where there is no node, the probe of this machine is the one that is judged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperherd import installation
from hyperherd.bash.programs import bare
from hyperherd.bash.training import Runs, Training
from hyperherd.doctor import sees
from hyperherd.doctor.probe import Seen
from hyperherd.engine.preflight import Finding
from hyperherd.requirements.amounts import sizes_for_people

NOT_THERE = "not there"
LIMIT = "time limit"
"""In the words for how a job ended."""

MORE_TIME = "give it more time: herd doctor --slurm time=5"
MORE_PATIENCE = "wait longer (herd doctor --timeout 1h), or ask for less (--slurm)"

LITTLE_BYTES = 1 << 30
"""Less free space than this is said."""


@dataclass(frozen=True)
class Row:
    """One line of the comparison: what was seen ``here`` and on the node (None: there was none)."""

    what: str
    here: str
    node: str | None
    differs: bool


@dataclass(frozen=True)
class Case:
    """What was asked: the script as it was cut, its name, whether a job of it asks for GPUs, herd's own environment
    ("" where it has none), and what herd was installed from ("" where that is not known).
    """

    training: Training
    script: str
    gpus: bool
    herd_prefix: str = sys.prefix if sys.prefix != sys.base_prefix else ""
    herd_source: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """The rows that differ first, and what was found, what would fail first."""

    here: Seen
    node: Seen | None
    rows: Sequence[Row]
    findings: Sequence[Finding]

    @property
    def well(self) -> bool:
        """Whether nothing was found that would fail where the trials run."""
        return not any(finding.fatal for finding in self.findings)


def diagnose(case: Case, here: Seen, node: Seen | None) -> Diagnosis:
    """Compare. Only what would fail where the trials run is fatal."""
    judged = node or here
    rows = sorted(_rows(here, node), key=lambda row: not row.differs)
    broken = list(_broken(case, here, judged))
    noted = [*_cut_short(case, judged, here), *([] if broken else _other_python(case, here, judged))]
    return Diagnosis(here, node, rows, [*broken, *noted, *_noted(case, here, judged)])


def _broken(case: Case, here: Seen, seen: Seen) -> Iterator[Finding]:
    """What would make a trial fail, as far as the probe came."""
    at = _at(seen)
    if seen.late:
        yield _late(case, seen)
        return
    if "begun" not in seen.facts:
        unseen = "a node may not see the workspace: put it on a file system that the nodes share"
        hint = "the workspace may be full: df -h, df -i, and your quota" if seen.place == "here" else unseen
        yield Finding(f"the probe told nothing{at}{_with(seen)}", hint, fatal=True)
        return
    if "reached" not in seen.facts:
        line = f"run it{at} with `set -x` in it, to see which line ends it"
        yield Finding(
            f"{case.script} ends{at} before it comes to its training{_with(seen)}",
            MORE_TIME if LIMIT in seen.ended else line,
            fatal=seen.exit_code != 0 or LIMIT in seen.ended,
        )
        return
    if "writable" not in seen.facts.get("workspace", ()):
        there = "cannot be written" if seen.facts.get("workspace") else "is not there"
        yield Finding(
            f"the workspace {there}{at}",
            "put it on a file system that the nodes share and may write (scratch, project)",
            fatal=True,
        )
    if (program := _program(case, here, seen)) is not None:
        yield program
        return
    if seen.python is None and _tells(case, seen):
        yield Finding(
            f"Python did not come so far as to tell anything{at}{_with(seen)}",
            MORE_TIME if LIMIT in seen.ended else f"try there: {_shortest(case.training)}",
            fatal=True,
        )
        return
    if seen.python is not None:
        yield from _of_python(case, here, seen)
    yield from _of_gpus(case, seen)


def _late(case: Case, seen: Seen) -> Finding:
    if seen.place == "here":
        hint = f"see which line takes so long: bash -x {case.script}"
        return Finding(f"the look{_at(seen)} was {seen.ended}, and was cut short", hint, fatal=True)
    return Finding(f"the job was {seen.ended}, and is cancelled", MORE_PATIENCE, fatal=True)


def _tells(case: Case, seen: Seen) -> bool:
    """Whether a Python would have told something, had it started."""
    if _left_out(case, seen):
        return False
    by_its_first_line = case.training.runs is Runs.CONSOLE_SCRIPT and bool(seen.exit_code)
    return case.training.runs is Runs.PYTHON or by_its_first_line


def _shortest(training: Training) -> str:
    """What shows whether its Python starts."""
    if training.runs is Runs.PYTHON:
        return f"{' '.join(training.words)} -c 'print(1)'"
    return f"{' '.join((*training.words, *training.arguments[:1]))} --help"


def _program(case: Case, here: Seen, seen: Seen) -> Finding | None:
    """A program that is not there, or cannot be run."""
    name, found = seen.fact("program"), seen.fact("found")
    if not name or seen.fact("executable"):
        return None
    at, elsewhere = _at(seen), here.fact("found")
    if seen.fact("exists") or found:
        return Finding(
            f"{found or name} cannot be executed{at}",
            f"chmod +x it; where that does not help, its file system runs no programs{at} (noexec): move it",
            fatal=True,
        )
    known = f" (here it is {elsewhere})" if elsewhere and seen is not here else ""
    where = "is not there" if "/" in name else "is not on PATH"
    return Finding(
        f"{name} {where}{at}{known}",
        _make_environment(case, here) if case.training.runs is not Runs.PROGRAM else _bring(case, name),
        fatal=True,
    )


def _bring(case: Case, name: str) -> str:
    return f"in {case.script}, load its module, name it by its path, or put its folder on PATH, before {name} is called"


def _make_environment(case: Case, here: Seen) -> str:
    """How the Python that is used here is made the one of the nodes."""
    python = here.python or {}
    if not python.get("executable"):
        return f"make the environment in {case.script}: source .../bin/activate, conda activate, module load"
    executable = python["executable"]
    return (
        f"in {case.script}, write {executable}, or activate its environment there; nodes must see its folder"
    )


def _of_python(case: Case, here: Seen, seen: Seen) -> Iterator[Finding]:
    python, at = seen.python or {}, _at(seen)
    if python.get("too_old"):
        what = f"Python is {python.get('version')}{at}, too old for its packages to be looked at"
        yield Finding(what, _make_environment(case, here), fatal=True)
        return
    if python.get("file") and not python.get("file_found"):
        yield Finding(
            f"{python['file']} is not there{at}, seen from {seen.fact('reached')}",
            f'name it by its path, or begin {case.script} with: cd "$(dirname "$0")"; '
            "in a container, bind its folder",
            fatal=True,
        )
    if python.get("unreadable"):
        yield Finding(
            f"Python {python.get('version')} cannot read the trainer{at}: {python['unreadable']}",
            _make_environment(case, here) if seen is not here else "mend it, or use a newer Python",
            fatal=True,
        )
    missing = [name for name, one in _packages(seen).items() if _fails(name, one, here)]
    if missing:
        yield _missing(case, here, seen, missing)


def _fails(name: str, one: Mapping[str, Any], here: Seen) -> bool:
    """Missing, and needed: by the file itself, or as far as this machine has it."""
    if one["origin"] is not None:
        return False
    return bool(one["needed"]) or _packages(here).get(name, {"origin": None})["origin"] is not None


def _missing(case: Case, here: Seen, seen: Seen, missing: Sequence[str]) -> Finding:
    python, at = seen.python or {}, _at(seen)
    names = ", ".join(missing)
    install = installation.words(python["executable"], missing, case.herd_source)
    there = [name for name in missing if _packages(here).get(name, {"origin": None})["origin"] is not None]
    other = here.python or {}
    what = f"{python['executable']}{at} does not have {names}"
    if seen is not here and there:
        hint = (
            _make_environment(case, here)
            if other.get("executable") != python["executable"]
            else f"it is the same path as here, and another folder: use a shared one, or{at}: {install}"
        )
        return Finding(f"{what}, which {other.get('executable')} has here", hint, fatal=True)
    own = bool(case.herd_prefix) and python.get("prefix") == case.herd_prefix
    hint = (
        f"it is herd's own Python: activate the trainer's environment in {case.script}"
        if own
        else f"{install}; or activate the right environment in {case.script}"
    )
    return Finding(what, hint, fatal=True)


def _of_gpus(case: Case, seen: Seen) -> Iterator[Finding]:
    hidden = seen.fact("cuda_visible") in ("unset", "", "NoDevFiles") and not seen.fact("other_gpus")
    if case.gpus and seen.place != "here" and hidden and not seen.facts.get("gpu"):
        yield Finding(
            f"the job asks for GPUs, and none is to be seen{_at(seen)}",
            "ask the site whether its jobs get CUDA_VISIBLE_DEVICES, and whether nvidia-smi is there",
            fatal=True,
        )


def _cut_short(case: Case, seen: Seen, here: Seen) -> Iterator[Finding]:
    """What was not looked at."""
    if case.training.why:
        yield Finding(
            f"{case.script}: {case.training.why}; only what comes before it was looked at",
            "let it end in one line that starts the training, such as: python train.py $1",
        )
    elif "reached" in seen.facts and seen.python is None and not _tells(case, seen):
        yield Finding(
            f"{case.script}: which Python {bare(case.training.program)} runs, if any, cannot be told; "
            "only whether it is there was looked at",
            "name the interpreter in that line to have it looked at: python train.py $1",
        )
    if seen is not here and _left_out(case, here):
        yield Finding(
            f"{bare(case.training.program)} would ask for an allocation here, so Python was looked at"
            f"{_at(seen)} only",
            "nothing is wrong with that",
        )


def _other_python(case: Case, here: Seen, seen: Seen) -> Iterator[Finding]:
    one, other = here.python, seen.python
    if seen is not here and one and other and one.get("executable") != other.get("executable"):
        yield Finding(
            f"python is {one.get('executable')} here and {other.get('executable')}{_at(seen)}",
            f"name the one that is meant by its path in {case.script}, or activate its environment there",
        )


def _noted(case: Case, here: Seen, seen: Seen) -> Iterator[Finding]:
    """What may be meant, or may not."""
    at, other = _at(seen), seen.python
    if other and case.herd_prefix and other.get("prefix") == case.herd_prefix:
        yield Finding(
            f"the trainer's Python is herd's own{at}: {other.get('executable')}",
            "if it lives elsewhere, activate its environment in the launch script, or name it by its path",
        )
    if other and _does_without_herd(here, seen):
        yield Finding(
            f"{other['executable']}{at} does not have hyperherd, which the trainer can do without: "
            "what it would log by it does not reach herd",
            installation.words(other["executable"], [installation.IMPORTED], case.herd_source),
        )
    versions = [
        f"{name} {_version(_packages(here)[name])} here and {_version(package)}{at}"
        for name, package in _packages(seen).items()
        if seen is not here and name in _packages(here) and _differ(_packages(here)[name], package)
    ]
    if versions:
        yield Finding(
            "versions differ: " + ", ".join(versions), "use one environment, on a disk that all see"
        )
    free = seen.fact("free_kib")
    if free.isdigit() and int(free) * 1024 < LITTLE_BYTES:
        yield Finding(
            f"{sizes_for_people(int(free) * 1024)[0]} are free in the workspace{at}", "free some, or move it"
        )


def _does_without_herd(here: Seen, seen: Seen) -> bool:
    """Whether the trainer imports hyperherd only if it is there, and it is not."""
    ours = _packages(seen).get(installation.IMPORTED)
    return ours is not None and ours["origin"] is None and not _fails(installation.IMPORTED, ours, here)


def _left_out(case: Case, seen: Seen) -> bool:
    return seen.place == "here" and case.training.asks_slurm


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["version"] and other["version"] and one["version"] != other["version"])


def _packages(seen: Seen) -> Mapping[str, Mapping[str, Any]]:
    packages: Mapping[str, Mapping[str, Any]] = (seen.python or {}).get("packages", {})
    return packages


def _at(seen: Seen) -> str:
    return " on this machine" if seen.place == "here" else f" on {seen.place}"


def _with(seen: Seen) -> str:
    how = f"exit {seen.exit_code}" if seen.exit_code is not None and LIMIT not in seen.ended else seen.ended
    how = f" ({how})" if how else ""
    return f"{how}: {seen.last_words}" if seen.last_words else how


def _rows(here: Seen, node: Seen | None) -> Iterator[Row]:
    ours, theirs = _told(here), _told(node) if node else {}
    for what in [*ours, *(name for name in theirs if name not in ours)]:
        one = _or_missing(ours.get(what, ""), what, here)
        other = _or_missing(theirs.get(what, ""), what, node) if node else None
        if one or other:
            yield Row(what, one, other, node is not None and one != other)


def _or_missing(told: str, what: str, seen: Seen) -> str:
    """A package that the trainer can do without is shown where it is there on one side."""
    return NOT_THERE if not told and what in _packages(seen) else told


def _told(seen: Seen) -> dict[str, str]:
    """What is shown of a probe, by what it is; "" where it is not known."""
    python = seen.python or {}
    told = {
        "program": seen.fact("found") or (NOT_THERE if seen.fact("program") else ""),
        "python": python.get("executable", ""),
        "version": python.get("version", ""),
        "environment": python.get("prefix", ""),
    }
    if python.get("file"):
        told[python["file"]] = "found" if python.get("file_found") else NOT_THERE
    for name, package in _packages(seen).items():
        if _is_shown(name, package):
            told[name] = _version(package)
    if "hyperherd" in python:
        told.setdefault("hyperherd", "found" if python.get("hyperherd") else f"{NOT_THERE} (not needed)")
    workspace = seen.facts.get("workspace", ())
    told["workspace"] = "writable" if "writable" in workspace else "read only" if workspace else NOT_THERE
    told["folder"] = seen.fact("reached")
    told["GPUs"] = _gpus(seen) if "reached" in seen.facts else ""
    free = seen.fact("free_kib")
    told["free space"] = sizes_for_people(int(free) * 1024)[0] if free.isdigit() else ""
    told["open files"] = seen.fact("nofile")
    told["bash"] = seen.fact("bash").partition("(")[0]
    return told


def _is_shown(name: str, package: Mapping[str, Any]) -> bool:
    """Not Python's own modules nor the trainer's, unless they are not there."""
    if package["origin"] is None:
        return bool(package["needed"])
    return name not in sys.stdlib_module_names and any(part in package["origin"] for part in sees.OUTSIDE)


def _version(package: Mapping[str, Any]) -> str:
    return NOT_THERE if package["origin"] is None else str(package["version"] or "found")


def _gpus(seen: Seen) -> str:
    names = [line.partition(": ")[2].partition(" (UUID")[0] for line in seen.facts.get("gpu", ())]
    visible = seen.fact("cuda_visible")
    chosen = "" if visible in ("unset", "") else f"CUDA_VISIBLE_DEVICES={visible}"
    told = f"{len(names)} x {names[0]}" if names else ""
    return "; ".join(filter(None, (told, chosen))) or "none"
