"""The simple commands of a script, each with what it stands in.

Source: bash(1), SHELL GRAMMAR. Words that bash expands are not expanded: what a variable holds is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hyperherd.bash.scanning import Kind, Scan, Token

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^]]*\])?\+?=")
_LOOPS = ("while", "until", "for", "select")
_CLOSED_BY = {"if": "fi", **dict.fromkeys(_LOOPS, "done"), "case": "esac", "{": "}"}
_DECLARING = ("export", "declare", "local", "readonly", "typeset")
_PREFIXES = ("!", "time", "coproc")


class Within(NamedTuple):
    """A construct that a command stands in. Of two branches of one ``if`` or ``case`` at most one runs.

    ``kind``    ``if``, ``case``, ``for``, ``while``, ``until``, ``select``, ``{``, ``(``, ``function`` or ``$(``
    ``start``   where it begins in the script, which tells it from others
    ``branch``  which part of it: counted from 0 in an ``if`` (condition, then, condition, then, ..., else) and a
                ``case``
    ``name``    the function's; the variable of a ``for`` or ``select``
    ``items``   what that stands for, as it stands in the script
    """

    kind: str
    start: int
    branch: int = 0
    name: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A simple command: ``words`` without redirections and without what stands before the program (``X=1``, ``!``,
    ``time``); none where it only assigns, redirects or tests.

    ``before`` and ``after`` are the operators around it, ``within`` what it stands in, outermost first.
    """

    words: tuple[Token, ...]
    assignments: tuple[Token, ...]
    redirections: tuple[Token, ...]
    start: int
    end: int
    before: str
    after: str
    within: tuple[Within, ...]

    @property
    def texts(self) -> list[str]:
        """Its words as they stand in the script."""
        return [word.text for word in self.words]

    @property
    def functions(self) -> frozenset[str]:
        """The functions that it stands in."""
        return frozenset(one.name for one in self.within if one.kind == "function")

    def excludes(self, other: Command) -> bool:
        """Whether at most one of the two runs: they stand in different branches of one ``if`` or ``case``."""
        for mine, others in zip(self.within, other.within, strict=False):
            if mine.start != others.start:
                return False
            if mine.branch != others.branch:
                # The branches of an `if` with an even number are its conditions.
                return mine.kind == "case" or (
                    mine.kind == "if" and bool(mine.branch % 2 and others.branch % 2)
                )
        return False


def is_assignment(word: str) -> bool:
    """Whether a word before a command sets a variable.

    >>> is_assignment("OMP_NUM_THREADS=1"), is_assignment("lr=0.1"), is_assignment("--lr=0.1")
    (True, True, False)
    """
    return _ASSIGNMENT.match(word) is not None


def read(scan: Scan) -> list[Command]:
    """All commands of a script, those in substitutions included, by their place."""
    inside = [_Reader(Within("$(", tokens[0].start)).read(tokens) for tokens in scan.substituted if tokens]
    found = [*_Reader().read(scan.tokens), *(command for commands in inside for command in commands)]
    return sorted(found, key=lambda command: command.start)


@dataclass
class _Open:
    """A construct that is open. ``header``: its next words are no commands (``for x in a b``, patterns of a case);
    ``braced``: a loop whose commands stand in braces, which close it.
    """

    within: Within
    header: bool = False
    braced: bool = False


class _Reader:
    def __init__(self, *around: Within) -> None:
        self._around = around
        self._found: list[Command] = []
        self._open: list[_Open] = []
        self._tokens: list[Token] = []
        self._before = ""
        self._function: Token | None = None
        """The name of one whose body comes next; before it, perhaps, the word ``function``."""
        self._function_word: Token | None = None

    def read(self, tokens: Sequence[Token]) -> list[Command]:
        rest = list(reversed(tokens))
        while rest:
            token = rest.pop()
            if token.text == "(" and rest and rest[-1].text == ")" and self._names():
                rest.pop()
            elif token.kind in (Kind.OPERATOR, Kind.LINE_END):
                self._operator(token)
            elif not self._reserved(token):
                self._word(token)
        self._flush("")
        return self._found

    def _names(self) -> bool:
        """Whether what has been read is a function's name, now that brackets follow."""
        if len(self._tokens) == 1 and self._tokens[0].kind is Kind.WORD:
            self._function = self._tokens.pop()
        return self._function is not None and not self._tokens

    def _operator(self, token: Token) -> None:
        innermost = self._open[-1] if self._open else None
        if innermost and innermost.within.kind == "case" and innermost.header:
            if token.text == ")":  # behind a pattern; `(a)` opens nothing
                innermost.header, self._tokens = False, []
            elif token.text != "(":
                self._tokens = []
            return
        if token.kind is Kind.LINE_END and not self._tokens:
            return  # behind an operator a command may stand in the next line
        self._flush(token.text)
        if token.text == "(":
            self._push("(", token)
        elif token.text == ")" and innermost and innermost.within.kind == "(":
            self._pop()
        elif token.text in (";;", ";&", ";;&") and innermost and innermost.within.kind == "case":
            step = 1 if token.text == ";;" else 0  # behind the others the next branch may run as well
            innermost.within = innermost.within._replace(branch=innermost.within.branch + step)
            innermost.header = True
        self._before = token.text

    def _word(self, token: Token) -> None:
        innermost = self._open[-1] if self._open else None
        if innermost and innermost.within.kind == "case" and innermost.header and token.text == "esac":
            self._pop()
            return
        self._tokens.append(token)

    def _reserved(self, token: Token) -> bool:
        """Follow a reserved word, where a command may begin; whether it was one."""
        text, innermost = token.text, self._open[-1] if self._open else None
        kind = innermost.within.kind if innermost else ""
        if self._function_word is not None:
            self._function, self._function_word = token._replace(start=self._function_word.start), None
            return True
        is_pattern = innermost is not None and innermost.header and kind == "case"
        is_name = bool(innermost and innermost.header and self._before == kind and not self._tokens)
        plain = [one for one in self._tokens if one.text not in _PREFIXES and one.kind is not Kind.COMPOUND]
        is_bare_loop = text == "do" and innermost is not None and innermost.header and len(plain) == 1
        if is_pattern or is_name or (plain and not is_bare_loop):
            return False
        if text in _CLOSED_BY:
            self._push(text, token)
            return True
        if innermost and text == _CLOSED_BY.get(kind, ""):
            self._pop()
        elif innermost and text == "do" and kind in _LOOPS:
            innermost.header = False
        elif innermost and text in ("then", "elif", "else") and kind == "if":
            step = 2 if text == "else" else 1
            innermost.within = innermost.within._replace(branch=innermost.within.branch + step)
        elif text == "function":
            self._function_word = token
        else:
            return False
        self._before, self._tokens = text, []
        return True

    def _push(self, kind: str, token: Token) -> None:
        if self._function is not None:
            self._open.append(_Open(Within("function", self._function.start, name=self._function.text)))
            self._function = None
        if kind == "{" and self._open and self._open[-1].header:
            self._open[-1].header, self._open[-1].braced = False, True
        header = kind in ("for", "select", "case")
        self._open.append(_Open(Within(kind, token.start), header))
        self._before, self._tokens = kind, []

    def _pop(self) -> None:
        closed = self._open.pop()
        self._tokens = []
        if closed.within.kind == "{" and self._open and self._open[-1].braced:
            self._open.pop()
        if self._open and self._open[-1].within.kind == "function":
            self._open.pop()

    def _flush(self, after: str) -> None:
        tokens, self._tokens = self._tokens, []
        header = bool(self._open and self._open[-1].header)
        if tokens and header and self._open[-1].within.kind in ("for", "select"):
            name, items = tokens[0].text, tuple(token.text for token in tokens[2:])
            self._open[-1].within = self._open[-1].within._replace(name=name, items=items)
        if not tokens or header:
            return
        words = [token for token in tokens if token.kind is Kind.WORD]
        start = 0
        while start < len(words) and _stands_before_a_program(words, start):
            start += 1
        self._found.append(
            Command(
                words=tuple(words[start:]),
                assignments=tuple(word for word in words[:start] if is_assignment(word.text)),
                redirections=tuple(token for token in tokens if token.kind is Kind.REDIRECTION),
                start=tokens[0].start,
                end=tokens[-1].end,
                before=self._before,
                after=after,
                within=(*self._around, *(one.within for one in self._open)),
            )
        )


def _stands_before_a_program(words: Sequence[Token], place: int) -> bool:
    text = words[place].text
    is_option_of_time = text == "-p" and place > 0 and words[place - 1].text == "time"
    return text in _PREFIXES or is_assignment(text) or is_option_of_time


def functions(commands: Iterable[Command]) -> frozenset[str]:
    """The names of the functions that a script defines."""
    return frozenset(name for command in commands for name in command.functions)


def variables(commands: Iterable[Command]) -> dict[str, list[list[str] | None]]:
    """The words of each value that a script gives a variable, as they stand; None for what is not known.

    No words are a value, too; a variable that is set in some cases alone may have it.
    """
    found: dict[str, list[list[str] | None]] = {}
    certain = set()
    for command in commands:
        declared = command.words[1:] if command.texts[:1] and command.texts[0] in _DECLARING else ()
        for token in (*command.assignments, *declared):
            name, _, value = token.text.partition("=")
            if not is_assignment(token.text):
                continue
            name = name.rstrip("+")
            is_known = "$(" not in value and "`" not in value
            words = re.sub(r"[\"'()]|\\\n", " ", value).split() if is_known else None
            found.setdefault(name, []).append(words)
            if not command.within and command.before not in ("&&", "||"):
                certain.add(name)
    return {name: values if name in certain else [*values, []] for name, values in found.items()}
