"""The pieces of a value in Hydra's grammar.

Source: hydra-core 1.3, ``OverrideLexer.g4``, VALUE_MODE. Beyond it, unquoted text may hold ``; # & ~`` and
any character outside of ASCII.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hyperherd.errors import GrammarError


class Token(NamedTuple):
    """``kind`` is the character itself for ``( ) [ ] { } , : =``, else one of the names below."""

    kind: str
    text: str
    start: int
    end: int


TEXT, ESCAPE, BLANK = "text", "escape", "blank"
QUOTED, INTERPOLATION, END = "quoted", "interpolation", "end"

_TOKEN = re.compile(
    r"""
      (?P<text> (?: [A-Za-z0-9_/\-.+%*@?|;\#&~\u0080-\U0010ffff]
               | \$(?!\{[^}]) | \\(?![\\()\[\]{}:=,\ \t]) )+ )
    | [ \t]* (?P<between> [(,:=] ) [ \t]*
    | [ \t]* (?P<closing> [)\]}] )
    | (?P<opening> [\[{] ) [ \t]*
    | (?P<quoted> '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" )
    | (?P<escape> (?: \\[\\()\[\]{}:=,\ \t] )+ )
    | (?P<interpolation> \$\{[^}]+\} )
    | (?P<blank> [ \t]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_PUNCTUATION = frozenset({"between", "closing", "opening"})


def tokenize(text: str, start: int = 0) -> list[Token]:
    """The tokens of ``text`` from ``start`` on, an END last. Blanks beside punctuation belong to it.

    Raises `GrammarError` for a character that must be quoted, and for a quote that is never closed.
    """
    tokens = []
    position = start
    match = _TOKEN.match
    while found := match(text, position):
        kind = found.lastgroup or ""
        end = found.end()
        if kind in _PUNCTUATION:
            tokens.append(Token(found[kind], found[0], position, end))
        else:
            tokens.append(Token(kind, found[0], position, end))
        position = end
    if position < len(text):
        raise _bad_character(text, position)
    tokens.append(Token(END, "", position, position))
    return tokens


def _bad_character(text: str, position: int) -> GrammarError:
    character = text[position]
    if character in "'\"":
        hint = f"put the whole value into the other kind of quotes, or escape this one: \\{character}"
        return GrammarError("a quote that is never closed", text=text, position=position, hint=hint)
    if character == "$":
        hint = "an interpolation is ${name}; in quotes it may be anything"
        return GrammarError("an interpolation that is never closed", text=text, position=position, hint=hint)
    what = f"{character!r} cannot stand here unquoted"
    return GrammarError(what, text=text, position=position, hint="put the value into quotes: 'like this'")
