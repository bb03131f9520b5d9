"""Raw ``#SBATCH`` words that a user adds: which options they set, as getopt reads them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from hyperherd.errors import Fault
from hyperherd.launchers.slurm.options import KINDS, REFUSED

_SHORT = {
    "a": "array",
    "D": "chdir",
    "M": "clusters",
    "e": "error",
    "J": "job_name",
    "o": "output",
    "W": "wait",
    "Q": "quiet",
    "V": "version",
    "h": "help",
    "v": "verbose",
}
_SHORT_FLAGS = "hHIkOQsvVW"
"""Those that take no value, and may stand together in one word."""


def faults(extra_args: Iterable[str]) -> list[Fault]:
    """Raw ``#SBATCH`` words that would change what herd itself sets.

    >>> [str(fault) for fault in faults(["--gres=gpu:1", "-J other"])]
    ["slurm.extra_args: '-J other' cannot be set here\\n    it is hyperherd_<name>"]
    """
    found: list[Fault] = []
    for text in extra_args:
        words = _words(text)
        if not words or "\n" in text or not words[0].startswith("-"):
            found.append(
                Fault("slurm.extra_args", f"{text!r} is not an option", "write it as '--name=value'")
            )
            continue
        names = (name for word in words for name in _options_of(word) if name in REFUSED)
        if name := next(names, None):
            found.append(Fault("slurm.extra_args", f"'{text}' cannot be set here", REFUSED[name]))
    return found


def _words(text: str) -> list[str]:
    """The words of a raw line as sbatch splits it; none where a quote is not closed."""
    try:
        return shlex.split(text.strip().removeprefix("#SBATCH"), comments=True)
    except ValueError:
        return []


def _options_of(word: str) -> list[str]:
    """The names with ``_`` of the options in a word, as getopt reads it: a long one by any beginning that is its alone,
    and several short ones together.

    >>> _options_of("--err=x"), _options_of("-Hofile"), _options_of("gpu:1")
    (['error'], ['output'], [])
    """
    if word.startswith("--"):
        name = word[2:].partition("=")[0].replace("-", "_")
        matches = [known for known in [*KINDS, *REFUSED] if known.startswith(name)]
        return [matches[0] if name not in KINDS and len(matches) == 1 else name]
    if not word.startswith("-"):
        return []
    flags = word[1:][: len(word) - 1 - len(word[1:].lstrip(_SHORT_FLAGS))]
    letters = [*flags, word[1 + len(flags) :][:1]]
    return [_SHORT[letter] for letter in letters if letter in _SHORT]
