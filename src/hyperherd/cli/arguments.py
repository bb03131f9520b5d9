"""What stands behind a command: a workspace, trials, pins. Options never take lists, so that order does not matter."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hyperherd.errors import GrammarError, UsageError, nearest
from hyperherd.grammar import values
from hyperherd.sweep import selection
from hyperherd.sweep.trial import Value
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace, find, is_workspace

if TYPE_CHECKING:
    from hyperherd.engine.shared_looks import Looks
    from hyperherd.engine.sweep import Look, Sweep

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Words:
    """The words of a command line, told apart."""

    workspace: Workspace
    trials: Sequence[str]
    pins: Mapping[str, Value]

    @property
    def sweep(self) -> Sweep:
        from hyperherd.engine.sweep import Sweep  # not for commands that know of no sweep

        return Sweep(self.workspace)


def read(words: Sequence[str], *, trials: bool = False, pins: Sequence[str] | None = None) -> Words:
    """Tell the words apart: the first that is a workspace's folder (or its YAML) is it, ``name=value`` is a pin,
    and the rest are trials. A folder that holds no YAML may be a trial's, as its checkpoints lie in one of its name.

    Raises `UsageError` for a word that the command does not take, `HerdError` for a workspace that is not there.
    """
    folder = click.get_current_context().find_root().obj
    left = [word for word in words if pins is None or "=" not in word or _is_folder(word)]
    pinned = [*(pins or ()), *(word for word in words if word not in left)]
    if left and not folder and (not trials or _means_a_place(left[0])):
        folder = left.pop(0)
    if left and not trials:
        raise UsageError(f"'{left[0]}' is one word too many", hint="one workspace at a time")
    return Words(find(Path(folder) if folder else None), left, _pins(pinned))


def look(
    given: Sequence[str],
    where: str | None = None,
    *,
    lines: bool = False,
    only_one: bool = False,
    silent_is_fatal: bool = False,
    looks: Looks | None = None,
) -> Look:
    """Read the words, and look at the trials that they name, as `Sweep.look`. Warnings go to stderr.

    Raises `UsageError`, and `HerdError` for trials that are not there, or are not one.
    """
    found = read(given, trials=True)
    if only_one and not found.trials and not where:
        raise UsageError("which trial?", hint="its number or its name; herd ls lists them")
    from hyperherd.engine.shared_looks import ASK, Looks

    how = ASK if silent_is_fatal else looks or Looks.once()
    looked = found.sweep.look(found.trials, where, lines=lines, silent_is_fatal=silent_is_fatal, looks=how)
    warn(looked.snapshot.warnings)
    if only_one:
        looked.one()
    return looked


def several(given: Sequence[str]) -> list[Sweep]:
    """Two sweeps or more, where all words name one; else none. Raises `HerdError`."""
    from hyperherd.engine.sweep import Sweep

    if len(given) < 2 or not all(map(is_a_workspace, given)):
        return []
    return [Sweep.at(Path(word)) for word in given]


def nowhere(given: Sequence[str]) -> bool:
    """Whether no sweep is named, and none is where we are."""
    return not given and workspace_folder() is None


def workspace_folder() -> Path | None:
    """The folder of the workspace that ``-C`` names or that we are in; None in none. For commands that need none."""
    named = click.get_current_context().find_root().obj
    if named:
        return find(Path(named)).root
    return _nearest_workspace()


def _means_a_place(word: str) -> bool:
    """Whether a word that may name trials names a workspace, rightly or wrongly: no trial's name has a ``/``, and where
    we are in no workspace there are no trials to name.
    """
    if is_a_workspace(word):
        return True
    if "=" in word or selection.are_numbers(word):
        return False
    return "/" in word or _nearest_workspace() is None


def _nearest_workspace() -> Path | None:
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if is_workspace(place)), None)


def is_a_workspace(word: str) -> bool:
    """Whether a word is a sweep's folder, its YAML, or its script."""
    # os.path: a word that is too long for a path, or leads where we may not look, is no error here.
    if os.path.isfile(word):
        return os.path.basename(word) == layout.CONFIG or _is_script(word)
    of_script = word.rstrip("/").endswith(layout.OF_A_SCRIPT)
    marker = os.path.join(word, layout.STATE_FOLDER if of_script else layout.CONFIG)
    return os.path.exists(marker)


def _is_script(word: str) -> bool:
    """Whether a file is one that `herd multirun` has run, or could."""
    if os.path.isdir(word + layout.OF_A_SCRIPT):
        return True
    try:
        with open(word, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _is_folder(word: str) -> bool:
    return is_a_workspace(word) or os.path.isdir(word)


def _pins(words: Iterable[str]) -> dict[str, Value]:
    pins: dict[str, Value] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"-p {word}: not of the form name=value", hint="for example: -p lr=0.1")
        try:
            pins[name] = values.read(text)
        except GrammarError as error:
            raise UsageError(f"-p {word}: {error}") from error
    return pins


def check_pins(pins: Mapping[str, Value], parameters: Sequence[str]) -> None:
    """Raise `UsageError` for a pin on what is not a parameter."""
    for name in pins:
        if name not in parameters:
            hint = nearest(name, parameters) or f"the parameters are {', '.join(parameters)}"
            raise UsageError(f"-p {name}: no such parameter", hint=hint)


def print_json(document: Any) -> None:
    """One JSON document on stdout, with escapes where that cannot show its characters."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2)
    sys.stdout.write(text + "\n")


def warn(lines: Iterable[str]) -> None:
    """Words for people, on stderr."""
    for line in lines:
        click.echo(f"herd: {line}", err=True)


as_json = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout; words go to stderr."
)
number = partial(click.option, type=click.IntRange(0), metavar="N", default=20, show_default=True)
"""An option that takes a number of lines, or the like."""
where = click.option(
    "--where", metavar="EXPR", help="Only trials for which this holds: 'lr > 0.01 and status == failed'."
)
workspace_and_pins = click.argument("given", nargs=-1, metavar="[WORKSPACE] [NAME=VALUE]...")
only_workspace = click.argument("given", nargs=-1, metavar="[WORKSPACE]")
workspace_and_trials = click.argument("given", nargs=-1, metavar="[WORKSPACE] [TRIALS]")
workspace_and_trial = click.argument("given", nargs=-1, metavar="[WORKSPACE] TRIAL")
