"""What a trial is handed: the override string, the same words for a shell, and the parameters as JSON."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from hyperherd.errors import GrammarError
from hyperherd.grammar import overrides
from hyperherd.grammar.values import read, tag, write
from hyperherd.sweep.trial import Trial, Value

_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_-]+(?: [A-Za-z0-9@%+=:,./_-]+)*")
"""Words that a shell takes as they are."""


@dataclass(frozen=True)
class Handed:
    """``argument`` is the launch script's ``$1``; ``argv`` the same words, shell-quoted; ``params`` JSON."""

    argument: str
    argv: str
    params: str


def handed(trial: Trial, static_overrides: Sequence[str]) -> Handed:
    """So ordered that the last wins: name, parameters, static overrides, the values that conditions set. What was typed
    for `multirun` stays as it was typed.
    """
    params = msgspec.json.encode(tag(trial.params)).decode()
    if trial.typed:
        return Handed(" ".join(trial.typed.words), " ".join(map(shlex.quote, trial.typed.words)), params)
    own = [f"experiment_name={write(trial.name)}", *overrides.words(trial.params)]
    extras = overrides.words(trial.extras)
    argument = " ".join([*own, *static_overrides, *extras])
    argv = argument
    if not _PLAIN.fullmatch(argument):
        words = [*own, *(word for entry in static_overrides for word in overrides.split(entry)), *extras]
        argv = " ".join(map(shlex.quote, words))
    return Handed(argument, argv, params)


def values(static_overrides: Iterable[str]) -> dict[str, Value]:
    """The static overrides by name, as the values that Hydra reads; the last wins."""
    words = (word for entry in static_overrides for word in overrides.split(entry) if "=" in word)
    return {name: _value(text) for name, _, text in (word.partition("=") for word in words)}


def _value(text: str) -> Value:
    try:
        value: Value = read(text)
    except GrammarError:
        return text
    return value
