"""A value in Hydra's grammar, from text to value or sweep.

Source: hydra-core 1.3, ``OverrideParser.g4`` and ``overrides_visitor.py``; for the pieces ``OverrideLexer.g4``,
VALUE_MODE. Beyond it, unquoted text may hold ``; # & ~`` and any character outside of ASCII.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any, NamedTuple

from hyperherd.errors import GrammarError, nearest
from hyperherd.grammar.functions import FUNCTIONS, INSTEAD, Call, MisuseError
from hyperherd.grammar.scalars import scalar, unquote
from hyperherd.grammar.sweep_values import SWEEPS, Choice, Item, Quoted, item, plain


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


_DEEPEST = 100
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*").fullmatch
_UNQUOTED = frozenset({TEXT, ESCAPE, INTERPOLATION, BLANK, ":"})
_UNQUOTED_KEY = frozenset({TEXT, ESCAPE, BLANK})
_VALUE, _KEY = "value", "key"
_CLOSERS = frozenset(")]}")
_TO_BE_QUOTED = frozenset("=([{:")


def read_value(text: str) -> Any:
    """The one value that ``text`` is, as builtins; a map's keys may be quoted. Raises `GrammarError`."""
    value = parse_value(text, quoted_keys=True).value
    if isinstance(value, SWEEPS) or holds_sweep(value):
        raise GrammarError("a sweep, where one value is wanted", text=text, position=0)
    return plain(value)


def parse_value(text: str, start: int = 0, *, seed: str = "", quoted_keys: bool = False) -> Item:
    """What stands in ``text`` from ``start`` on: a value or a sweep; nothing is the empty string.

    ``seed`` decides the order of ``shuffle([...])``. Raises `GrammarError`.
    """
    reader = _Reader(text, start, seed, quoted_keys)
    if reader.kind == END:
        return Item("", "")
    first = reader.element()
    if reader.kind != ",":
        reader.expect(END)
        return first
    items = [first]
    while reader.kind == ",":
        reader.step()
        items.append(reader.element())
    reader.expect(END)
    return Item(Choice(tuple(items), simple=True), text[start:])


def holds_sweep(value: Any) -> bool:
    """Whether there is a sweep inside of a list or map."""
    if isinstance(value, list):
        return any(isinstance(element, SWEEPS) or holds_sweep(element) for element in value)
    return isinstance(value, dict) and holds_sweep(list(value.values()))


def _evaluated(value: Any, source: str) -> Item:
    """What a function made: nobody typed it, so it is written anew; a sweep keeps its source for messages."""
    return Item(value, source) if isinstance(value, SWEEPS) or holds_sweep(value) else item(value)


