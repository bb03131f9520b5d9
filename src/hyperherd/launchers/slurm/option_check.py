"""What users write for sbatch, checked without asking anybody: options by name, and raw lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from hyperherd.errors import nearest
from hyperherd.launchers.slurm import directives, forms, options
from hyperherd.launchers.slurm.option_table import REFUSED, SAID_BY_REQUEUE
from hyperherd.launchers.slurm.options import KINDS

RAW = "extra_args"
"""The key of raw lines, beside options of sbatch."""

Found: TypeAlias = "tuple[tuple[str | int, ...], str, str]"
"""Where below ``slurm`` (``("extra_args", 0)``), what is wrong, and what would be right."""


def faults(given: Mapping[str, object], *, requeues: bool = False) -> Iterator[Found]:
    """All that is wrong with options by their names, and with the raw lines under `RAW`, where a sweep ``requeues`` its
    trials itself.

    >>> for found in faults({"mem": "8 GB", "partitoin": "a", "extra_args": ["--hold", "-o x"]}): print(found)
    (('mem',), "'8 GB' is not an amount of memory that sbatch reads", "write '8G'")
    (('partitoin',), "sbatch has no option '--partitoin'", "did you mean 'partition'?")
    (('extra_args', 1), "'-o x': 'output' cannot be set here", 'herd keeps the logs in .hyperherd/logs')
    """
    named = {name: value for name, value in given.items() if name != RAW}
    for name, value in named.items():
        if told := options.fault(name, value):
            beside = nearest(name, _BESIDE, likeness=0.8) if name not in _BESIDE else _AT_ONCE
            yield (name,), told[0], beside or told[1] or _ONLY_HERE
    for name, told in options.together(named):
        yield (name,), *told
    yield from _raw(given.get(RAW))
    for name in SAID_BY_REQUEUE if requeues else ():
        if given.get(name) is not None:
            what = "'requeue' is there as well, which says it for herd and Slurm"
            yield (name,), what, "remove it; requeue: {signal: USR2@120} names a signal"


_BESIDE = (RAW, "max_concurrent")
"""Keys beside options of sbatch."""
_AT_ONCE = "in hyperherd.yaml it stands under slurm; on the command line it is -j N"
_ONLY_HERE = f"an option that only your cluster has: {RAW}: ['--name=value']"


def _raw(given: object) -> Iterator[Found]:
    if given is None:
        return
    if not isinstance(given, (list, tuple)):
        hint = f'write ["{given}"]' if isinstance(given, str) else "['--exclusive'], for example"
        yield (RAW,), f"a list of #SBATCH lines expected, not {forms.shown(given)}", hint
        return
    for place, line in enumerate(given):
        if told := _line(line):
            yield (RAW, place), *told


def _line(line: object) -> forms.Told:
    if not isinstance(line, str):
        return f"text expected, not {forms.shown(line)}", "--exclusive, for example"
    if "\n" in line or "\r" in line:
        return "a line break in it", "one entry for each line"
    words = directives.words(line)
    if not words:
        return f"no option in {line!r}, or a quote that is not closed", "--exclusive, for example"
    if not words[0].startswith("-"):
        known = words[0].partition("=")[0].replace("-", "_") in (*KINDS, *REFUSED)
        return f"'{line}' is not an option of sbatch", f"write '--{words[0] if known else 'name=value'}'"
    for option in directives.options(words):
        if option.name and (told := options.fault(option.name, option.value)):
            return f"'{line}': {told[0]}", told[1]
    return None
