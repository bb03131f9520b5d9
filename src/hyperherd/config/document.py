"""YAML text -> plain builtins and the line of each: the one place where YAML nodes become values.

The rules are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema): ``1e-3`` is a
number, ``on`` and ``2024-01-01`` are text. Anchors and merge keys work, but only text may be a key.
ruamel.yaml is asked for events only, because resolving and composing nodes would take it several times as
long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hyperherd.errors import ConfigError, Fault
from hyperherd.sweep.trial import Value

Path: TypeAlias = "tuple[str | int, ...]"
"""Where a value stands in the document: ``("parameters", "lr", "values", 0)``."""

MAX_CHARACTERS = 10_000_000
MAX_VALUES = 1_000_000
"""Counted after aliases are followed: a few lines of nested anchors can describe more values than there are atoms."""
MAX_DEPTH = 100

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_SHELL_HOLDS = re.compile("[\0\ud800-\udfff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STANDARD_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """``value`` is what the file says; ``lines`` has the line (from 1) of each value, but for what an alias
    repeats.
    """

    file: str
    value: Value
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of ``path``, or of the nearest thing around it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path) -> str:
        """``file:line: parameters.lr.values[0]``."""
        return _where(self.file, self.line(path), path)


def read(text: str, *, file: str) -> Document:
    """The document in ``text``. Raises `ConfigError` with the one place where it stops being YAML, or with
    all keys given twice, unknown tags and aliases, keys that are not text.
    """
    text = text.removeprefix("\ufeff")
    _refuse_what_no_yaml_holds(text, file)
    composer = _Composer(file, text)
    try:
        value = composer.document()
    except MarkedYAMLError as error:
        raise ConfigError([_syntax_fault(error, text, file)]) from error
    except YAMLError as error:
        raise ConfigError([Fault(f"{file}:1", f"not YAML: {error}")]) from error
    except _UnreadableError as error:
        raise ConfigError([*composer.faults, error.fault]) from error
    if composer.faults:
        raise ConfigError(composer.faults)
    return Document(file, value, composer.lines)


def dotted(path: Path) -> str:
    """The path as people write it.

    >>> dotted(("parameters", "lr", "values", 0))
    'parameters.lr.values[0]'
    """
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


def _where(file: str, line: int, path: Path) -> str:
    return f"{file}:{line}: {dotted(path)}" if path else f"{file}:{line}"


def _refuse_what_no_yaml_holds(text: str, file: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise ConfigError([Fault(file, f"{len(text):,} characters; {MAX_CHARACTERS:,} at most are read")])
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        what = f"the character {found.group()!a} is not allowed in YAML"
        raise ConfigError(
            [Fault(f"{file}:{line}", what, 'write it in double quotes as an escape, such as "\\x07"')]
        )


_SYNTAX_HINTS = {
    "mapping values are not allowed here": "a text that holds ': ' needs quotes; or the indentation is off",
    "could not find expected ':'": "each line of a mapping is 'key: value'; or the indentation is off",
    "found character '\\t' that cannot start any token": "YAML is indented with blanks, not with tabs",
    "found character '@' that cannot start any token": "put the text in quotes",
    "found character '%' that cannot start any token": "put the text in quotes",
    "found character '`' that cannot start any token": "put the text in quotes",
}


def _syntax_fault(error: MarkedYAMLError, text: str, file: str) -> Fault:
    problem = str(error.problem or error.context or "cannot be read")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    around = ""
    if error.context and error.context_mark and error.context_mark.line != line:
        around = f" ({error.context} that begins on line {error.context_mark.line + 1})"
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines) - 1)].replace("\t", " ")
    what = f"not YAML: {problem}{around}, at column {column + 1}:\n    {shown}\n    {' ' * column}^"
    return Fault(f"{file}:{line + 1}", what, _SYNTAX_HINTS.get(problem, ""))


class _UnreadableError(Exception):
    """The rest of the document cannot be made sense of."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


class _Anchored(NamedTuple):
    value: Value
    size: int


