"""The errors a user can meet. Each says what happened, where, and what to type next.

::

    HerdError                     exit code 1
    ├── UsageError                exit code 2: the command line itself
    ├── ConfigError               hyperherd.yaml: all of its faults at once
    ├── ExpressionError           an expression on parameters (also a ValueError)
    ├── TextError                 a text that cannot be read, with a caret under the fault (also a ValueError)
    │   ├── GrammarError          an override or a sweep in Hydra's words
    │   └── RequirementError      what a job asks of a machine
    ├── ScriptError               a script that overrides cannot be put into
    ├── WorkspaceError            the files of .hyperherd/
    │   ├── DamagedFileError      a file of ours that cannot be read
    │   ├── NewerFormatError      written by a later version of herd
    │   ├── LockedError           another herd command is at work
    │   └── LockLostError         our lock was broken while we slept
    ├── CheckpointError           a checkpoint that cannot be saved or read
    │   └── OtherConfigurationError   made with another configuration: which keys differ
    ├── PreflightError            what would go wrong, found before anything is submitted
    ├── ConnectorError            how a machine is reached
    │   ├── CommandNotFoundError  a program that is not there
    │   └── CommandTimeoutError   a program that did not end in time
    └── LauncherError             whoever runs jobs
        ├── OptionError           options that a launcher cannot be given: all of the faults at once (also a TypeError
        │                         and a ValueError)
        ├── ChoiceError           no launcher can be chosen (also a ValueError)
        ├── SchedulerSilentError  it did not answer: nothing is known, nothing changes
        ├── SubmissionRefusedError    it said no, in its own words: nothing was submitted
        └── SubmissionUnknownError    it was asked and did not answer: perhaps submitted

Only the command line turns an error into an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class HerdError(Exception):
    """A refusal or failure that the user can act on.

    ``what`` is the sentence with the offending values in it, ``where`` a place such as
    ``hyperherd.yaml:14: parameters.lr``, ``hint`` what to do or to type next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.what}{hint}"


class UsageError(HerdError):
    """The command line itself is wrong."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a file: ``where`` is ``file:line: path.of.key`` (line and path may be missing)."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{self.where}: {self.what}{hint}"


class ConfigError(HerdError):
    """Everything that is wrong in a configuration file, in the order of its lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ExpressionError(HerdError, ValueError):
    """An expression on parameters that cannot be read or evaluated."""


class TextError(HerdError, ValueError):
    """A text that cannot be read. ``position`` counts its characters from 0, ``reason`` is the bare sentence."""

    def __init__(self, what: str, *, text: str, position: int, hint: str = "") -> None:
        self.text = text
        self.position = position
        shown = "".join(character if character.isprintable() else " " for character in text)
        super().__init__(f"{what}\n  {shown}\n  {' ' * position}^" if text else what, hint=hint)
        self.reason = what


class GrammarError(TextError):
    """An override or sweep that is not in Hydra's grammar."""


class RequirementError(TextError):
    """A requirement that cannot be read or built. Where Python objects are at fault, ``text`` is empty."""

    def __init__(self, what: str, *, text: str = "", position: int = 0, hint: str = "") -> None:
        super().__init__(what, text=text, position=position, hint=hint)


class ScriptError(HerdError):
    """A shell script in which overrides have no certain place; ``where`` is ``line 3``."""


class WorkspaceError(HerdError):
    """Something about the files of a workspace."""


class DamagedFileError(WorkspaceError):
    """A file of ours that cannot be read; it is left as it is."""


class NewerFormatError(WorkspaceError):
    """A workspace written by a later version of herd; it is left as it is."""


class LockedError(WorkspaceError):
    """Another herd command is changing this workspace."""


class LockLostError(WorkspaceError):
    """Our lock was broken by another command that judged us dead; nothing more is written."""


class CheckpointError(HerdError):
    """A checkpoint that could not be saved or read. What was saved before is as it was."""


class OtherConfigurationError(CheckpointError):
    """A checkpoint made with another configuration; ``keys`` are those that differ, in dotted form, sorted."""

    def __init__(self, what: str, *, keys: Sequence[str], where: str, hint: str) -> None:
        self.keys = tuple(keys)
        super().__init__(what, where=where, hint=hint)


class PreflightError(HerdError):
    """What would go wrong with a run, found before anything is submitted or written."""


class ConnectorError(HerdError):
    """Something about reaching a machine."""


class CommandNotFoundError(ConnectorError):
    """A program that is not on PATH, or that may not be run."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = tuple(argv)
        super().__init__(f"cannot run '{argv[0]}'", hint="is it installed, and on PATH?")


class CommandTimeoutError(ConnectorError):
    """A program that did not end in time; ``stderr`` is what it had said until then."""

    def __init__(self, argv: Sequence[str], timeout_s: float, stderr: str) -> None:
        self.argv = tuple(argv)
        self.stderr = stderr
        said = f": {stderr.strip()}" if stderr.strip() else ""
        super().__init__(f"'{argv[0]}' did not answer within {timeout_s:g} s{said}")


class LauncherError(HerdError):
    """Something about whoever runs jobs."""


class ChoiceError(LauncherError, ValueError):
    """No launcher can be chosen: nobody has what is required, or those to choose from are at fault."""


class OptionError(LauncherError, TypeError, ValueError):
    """Options that sbatch does not have, or values that it would refuse; all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SchedulerSilentError(LauncherError):
    """The scheduler did not answer. Nothing is known, so nothing may change."""


class SubmissionRefusedError(LauncherError):
    """The scheduler said no, in words that are quoted whole. Nothing was submitted."""


class SubmissionUnknownError(LauncherError):
    """The scheduler was asked and did not answer in time: the job may or may not appear."""


def nearest(word: str, allowed: Iterable[str], *, likeness: float = 0.5) -> str:
    """``did you mean 'values'?`` for the closest allowed word, or an empty string.

    ``likeness`` is from 0 (anything) to 1 (the word itself). Of those that are close, one of the same letters is meant
    most likely: two of them changed places.

    >>> nearest("statsu", ["stats", "status"]), nearest("sta", ["stats", "other"]), nearest("q", ["stats"])
    ("did you mean 'status'?", "did you mean 'stats'?", '')
    """
    import difflib  # start-up time of herd --help and of trainers

    close = difflib.get_close_matches(word, list(allowed), n=3, cutoff=likeness)
    same_letters = [match for match in close if sorted(match) == sorted(word)]
    return f"did you mean '{[*same_letters, *close][0]}'?" if close else ""