class _Reader:
    """Goes through the tokens of one value by recursive descent; ``kind`` is that of the token ahead."""

    def __init__(self, text: str, start: int, seed: str, quoted_keys: bool) -> None:
        blanks = len(text[start:]) - len(text[start:].lstrip(" \t"))
        self.text = text
        self.start = start
        self.tokens = tokenize(text, start + blanks)
        self.position = 0
        self.kind = self.tokens[0].kind
        self.end = start
        self.depth = 0
        self.computed = 0
        self.random = Random(seed)
        self.quoted_keys = quoted_keys

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def step(self) -> Token:
        token = self.tokens[self.position]
        self.end = token.end
        self.position += 1
        self.kind = self.tokens[self.position].kind
        return token

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            raise self.unexpected(kind)
        if kind != END:
            self.step()

    def unexpected(self, wanted: str = _VALUE) -> GrammarError:
        """What to say of the token ahead where ``wanted`` should be: a kind of token, or one of the two names."""
        token = self.token
        bare = token.text.strip()
        start = token.start + max(0, token.text.find(bare[:1]))
        found = bare if token.kind == QUOTED else f"'{bare}'" if bare else "a blank"
        what = _unexpected(token.kind, found, wanted, opened=self.depth > 0)
        behind_comma = token.kind == END and self.tokens[self.position - 1].kind == ","
        hint = (
            _HINTS.get("," if behind_comma else token.kind)
            or _HINTS.get(f"wanted {wanted}")
            or self.quoting_hint()
        )
        return GrammarError(what, text=self.text, position=start, hint=hint)

    def quoting_hint(self) -> str:
        value = self.text[self.start :].strip()
        if not self.start or not value or len(value) > _SHOWN or set(value) & _HARD_TO_QUOTE:
            return "put the value into quotes: 'like this'"
        return f"put the value into quotes; in a shell: \"{self.text[: self.start]}'{value}'\""

    def element(self) -> Item:
        kind = self.kind
        if kind == TEXT:
            following = self.tokens[self.position + 1].kind
            if following == "(":
                return self.function()
            if following not in _UNQUOTED:
                word = self.step().text
                return Item(scalar(word), word)
        token, computed = self.token, self.computed
        if kind == QUOTED:
            self.step()
            return Item(Quoted.of(unquote(token.text), token.text[0]), token.text)
        if kind in _UNQUOTED:
            value = self.primitive(_UNQUOTED)
        elif kind == "[" or kind == "{":
            value = self.container()
        else:
            raise self.unexpected()
        source = self.text[token.start : self.end]
        return Item(value, source) if computed == self.computed else _evaluated(value, source)

    def primitive(self, allowed: frozenset[str]) -> Any:
        """The value of unquoted text; blanks around it are no part of it."""
        first = self.position
        while self.kind in allowed:
            self.step()
        pieces = self.tokens[first : self.position]
        if pieces and pieces[-1].kind == BLANK:
            pieces = pieces[:-1]
            self.end = pieces[-1].end if pieces else self.end
        if len(pieces) == 1 and pieces[0].kind == TEXT:
            return scalar(pieces[0].text)
        if not pieces:
            raise self.unexpected()
        return "".join([piece.text[1::2] if piece.kind == ESCAPE else piece.text for piece in pieces])

    def container(self) -> Any:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise GrammarError("nested too deeply", text=self.text, position=self.token.start)
        value = self.list_elements() if self.kind == "[" else self.map_elements()
        self.depth -= 1
        return value

    def list_elements(self) -> list[Any]:
        self.step()
        values: list[Any] = []
        while self.kind != "]" or values:
            values.append(self.element().value)
            if self.kind != ",":
                break
            self.step()
        self.expect("]")
        return values

    def map_elements(self) -> dict[Any, Any]:
        self.step()
        values: dict[Any, Any] = {}
        while self.kind != "}" or values:
            key = self.key()
            self.expect(":")
            values[key] = self.element().value
            if self.kind != ",":
                break
            self.step()
        self.expect("}")
        return values

    def key(self) -> Any:
        if self.kind == QUOTED and self.quoted_keys:
            return unquote(self.step().text)
        if self.kind not in _UNQUOTED_KEY:
            raise self.unexpected(_KEY)
        return self.primitive(_UNQUOTED_KEY)

    def function(self) -> Item:
        start = self.token
        self.depth += 1
        if self.depth > _DEEPEST:
            raise GrammarError("nested too deeply", text=self.text, position=start.start)
        name = self.step().text
        if name not in FUNCTIONS:
            raise self.unknown(start)
        positional, named = self.arguments()
        self.depth -= 1
        try:
            value = FUNCTIONS[name](Call(tuple(positional), named, self.random))
        except MisuseError as error:
            raise self.misused(start, str(error)) from error
        self.computed += 1
        return _evaluated(value, self.text[start.start : self.end])

    def arguments(self) -> tuple[list[Item], dict[str, Item]]:
        self.step()
        positional: list[Item] = []
        named: dict[str, Item] = {}
        while self.kind != ")" or positional or named:
            token = self.token
            if token.kind == TEXT and self.tokens[self.position + 1].kind == "=" and _ID(token.text):
                self.step()
                self.step()
                named[token.text] = self.element()
            elif named:
                what = "an argument without a name stands behind one with a name"
                raise GrammarError(what, text=self.text, position=token.start)
            else:
                positional.append(self.element())
            if self.kind != ",":
                break
            self.step()
        self.expect(")")
        return positional, named

    def unknown(self, start: Token) -> GrammarError:
        guess = INSTEAD.get(start.text.lower()) or nearest(start.text, FUNCTIONS, likeness=0.7)
        known = guess or "the functions are " + ", ".join(FUNCTIONS)
        hint = f"{known}; text with brackets in it is put into quotes: 'f(x)'"
        return GrammarError(f"no function '{start.text}'", text=self.text, position=start.start, hint=hint)

    def misused(self, start: Token, reason: str) -> GrammarError:
        hint = f"it is written {FUNCTIONS[start.text].usage}"
        return GrammarError(f"{start.text}: {reason}", text=self.text, position=start.start, hint=hint)


_SHOWN = 60
_HARD_TO_QUOTE = frozenset("'\"\\$`!,")
"""With a comma it may be a list of values, of which one is at fault."""

_HINTS = {
    END: "close what is open, or put the value into quotes: 'like this'",
    ",": "between two commas (and at the ends) there must be a value; the empty string is ''",
    QUOTED: "quotes must be around the whole value",
    "wanted :": "a map is {key: value}; text that looks like one is put into quotes",
}


def _unexpected(kind: str, found: str, wanted: str, *, opened: bool) -> str:
    """The sentence for a token of this kind, shown as ``found``, where ``wanted`` should be.

    ``opened``: inside of brackets.
    """
    if kind == END:
        return f"{_named(wanted)} is missing at the end"
    if kind in _CLOSERS and not opened:
        return f"{found} closes nothing"
    if wanted in (_VALUE, _KEY):
        missing = kind in _CLOSERS or kind == ","
        return f"a {wanted} is missing before {found}" if missing else f"a {wanted} cannot begin with {found}"
    if kind in _TO_BE_QUOTED:
        return f"{found} must be quoted"
    if wanted == END:
        return f"{found} stands behind a value that is complete"
    return f"{_named(wanted)} is missing before {found}"


def _named(wanted: str) -> str:
    if wanted in (_VALUE, _KEY):
        return f"a {wanted}"
    return f"',' or '{wanted}'" if wanted in _CLOSERS else f"'{wanted}'"
