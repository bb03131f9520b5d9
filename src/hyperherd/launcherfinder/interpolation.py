"""``${...}`` in YAML documents, resolved as OmegaConf does (omegaconf.readthedocs.io, "Variable interpolation").

``${a.b}`` is a key from the document's root, ``${.a}`` one beside the text, ``${..a}`` one level up, and so on;
``${oc.env:NAME}`` and ``${oc.env:NAME,default}`` are variables of the environment, ``${oc.select:a.b,default}`` is a
key that may be absent. They nest, and ``\\${`` is a plain ``${``. ``???`` is a value that is still missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperherd.errors import HerdError, nearest
from hyperherd.grammar.scalars import QUOTES, quoted_end, scalar, unquote

Value = Any
Path = tuple["str | int", ...]

MISSING = "???"

_REFERENCE = re.compile(r"\.*[\w@/-]+(\.[\w@/-]+)*")
_RESOLVER = re.compile(r"\s*([\w.]+)\s*:(.*)", re.DOTALL)


class InterpolationError(HerdError, ValueError):
    """A ``${...}`` that leads nowhere, or to itself; ``path`` is where it stands. ``every`` has all of the document,
    this one first.
    """

    def __init__(self, what: str, path: Path, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.path = path
        self.every: tuple[InterpolationError, ...] = (self,)


class _CircleError(InterpolationError):
    """It leads to itself: no default helps."""


def resolve(document: Value, environment: Mapping[str, str]) -> Value:
    """The document (plain builtins) without interpolations. Raises `InterpolationError`.

    >>> resolve({"a": "gpu:${.n}", "n": 2, "m": "${n}", "u": "/s/${oc.env:USER}"}, {"USER": "ada"})
    {'a': 'gpu:2', 'n': 2, 'm': 2, 'u': '/s/ada'}
    """
    resolver = _Resolver(document, environment)
    try:
        resolved = resolver.tree((), document)
    except RecursionError:
        raise InterpolationError("one leads to the next too many times", ()) from None
    if resolver.faults:
        first, *_ = every = tuple(resolver.faults.values())
        first.every = every
        raise first
    return resolved


@dataclass
class _Resolver:
    document: Value
    environment: Mapping[str, str]
    open: list[Path] = field(default_factory=list)
    """The texts that are being resolved, each asked for by the one before it."""
    faults: dict[tuple[Path, str], InterpolationError] = field(default_factory=dict)
    """By where they stand and what they are: one that others lead to is one."""

    def tree(self, path: Path, found: Value) -> Value:
        """As `value`, but for the faults, which are collected."""
        if isinstance(found, dict):
            return {key: self.tree((*path, key), inner) for key, inner in found.items()}
        if isinstance(found, list):
            return [self.tree((*path, place), inner) for place, inner in enumerate(found)]
        try:
            return self.value(path, found)
        except InterpolationError as error:
            self.faults.setdefault((error.path, error.what), error)
            return None

    def value(self, path: Path, found: Value, *, as_written: bool = False) -> Value:
        """``as_written``: of a mapping or a list that a text holds, OmegaConf shows what stands in the file."""
        if as_written and isinstance(found, (dict, list)):
            return found
        if isinstance(found, dict):
            return {key: self.value((*path, key), inner) for key, inner in found.items()}
        if isinstance(found, list):
            return [self.value((*path, place), inner) for place, inner in enumerate(found)]
        if not isinstance(found, str) or "${" not in found:
            return found
        if path in self.open:
            chain = " -> ".join(_dotted(step) for step in (*self.open[self.open.index(path) :], path))
            raise _CircleError(f"it leads to itself: {chain}", path)
        self.open.append(path)
        try:
            return self.text(path, found, as_written=as_written)
        finally:
            self.open.pop()

    def text(self, path: Path, text: str, *, as_written: bool = False) -> Value:
        """A text that is one interpolation and nothing else keeps the type of what it names."""
        whole = text.startswith("${") and _end(path, text, 0) == len(text) - 1
        parts: list[Value] = []
        position = 0
        while (start := text.find("${", position)) >= 0:
            plain = text[position:start]
            bare = plain.rstrip("\\")
            slashes = len(plain) - len(bare)
            plain = bare + "\\" * (slashes // 2)
            if slashes % 2:
                parts.append(plain + "${")
                position = start + 2
                continue
            if plain:
                parts.append(plain)
            end = _end(path, text, start)
            parts.append(self.interpolation(path, text[start + 2 : end], as_written=as_written or not whole))
            position = end + 1
        if position < len(text):
            parts.append(text[position:])
        return parts[0] if len(parts) == 1 else "".join(map(str, parts))

    def interpolation(self, path: Path, inside: str, *, as_written: bool) -> Value:
        match = _RESOLVER.fullmatch(inside)
        if not match:
            value = self.reference(path, str(self.text(path, inside)).strip(), as_written=as_written)
            if any(value is around for around in self.around(path)):
                raise _CircleError(f"'${{{inside}}}' holds the text that it stands in", path)
            return value
        resolver, words = match[1], _arguments(match[2])
        if resolver not in ("oc.env", "oc.select"):
            hint = nearest(resolver, ("oc.env", "oc.select")) or "there are oc.env and oc.select"
            raise InterpolationError(f"no resolver '{resolver}'", path, hint)
        if len(words) > 2:
            raise InterpolationError(
                f"'{resolver}' takes a name and a default, not {len(words)} words",
                path,
                "put a text that holds a comma in quotes",
            )
        name = str(self.argument(path, words[0]))
        for word in words[1:]:
            self.argument(path, word, as_written=True)  # what is wrong in a default is told, used or not
        if resolver == "oc.env":
            return self.variable(path, name, words[1:])
        try:
            return self.reference(path, name, as_written=as_written)
        except _CircleError:
            raise
        except InterpolationError:
            return self.argument(path, words[1], as_written=as_written) if words[1:] else None

    def around(self, path: Path) -> Iterator[Value]:
        """The mappings and lists that the value at ``path`` stands in, as the file has them."""
        found = self.document
        for key in path:
            yield found
            found = found[key]

    def argument(self, path: Path, word: str, *, as_written: bool = False) -> Value:
        """A word in quotes is text, one interpolation keeps its type, another word is read as Hydra does."""
        if word[:1] in QUOTES and word:
            return self.text(path, unquote(word)) if quoted_end(word, 0) == len(word) else word
        return self.text(path, word, as_written=as_written) if "${" in word else scalar(word)

    def variable(self, path: Path, name: str, default: list[str]) -> str | None:
        """Text always, but for the default ``null``."""
        if name in self.environment:
            return self.environment[name]
        if not default:
            hint = f"export {name}=..., or write ${{oc.env:{name},default}}"
            raise InterpolationError(f"the environment has no variable {name!r}", path, hint)
        value = self.argument(path, default[0], as_written=True)
        return None if value is None else str(value)

    def reference(self, path: Path, words: str, *, as_written: bool) -> Value:
        if not _REFERENCE.fullmatch(words):
            raise InterpolationError(
                f"'${{{words}}}' names nothing",
                path,
                "${key}, ${.key}, ${oc.env:NAME}, ${oc.env:NAME,default}",
            )
        up = len(words) - len(words.lstrip("."))
        if up > len(path):
            raise InterpolationError(f"'${{{words}}}' leads out of the file", path, "take a dot away")
        target: Path = path[: len(path) - up] if up else ()
        found = self.document
        for key in target:
            found = found[key]
        for key in words[up:].split("."):
            step: str | int = int(key) if isinstance(found, list) and key.isdigit() else key
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                known = [str(name) for name in found] if isinstance(found, dict) else []
                raise InterpolationError(
                    f"'${{{words}}}' names nothing here", path, nearest(key, known)
                ) from None
            target = (*target, step)
        if found == MISSING:
            raise InterpolationError(f"'${{{words}}}' names what has no value yet ({MISSING})", path)
        return self.value(target, found, as_written=as_written)


def _end(path: Path, text: str, start: int) -> int:
    """Where the interpolation that begins at ``start`` closes."""
    depth = 0
    for position in range(start, len(text)):
        if text.startswith("${", position):
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    raise InterpolationError(f"'{text[start:]}' is not closed", path, "write a } behind it")


def _arguments(text: str) -> list[str]:
    """The words between commas; those in quotes and in ``${...}`` part none.

    >>> _arguments(" a , 'b, c',${oc.env:d,e}"), _arguments("")
    (['a', "'b, c'", '${oc.env:d,e}'], [''])
    """
    words, start, position, depth = [], 0, 0, 0
    while position < len(text):
        letter = text[position]
        if letter in QUOTES and not depth and not text[start:position].strip():
            end = quoted_end(text, position)
            position = end if end > 0 else position + 1
            continue
        depth += text.startswith("${", position) - (letter == "}" and depth > 0)
        if letter == "," and not depth:
            words.append(text[start:position].strip())
            start = position + 1
        position += 1
    return [*words, text[start:].strip()]


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
