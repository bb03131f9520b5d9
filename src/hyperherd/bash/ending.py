"""Where a script ends before its last line: an ``exit``, ``return`` or ``exec`` that nothing stands in the way of.

Source: bash(1), SHELL GRAMMAR. Only what is certain is found: not what is in a condition, a loop, a group, a function,
a subshell, a pipe, or behind ``&&`` and ``||``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hyperherd.bash.scanning import Kind, Token

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^]]*\])?\+?=")
_CLOSED_BY = {
    "if": "fi",
    "while": "done",
    "until": "done",
    "for": "done",
    "select": "done",
    "case": "esac",
    "{": "}",
}
_NAMES_FOLLOW = frozenset(["for", "select", "case"])
_BETWEEN = frozenset(["then", "else", "elif", "do", "!", "time", "function"])
_CONDITIONS = frozenset(["&&", "||", "|", "|&"])
_ASIDE = frozenset(["|", "|&", "&", "("])


class Ending(NamedTuple):
    """``word`` is the ``exit``; what stands behind ``end``, the end of its command, never runs."""

    word: Token
    end: int


def find(tokens: Iterable[Token]) -> Ending | None:
    """Where the script certainly ends; None if its last line is reached as far as one can tell."""
    for command, before, after in outermost(tokens):
        if before in _CONDITIONS or after in _ASIDE:
            continue
        words = without_prefix([token for token in command if token.kind is Kind.WORD])
        while words and words[0].text in ("command", "builtin"):
            words = words[1:]
        name = words[0].text if words else ""
        if name in ("exit", "return") or (name == "exec" and len(words) > 1):
            return Ending(words[0], command[-1].end)
    return None


def is_assignment(word: str) -> bool:
    """Whether a word before a command sets a variable.

    >>> is_assignment("OMP_NUM_THREADS=1"), is_assignment("lr=0.1"), is_assignment("--lr=0.1")
    (True, True, False)
    """
    return _ASSIGNMENT.match(word) is not None


def without_prefix(words: Sequence[Token]) -> Sequence[Token]:
    """Without assignments, ``!`` and ``time`` before the command."""
    start = 0
    while start < len(words) and (words[start].text in ("!", "time") or _ASSIGNMENT.match(words[start].text)):
        start += 1
    return words[start:]


class Nesting:
    """``closers`` are what closes the constructs that are open, outermost first.

    A reserved word is one at the beginning of a command, and behind another reserved word.
    """

    def __init__(self) -> None:
        self.closers: list[str] = []
        self._may_be_reserved = True
        self._previous = ""

    def follow(self, token: Token) -> None:
        text = token.text
        if token.kind in (Kind.OPERATOR, Kind.LINE_END):
            self._may_be_reserved = True
            if text == "(":
                self.closers.append(")")
            elif text == ")" and self.closers[-1:] == [")"]:
                self.closers.pop()
        elif self._may_be_reserved and text in _CLOSED_BY:
            self.closers.append(_CLOSED_BY[text])
            self._may_be_reserved = text not in _NAMES_FOLLOW
        elif self._may_be_reserved and text == "".join(self.closers[-1:]):
            self.closers.pop()
        else:
            names_function = self._previous == "function"
            self._may_be_reserved = self._may_be_reserved and (text in _BETWEEN or names_function)
        self._previous = text


def outermost(tokens: Iterable[Token]) -> Iterator[tuple[list[Token], str, str]]:
    """The simple commands that stand in nothing else, each with the operator before and behind it."""
    nesting = Nesting()
    command: list[Token] = []
    before, nested = "", False
    for token in tokens:
        nesting.follow(token)
        if token.kind not in (Kind.OPERATOR, Kind.LINE_END):
            command.append(token)
            nested = nested or bool(nesting.closers)
            continue
        if command and not nested:
            yield command, before, token.text
        # Behind an operator a command may stand in the next line.
        if command or token.kind is Kind.OPERATOR:
            before = token.text
        command, nested = [], bool(nesting.closers)
    if command and not nested:
        yield command, before, ""
