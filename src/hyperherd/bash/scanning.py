"""The tokens of a bash script, as far as it takes to tell where a command ends.

Source: bash(1), sections QUOTING, EXPANSION, REDIRECTION, SHELL GRAMMAR. Quotes, substitutions, here-documents and
comments are told from commands; what a command does is not looked at.
"""

from __future__ import annotations

import contextlib
import re
from enum import Enum
from typing import NamedTuple

from hyperherd.errors import ScriptError

PLACEHOLDER = "{overrides}"
OPENERS = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "while",
        "until",
        "do",
        "{",
        "!",
        "time",
        "coproc",
    ]
)
"""Reserved words behind which a command begins. Behind ``for`` and ``case`` a name stands: ``for case in 1 2``."""

_OPERATOR = re.compile(r";;&|;;|;&|;|&&|&(?!>)|\|\||\|&|\||\(|\)")
_REDIRECTION = re.compile(
    r"(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:<<<|<<-|<<|<>|<&|>>|>&|>\||<(?!\()|>(?!\())|&>>|&>"
)
_CONTINUATION = re.compile(r"\\\r?\n")
_LINE_END = re.compile(r"\r?\n|\r\Z")
_BLANKS = re.compile(r"(?:[ \t]|\\\r?\n)*")
_PATTERN = re.compile(r"\$\{!?(?:\w+|[@*])(?:\[[^]]*\])?[#%/^,]")
_DEEPEST = 100
_WORD_ENDS = frozenset(" \t\n;&|()<>")


class Kind(Enum):
    """What a token is; COMPOUND is ``[[ ... ]]`` or ``(( ... ))``, REDIRECTION includes its target."""

    WORD = "word"
    OPERATOR = "operator"
    REDIRECTION = "redirection"
    COMPOUND = "compound"
    LINE_END = "line end"


class Token(NamedTuple):
    """``text`` is the source from ``start`` up to ``end``."""

    kind: Kind
    start: int
    end: int
    text: str


