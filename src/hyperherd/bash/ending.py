"""Where a script ends before its last line: an ``exit``, ``return`` or ``exec`` that nothing stands in the way of.

Source: bash(1), SHELL GRAMMAR. Only what is certain is found: not what is in a condition, a loop, a group, a function,
a subshell, a pipe, or behind ``&&`` and ``||``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hyperherd.bash.commands import Command
from hyperherd.bash.scanning import Token

_CONDITIONS = frozenset(["&&", "||", "|", "|&"])
_ASIDE = frozenset(["|", "|&", "&"])


class Ending(NamedTuple):
    """``word`` is the ``exit``; what stands behind ``end``, the end of its command, never runs."""

    word: Token
    end: int


def find(commands: Iterable[Command]) -> Ending | None:
    """Where the script certainly ends; None if its last line is reached as far as one can tell."""
    for command in commands:
        if command.within or command.before in _CONDITIONS or command.after in _ASIDE:
            continue
        words = list(command.words)
        while words and words[0].text in ("command", "builtin"):
            words = words[1:]
        name = words[0].text if words else ""
        if name in ("exit", "return") or (name == "exec" and len(words) > 1):
            return Ending(words[0], command.end)
    return None
