"""Raw ``#SBATCH`` words that a user adds: which options they set."""

from __future__ import annotations

from collections.abc import Iterable

from hyperherd.errors import Fault
from hyperherd.launchers.slurm import directives
from hyperherd.launchers.slurm.options import REFUSED


def faults(extra_args: Iterable[str]) -> list[Fault]:
    """Raw ``#SBATCH`` words that would change what herd itself sets.

    >>> [str(fault) for fault in faults(["--gres=gpu:1", "-J other"])]
    ["slurm.extra_args: '-J other' cannot be set here\\n    it is hyperherd_<name>"]
    """
    found: list[Fault] = []
    for text in extra_args:
        words = directives.words(text)
        if not words or "\n" in text or not words[0].startswith("-"):
            found.append(
                Fault("slurm.extra_args", f"{text!r} is not an option", "write it as '--name=value'")
            )
            continue
        names = (option.name for option in directives.options(words) if option.name in REFUSED)
        if name := next(names, None):
            found.append(Fault("slurm.extra_args", f"'{text}' cannot be set here", REFUSED[name]))
    return found