class Scan:
    """A script's tokens, from ``begin`` on: of its outermost commands, and apart those of each substitution.

    ``substituted`` are the tokens in each ``$(...)``, backticks and ``<(...)``; ``placeholders`` the places of
    `PLACEHOLDER` as a word of its own, also in ``$(...)``; ``comments`` and ``backticks`` start and end of each;
    ``dangling`` the place of a backslash that ends the file, or None. Raises `ScriptError` for a quote or bracket that
    is never closed.
    """

    def __init__(self, text: str, begin: int = 0) -> None:
        self.text = text
        self.position = begin
        self.substituted: list[list[Token]] = []
        self.placeholders: list[int] = []
        self.comments: list[tuple[int, int]] = []
        self.backticks: list[tuple[int, int]] = []
        self.dangling: int | None = None
        self._last = len(text.rstrip("\r")) - 1
        self._documents: list[tuple[str, bool, bool]] = []
        try:
            self.tokens = self._commands(nested=False)
        except RecursionError as error:
            raise self._too_deep(self.position) from error

    def _commands(self, *, nested: bool) -> list[Token]:
        """All tokens to the end; of ``nested`` commands, up to their closing bracket, which is passed."""
        tokens: list[Token] = []
        opened = cases = 0
        begin = self.position
        while self._skip_to_token():
            if nested and not opened and not cases and self.text[self.position] == ")":
                self.position += 1
                return tokens
            token = self._token()
            if token.text == "(" or (token.text == ")" and opened):
                opened += 1 if token.text == "(" else -1
                if opened > _DEEPEST:
                    raise self._too_deep(token.start)
            if token.text in ("case", "esac") and is_command_position(tokens):
                cases += 1 if token.text == "case" else -1
            tokens.append(token)
        if nested:
            raise self._never_closed(begin - 1, "(")
        return tokens

    def _skip_to_token(self) -> bool:
        """Go to the next token; False at the end of the text."""
        text = self.text
        while self.position < len(text):
            if text[self.position] in " \t":
                self.position += 1
            elif text[self.position] == "#":
                end = text.find("\n", self.position)
                end = len(text) if end < 0 else end
                self.comments.append((self.position, end))
                self.position = end
            elif found := _CONTINUATION.match(text, self.position):
                self.position = found.end()
            elif self._is_dangling():
                self.position = len(text)
            elif text[self.position] == "\r" and self.position == len(text) - 1:
                self.position += 1
            else:
                return True
        return False

    def _is_dangling(self) -> bool:
        if self.position != self._last or self.text[self._last] != "\\":
            return False
        self.dangling = self.position
        return True

    def _token(self) -> Token:
        start = self.position
        if found := _LINE_END.match(self.text, start):
            self.position = found.end()
            self._pass_documents()
            return self._made(Kind.LINE_END, start, found.end())
        if self.text.startswith("((", start) and (end := self._arithmetic_end(start)):
            self.position = end
            return self._made(Kind.COMPOUND, start, end)
        if found := _REDIRECTION.match(self.text, start):
            return self._redirection(found[0], start, found.end())
        if found := _OPERATOR.match(self.text, start):
            self.position = found.end()
            return self._made(Kind.OPERATOR, start, found.end())
        end = self._word()
        if self.text[start:end] == "[[":
            return self._made(Kind.COMPOUND, start, self._test_end(start))
        if self.text[start:end] == PLACEHOLDER:
            self.placeholders.append(start)
        return self._made(Kind.WORD, start, end)

    def _made(self, kind: Kind, start: int, end: int) -> Token:
        return Token(kind, start, end, self.text[start:end])

    def _redirection(self, operator: str, start: int, end: int) -> Token:
        blanks = _BLANKS.match(self.text, end)
        self.position = blanks.end() if blanks else end
        begin, end = self.position, self._word()
        if operator.endswith(("<<", "<<-")) and not operator.endswith("<<<"):
            delimiter = re.sub(r"[\\'\"]", "", self.text[begin:end])
            is_plain = delimiter == self.text[begin:end]
            self._documents.append((delimiter, operator.endswith("-"), is_plain))
        return self._made(Kind.REDIRECTION, start, end)

    def _pass_documents(self) -> None:
        """Go behind the here-documents whose line has just ended."""
        for delimiter, tabbed, joins_lines in self._documents:
            is_joined = False
            while self.position < len(self.text):
                end = self.text.find("\n", self.position)
                end = len(self.text) if end < 0 else end
                line = self.text[self.position : end].removesuffix("\r")
                self.position = min(end + 1, len(self.text))
                if (line.lstrip("\t") if tabbed else line) == delimiter and not is_joined:
                    break
                backslashes = len(line) - len(line.rstrip("\\"))
                is_joined = joins_lines and backslashes % 2 == 1
        self._documents.clear()

    def _word(self) -> int:
        """Pass a word; where it ends, without the continuation of a line behind it."""
        text, end = self.text, self.position
        while self.position < len(text):
            if found := _CONTINUATION.match(text, self.position):
                self.position = found.end()
                continue
            character = text[self.position]
            opens = text.startswith(("<(", ">("), self.position)
            if (
                character in _WORD_ENDS and not opens and not self._opens_in_word(end)
            ) or self._is_dangling():
                break
            if _LINE_END.match(text, self.position):
                break
            if opens:
                self._substitution(self.position)
            elif character == "(":
                self.position += 1
                self._commands(nested=True)
            else:
                self._piece(in_quotes=False)
            end = self.position
        return end

    def _opens_in_word(self, end: int) -> bool:
        """Whether a bracket belongs to a word: ``a=(1 2)``, ``@(a|b)``."""
        before = self.text[end - 1] if end else ""
        return self.text[self.position] == "(" and end == self.position and before != "" and before in "=@?*+"

    def _piece(self, *, in_quotes: bool) -> None:
        """Pass one character, or all that it opens."""
        text, start = self.text, self.position
        if text[start] == "\\":
            self.position = min(start + 2, len(text))
        elif text[start] == '"' and not in_quotes:
            self._quoted(start)
        elif text[start] == "'" and not in_quotes:
            self.position = self._behind("'", start + 1, start)
        elif text.startswith("$'", start) and not in_quotes:
            self._escaped(start + 2, "'", start)
        elif text[start] == "`":
            self._escaped(start + 1, "`", start)
            self.backticks.append((start, self.position))
            self._in_backticks(start + 1, self.position - 1)
        elif text.startswith("$((", start) and (end := self._arithmetic_end(start + 1)):
            self.position = end
        elif text.startswith("$(", start):
            self._substitution(start)
        elif text.startswith("${", start):
            self._braces(start, in_quotes)
        else:
            self.position = start + 1

    def _quoted(self, start: int) -> None:
        self.position = start + 1
        while self.position < len(self.text):
            if self.text[self.position] == '"':
                self.position += 1
                return
            self._piece(in_quotes=True)
        raise self._never_closed(start, '"')

    def _braces(self, start: int, in_quotes: bool) -> None:
        self.position = start + 2
        # In a pattern quotes are quotes even within others: "${x//'"'/}".
        in_quotes = in_quotes and _PATTERN.match(self.text, start) is None
        while self.position < len(self.text):
            if self.text[self.position] == "}":
                self.position += 1
                return
            if self.text[self.position] == '"':
                self._quoted(self.position)
            else:
                self._piece(in_quotes=in_quotes)
        raise self._never_closed(start, "${")

    def _escaped(self, position: int, mark: str, start: int) -> None:
        """Pass text up to an unescaped mark."""
        found = re.compile(rf"(?:[^\\{mark}]|\\.)*{mark}", re.DOTALL).match(self.text, position)
        if found is None:
            raise self._never_closed(start, mark)
        self.position = found.end()

    def _substitution(self, start: int) -> None:
        self.position = start + 2
        self.substituted.append(self._commands(nested=True))

    def _in_backticks(self, start: int, end: int) -> None:
        """Their commands, where these are plain: backslashes mean something else in there."""
        if "\\" not in self.text[start:end]:
            with contextlib.suppress(ScriptError):
                inside = Scan(self.text[:end], start)
                self.substituted += [inside.tokens, *inside.substituted]

    def _behind(self, mark: str, position: int, start: int) -> int:
        end = self.text.find(mark, position)
        if end < 0:
            raise self._never_closed(start, mark)
        return end + 1

    def _arithmetic_end(self, start: int) -> int:
        """Where ``((...))`` ends, 0 if it is something else: two subshells."""
        depth = 0
        for position in range(start, len(self.text)):
            if self.text[position] == "(":
                depth += 1
            elif self.text[position] == ")":
                depth -= 1
                if depth == 1:
                    return position + 2 if self.text.startswith("))", position) else 0
        return 0

    def _test_end(self, start: int) -> int:
        """Pass ``[[ ... ]]``, in which brackets and operators mean something else."""
        while self.position < len(self.text):
            if self.text[self.position] in _WORD_ENDS or _LINE_END.match(self.text, self.position):
                self.position += 1
                continue
            begin = self.position
            if self.text[begin : self._word()] == "]]":
                return begin + 2
            self.position = max(self.position, begin + 1)
        raise self._never_closed(start, "[[")

    def _never_closed(self, start: int, mark: str) -> ScriptError:
        return ScriptError(f"{mark} is never closed", where=line_of(self.text, start))

    def _too_deep(self, position: int) -> ScriptError:
        return ScriptError("nested too deeply", where=line_of(self.text, position), hint="simplify it")


def is_command_position(tokens: list[Token]) -> bool:
    """Whether the word behind these tokens is a command or a reserved word."""
    if not tokens or tokens[-1].kind in (Kind.LINE_END, Kind.OPERATOR):
        return True
    return tokens[-1].text in OPENERS and is_command_position(tokens[:-1])


def number_of_line(text: str, position: int) -> int:
    """The number of a line, counted from 1."""
    return text.count("\n", 0, position) + 1


def line_of(text: str, position: int) -> str:
    """``line 3``, counted from 1."""
    return f"line {number_of_line(text, position)}"