class _Composer:
    """Values out of ruamel's events, with the line of each and the faults on the way."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []
        self.anchored: dict[str, _Anchored | None] = {}
        self.size = 0

    def document(self) -> Value:
        """The value of the only document; None where there is none."""
        value: Value = None
        documents = 0
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self.unreadable(event, (), "a second document begins here", "remove the line '---'")
            elif kind.endswith(("StartEvent", "AliasEvent", "ScalarEvent")) and kind != "StreamStartEvent":
                value = self.node(event, ())
        return value

    def node(self, event: Any, path: Path) -> Value:
        """The value that begins with ``event``."""
        self.lines.setdefault(path, event.start_mark.line + 1)
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self.alias(event, path)
        before = self.size
        self.count(event, path, 1)
        if event.anchor:
            self.anchored[event.anchor] = None
        if kind == "ScalarEvent":
            value = self.scalar(event, path)
        elif len(path) >= MAX_DEPTH:
            raise self.unreadable(event, path[:3], f"nested more than {MAX_DEPTH} deep")
        else:
            value = self.sequence(event, path) if kind == "SequenceStartEvent" else self.mapping(event, path)
        if event.anchor:
            self.anchored[event.anchor] = _Anchored(value, self.size - before)
        return value

    def count(self, event: Any, path: Path, values: int) -> None:
        self.size += values
        if self.size > MAX_VALUES:
            raise self.unreadable(
                event, path[:3], f"more than {MAX_VALUES:,} values, those of aliases included"
            )

    def alias(self, event: Any, path: Path) -> Value:
        anchored = self.anchored.get(event.anchor)
        if anchored is None:
            within = event.anchor in self.anchored
            what = (
                f"*{event.anchor} stands within what it names"
                if within
                else f"no &{event.anchor} before this"
            )
            self.fault(event, path, what)
            return None
        self.count(event, path, anchored.size)
        return anchored.value

    def sequence(self, start: Any, path: Path) -> Value:
        self.check_tag(start, path, "seq")
        found: list[Value] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            found.append(self.node(event, (*path, len(found))))
        return found

    def mapping(self, start: Any, path: Path) -> Value:
        self.check_tag(start, path, "map")
        found: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            key = self.key(event, path)
            here = (*path, key)
            if key == "<<" and getattr(event, "style", "") is None:
                merged.update(self.merged(event, path))
            elif key in found:
                self.fault(event, here, f"given twice (first on line {self.lines[here]})")
                self.node(next(self.events), (*here, "second"))
            else:
                self.lines[here] = event.start_mark.line + 1
                found[key] = self.node(next(self.events), here)
        return {**merged, **found}

    def key(self, event: Any, path: Path) -> str:
        key = self.node(event, (*path, "?"))
        self.lines.pop((*path, "?"), None)
        if isinstance(key, str):
            return key
        text = event.value if type(event).__name__ == "ScalarEvent" else "..."
        hint = f'put it in quotes: "{text}"' if text not in ("", "...") else ""
        self.fault(event, path, f"the key {text or '(nothing)'} is not text", hint)
        return str(text)

    def merged(self, key: Any, path: Path) -> dict[str, Value]:
        value = self.node(next(self.events), (*path, "<<"))
        found: dict[str, Value] = {}
        for part in reversed(value if isinstance(value, list) else [value]):
            if isinstance(part, dict):
                found.update(part)
            else:
                self.fault(key, (*path, "<<"), "'<<' takes a mapping, or a list of mappings")
        return found

    def text(self, event: Any, path: Path) -> str:
        """The text of a scalar. JSON writes a character beyond U+FFFF as two escapes, which are joined here."""
        text: str = event.value
        if not _NO_SHELL_HOLDS.search(text):
            return text
        if "\0" in text:
            self.fault(event, path, 'the character "\\0", which no argument of a program can hold')
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.fault(event, path, "half a character: an escape of a surrogate without its other half")
            return ""

    def scalar(self, event: Any, path: Path) -> Value:
        text = self.text(event, path)
        tag = event.tag
        if tag is None:
            return self.plain(event, path) if event.style is None else text
        kind = tag.removeprefix(_STANDARD_TAG)
        if tag in ("!", _STANDARD_TAG + "str"):
            return text
        value = self.plain(event, path)
        if kind == "float" and type(value) is int:
            return float(value)
        if kind not in ("int", "float", "bool", "null") or not _is_a(value, kind):
            self.fault(event, path, f"{text!r} cannot be read as {_shown_tag(tag)}")
        return value

    def plain(self, event: Any, path: Path) -> Value:
        text: str = event.value
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] not in "+-.0123456789":
            return text
        try:
            value = number(text)
        except ValueError:
            self.fault(event, path, f"a number of {len(text):,} digits", "put it in quotes to make it text")
            return None
        if value in (float("inf"), float("-inf")) and not _NON_FINITE.fullmatch(text):
            self.fault(
                event, path, f"{text} is too large for a float", f'for text: "{text}"; for infinity: .inf'
            )
        return text if value is None else value

    def check_tag(self, event: Any, path: Path, expected: str) -> None:
        if event.tag not in (None, "!", _STANDARD_TAG + expected):
            self.fault(event, path, f"the tag {_shown_tag(event.tag)} is not known here", "remove it")

    def fault(self, event: Any, path: Path, what: str, hint: str = "") -> None:
        self.faults.append(Fault(_where(self.file, event.start_mark.line + 1, path), what, hint))

    def unreadable(self, event: Any, path: Path, what: str, hint: str = "") -> _UnreadableError:
        return _UnreadableError(Fault(_where(self.file, event.start_mark.line + 1, path), what, hint))


def number(text: str) -> int | float | None:
    """The number that the core schema sees in plain text, or None. Raises ValueError for integers of
    thousands of digits.
    """
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NON_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return None


def _is_a(value: Value, kind: str) -> bool:
    return type(value).__name__ == {"null": "NoneType"}.get(kind, kind)


def _shown_tag(tag: str) -> str:
    return tag.replace(_STANDARD_TAG, "!!")
