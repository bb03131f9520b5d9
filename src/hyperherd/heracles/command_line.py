"""The command line of ``heracles``: what was asked for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from hyperherd.errors import UsageError, nearest

USAGE = """\
heracles SCRIPT ACTION KEY=SWEEP ...

Writes a copy of SCRIPT for each combination of the sweep, <name>_hydra<i>.<ext> beside it, with the overrides
behind its training: the one command that may be it. Where several may, name its line with --at, or write
{overrides} where they belong, without quotes. The last key changes fastest.

Actions:
  -w, --write, -n, --noop            Write the files.
  -r=CMD, --run=CMD,
  -m=CMD, --multirun=CMD             Write them, run CMD FILE for each, delete them.
  -d, --delete, -c, --clear          Delete the files of this script; only those that heracles made.

Options:
  --at=LINE, --at=last               The line of the command that gets the overrides; the last command of the script.
  --args WORD... --                  Run CMD FILE WORD..., for a script that takes arguments.
  --seed=N                           Makes random seeds, and the order of shuffle, repeatable.
  --yes                              More than 10000 files are meant.
  -h, --help                         Show this.

Sweeps are Hydra's: lr=0.1,0.01  n=range(2,10,2)  'opt=choice(adam,sgd)'; and seed=__randseed(N)__ (N random seeds for
each combination of the other keys; also __randperm(N)__), a=zip(1,2) b=zip(3,4) (keys that go together).

Examples:
  heracles sbatch.sh -w env.num_envs=8,16,32 env.name=HalfCheetah,Reacher
  heracles sbatch.sh -r=sbatch env.num_envs=8,16,32 'seed=__randseed(90)__'
  heracles sbatch.sh -d

Exit codes: 0 done, 1 refused, 2 usage, 3 done in part, 130 interrupted.
"""


class Action(Enum):
    """What to do with the files."""

    WRITE = "write"
    RUN = "run"
    DELETE = "delete"


_ACTIONS = {
    **dict.fromkeys(("-w", "--write", "-n", "--noop"), Action.WRITE),
    **dict.fromkeys(("-r", "--run", "-m", "--multirun"), Action.RUN),
    **dict.fromkeys(("-d", "--delete", "-c", "--clear"), Action.DELETE),
}
_OPTIONS = (*_ACTIONS, "--at", "--args", "--seed", "--yes", "--help")


@dataclass
class _Given:
    """What has been read so far."""

    bare: list[str] = field(default_factory=list)
    actions: list[tuple[str, Action]] = field(default_factory=list)
    command: tuple[str, ...] = ()
    at: str = ""
    arguments: tuple[str, ...] = ()
    seed: int | None = None
    many: bool = False


@dataclass(frozen=True)
class Asked:
    """``command`` is what RUN runs with each file behind it, and ``arguments`` behind that; ``at`` names the line that
    gets the overrides; ``many`` says that very many files are meant.
    """

    script: str
    action: Action
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    overrides: tuple[str, ...]
    at: str
    seed: int | None
    many: bool


def read(argv: Sequence[str]) -> Asked:
    """Options may stand anywhere before a ``--``; the first other word is the script. Raises `UsageError`."""
    given = _Given()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            given.bare += rest
            break
        if not word.startswith("-"):
            given.bare.append(word)
        elif word == "--seed" and rest:
            given.seed = _seed(rest.pop(0))
        elif word == "--at" and rest:
            given.at = rest.pop(0)
        elif word == "--args":
            given.arguments, rest = _arguments(rest)
        else:
            _option(given, word)
    if not given.bare:
        raise UsageError("no script", hint="heracles sbatch.sh -w lr=0.1,0.01")
    if len(given.actions) != 1:
        names = " and ".join(name for name, _ in given.actions)
        what = f"one action at a time, not {names}" if names else "no action"
        raise UsageError(what, hint="-w writes the files, -r=sbatch runs them, -d deletes them")
    script, *overrides = given.bare
    action = given.actions[0][1]
    if given.arguments and action is not Action.RUN:
        raise UsageError("--args goes with -r=CMD", hint="give the words to sbatch behind each file")
    return Asked(
        script,
        action,
        given.command,
        given.arguments,
        tuple(overrides),
        given.at,
        given.seed,
        given.many,
    )


def _option(given: _Given, word: str) -> None:
    name, equals, value = word.partition("=")
    action = _ACTIONS.get(name)
    if action is not None and bool(equals) == (action is Action.RUN):
        given.actions.append((name, action))
        given.command = _command(word, value) if equals else given.command
    elif action is Action.RUN:
        raise UsageError(f"{name} needs a command", hint=f"{name}=sbatch")
    elif action is not None:
        raise UsageError(f"{name} takes no value", hint=name)
    elif name == "--at" and equals:
        given.at = value
    elif name == "--seed":
        given.seed = _seed(value)
    elif word == "--yes":
        given.many = True
    else:
        raise UsageError(f"no option '{name}'", hint=nearest(name, _OPTIONS) or "heracles --help")


def _arguments(rest: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The words up to ``--``, and what is behind it."""
    if "--" not in rest:
        raise UsageError("--args: a -- ends the script's arguments", hint="--args data.yaml 3 -- lr=0.1,0.01")
    end = rest.index("--")
    return tuple(rest[:end]), rest[end + 1 :]


def _command(word: str, text: str) -> tuple[str, ...]:
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{word}: {error}", hint="-r='sbatch --partition=gpu'") from error
    if not command:
        raise UsageError(f"{word} has no command in it", hint="-r=sbatch")
    return command


def _seed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--seed={text}: a whole number expected", hint="--seed=7") from None
