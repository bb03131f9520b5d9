"""What ``slurm`` says, out of a mapping. Times and amounts of memory are for the launcher to judge."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperherd.errors import nearest
from hyperherd.sweep.reading.document import Path
from hyperherd.sweep.reading.faults import Faults, quotes_hint, shown
from hyperherd.sweep.trial import Value

OWN = {
    "array": "herd writes it; for the most at once: max_concurrent",
    "output": "herd keeps the logs in .hyperherd/logs",
    "error": "herd keeps the logs in .hyperherd/logs",
    "job_name": "it is hyperherd_<name>, from the sweep's name",
}
"""Options that herd itself needs, and why."""

_SHORT = {"a": "array", "o": "output", "e": "error", "J": "job_name"}
_SHORT_FLAGS = "hHIkOQsvVW"
_TAKES_A_VALUE = (
    *("partition", "account", "qos", "time", "mem", "cpus_per_task", "gres", "gpus", "nodes"),
    *("ntasks_per_node", "constraint"),
)


@dataclass(frozen=True)
class Resources:
    """See `SweepSpec`."""

    options: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    max_concurrent: int | None = None
    extra_args: tuple[str, ...] = ()


def build(content: Value, faults: Faults, known: Collection[str] | None) -> Resources:
    """``known`` are the options that sbatch has, by name with ``_``; None: not checked."""
    if not isinstance(content, dict) or faults.at(("slurm",)):
        return Resources()
    options: dict[str, Any] = {k: v for k, v in content.items() if k not in ("max_concurrent", "extra_args")}
    for name, value in options.items():
        if fault := _option_fault(name, value, known):
            faults.add(("slurm", name), *fault)
    most = content.get("max_concurrent")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        what = f"a whole number of at least 1 expected, not {shown(most)}"
        faults.add(("slurm", "max_concurrent"), what, "how many trials may run at once; without it, all")
    extra_args = _extra_args(("slurm", "extra_args"), content.get("extra_args"), faults)
    return Resources(options, most if isinstance(most, int) else None, extra_args)


def _option_fault(name: str, value: Value, known: Collection[str] | None) -> tuple[str, str] | None:
    if name in OWN:
        return f"'{name}' is herd's own", OWN[name]
    if known is not None and name not in known:
        dashed = name.lstrip("-").replace("-", "_")
        hint = (
            f"write {dashed}"
            if dashed in known
            else nearest(dashed, [*known, "max_concurrent", "extra_args"])
        )
        return "unknown key, and no long option of sbatch", hint
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        return "a line break, after which Slurm would read another directive", "write it on one line"
    if isinstance(value, (float, list, dict)):
        return f"text or a whole number expected, not {shown(value)}", quotes_hint(value)
    if isinstance(value, bool) and name in _TAKES_A_VALUE:
        return f"text or a whole number expected, not {shown(value)}", quotes_hint(value)
    return None


def _extra_args(path: Path, given: Value, faults: Faults) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        hint = f'write ["{given}"]' if isinstance(given, str) else ""
        faults.add(path, f"a list of #SBATCH lines expected, not {shown(given)}", hint)
        return ()
    found = []
    for place, line in enumerate(given):
        if fault := _line_fault(line):
            faults.add((*path, place), *fault)
        else:
            found.append(str(line).strip().removeprefix("#SBATCH").strip())
    return tuple(found)


def _line_fault(line: Value) -> tuple[str, str] | None:
    if not isinstance(line, str):
        return f"text expected, not {shown(line)}", "--exclusive, for example"
    if "\n" in line or "\r" in line:
        return "a line break in it", "one entry for each line"
    text = line.strip().removeprefix("#SBATCH").strip()
    if not text.startswith("-"):
        return f"'{line}' is not an option of sbatch", "--exclusive, for example"
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return f"a quote in '{line}' is not closed", ""
    for name in filter(None, map(owned, words)):
        return f"'{line}' would change {name.replace('_', ' ')}, which is herd's own", OWN[name]
    return None


def owned(word: str) -> str | None:
    """The option of herd's own that a word of sbatch's command line sets, however it is spelled.

    getopt takes the beginning of a long name for all of it, and several short flags in one word.

    >>> owned("--job=x"), owned("-Ho log"), owned("--exclusive")
    ('job_name', 'output', None)
    """
    if word.startswith("--"):
        name = word[2:].partition("=")[0].replace("-", "_")
        return next((option for option in OWN if name and option.startswith(name)), None)
    return _SHORT.get(word[1:].lstrip(_SHORT_FLAGS)[:1]) if word.startswith("-") else None
