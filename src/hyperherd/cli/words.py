"""What stands behind a command: a workspace, trials, pins. Options never take lists, so that order does not matter."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from hyperherd.errors import GrammarError, HerdError, UsageError, nearest
from hyperherd.grammar import values
from hyperherd.sweep.trial import Trial, Value
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace, find, is_workspace

F = TypeVar("F", bound=Callable[..., Any])

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_NUMBERS = re.compile(r"[\d,\s-]+")
MANY = 10_000_000
"""Numbers in one range; more are a slip of the pen."""


@dataclass(frozen=True)
class Words:
    """The words of a command line, told apart."""

    workspace: Workspace
    trials: Sequence[str]
    pins: Mapping[str, Value]


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
    if _is_workspace(word):
        return True
    if "=" in word or _NUMBERS.fullmatch(word):
        return False
    return "/" in word or _nearest_workspace() is None


def _nearest_workspace() -> Path | None:
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if is_workspace(place)), None)


def _is_workspace(word: str) -> bool:
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
    return _is_workspace(word) or (os.path.isdir(word) and not _RANGE.fullmatch(word))


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


def indices(text: str) -> list[int]:
    """``0-3,5`` as numbers. Raises `UsageError`.

    >>> indices("0-3,5")
    [0, 1, 2, 3, 5]
    """
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"'{text}' names no trials", hint="numbers and ranges, such as 3 or 0-3,5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > MANY:
            raise UsageError(f"'{part}' is no range", hint=f"the smaller number first: {last}-{first}")
        found += range(first, last + 1)
    return found


def chosen(words: Sequence[str], trials: Sequence[Trial]) -> list[int]:
    """The indices that the words name: numbers, ranges, or trial names. Raises `HerdError` for what is not there."""
    by_name = {trial.name: trial.index for trial in trials}
    there = {trial.index for trial in trials}
    picked: list[int] = []
    for word in words:
        if word in by_name:
            picked.append(by_name[word])
            continue
        if not _NUMBERS.fullmatch(word):
            folder = f"the folder {word} holds no {layout.CONFIG}" if os.path.isdir(word) else ""
            name, equals, value = word.partition("=")
            pinned = f"by its value: --where {shlex.quote(f'{name} == {value}')}" if equals and name else ""
            hint = pinned or nearest(word, by_name) or folder or "herd ls lists them"
            raise HerdError(f"no trial '{word}'", hint=hint)
        picked += indices(word)
    for index in picked:
        if index not in there:
            raise HerdError(f"no trial {index} in this sweep", hint="herd ls lists them")
    return list(dict.fromkeys(picked))


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
