"""``${...}`` in YAML documents, resolved as OmegaConf does (omegaconf.readthedocs.io, "Variable interpolation").

``${a.b}`` is a key from the document's root, ``${.a}`` one beside the text, ``${..a}`` one level up, and so on;
``${oc.env:NAME}`` and ``${oc.env:NAME,default}`` are variables of the environment, ``${oc.select:a.b,default}`` is a
key that may be absent. They nest, and ``\\${`` is a plain ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperherd.errors import HerdError, nearest
from hyperherd.grammar.scalars import scalar

Value = Any
Path = tuple["str | int", ...]

_REFERENCE = re.compile(r"\.*[\w@/-]+(\.[\w@/-]+)*")


class InterpolationError(HerdError, ValueError):
    """A ``${...}`` that leads nowhere, or to itself; ``path`` is where it stands."""

    def __init__(self, what: str, path: Path, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.path = path


def resolve(document: Value, environment: Mapping[str, str]) -> Value:
    """The document (plain builtins) without interpolations. Raises `InterpolationError`.

    >>> resolve({"a": "gpu:${.n}", "n": 2, "m": "${n}", "u": "/s/${oc.env:USER}"}, {"USER": "ada"})
    {'a': 'gpu:2', 'n': 2, 'm': 2, 'u': '/s/ada'}
    """
    return _Resolver(document, environment).value((), document)


@dataclass
class _Resolver:
    document: Value
    environment: Mapping[str, str]
    open: list[Path] = field(default_factory=list)
    """The texts that are being resolved, each asked for by the one before it."""

    def value(self, path: Path, found: Value) -> Value:
        if isinstance(found, dict):
            return {key: self.value((*path, key), inner) for key, inner in found.items()}
        if isinstance(found, list):
            return [self.value((*path, place), inner) for place, inner in enumerate(found)]
        if not isinstance(found, str) or "${" not in found:
            return found
        if path in self.open:
            chain = " -> ".join(_dotted(step) for step in (*self.open[self.open.index(path) :], path))
            raise InterpolationError(f"it leads to itself: {chain}", path)
        self.open.append(path)
        resolved = self.text(path, found)
        self.open.pop()
        return resolved

    def text(self, path: Path, text: str) -> Value:
        """A text that is one interpolation and nothing else keeps the type of what it names."""
        parts: list[Value] = []
        position = 0
        while (start := text.find("${", position)) >= 0:
            if start and text[start - 1] == "\\":
                parts.append(text[position : start - 1] + "${")
                position = start + 2
                continue
            if start > position:
                parts.append(text[position:start])
            end = _end(path, text, start)
            parts.append(self.interpolation(path, text[start + 2 : end]))
            position = end + 1
        if position < len(text):
            parts.append(text[position:])
        return parts[0] if len(parts) == 1 else "".join(map(_as_text, parts))

    def interpolation(self, path: Path, inside: str) -> Value:
        if "${" in inside:
            inside = _as_text(self.text(path, inside))
        resolver, colon, arguments = inside.partition(":")
        if not colon:
            return self.reference(path, inside.strip())
        name, comma, default = (word.strip() for word in arguments.partition(","))
        if resolver.strip() == "oc.env":
            if name in self.environment:
                return self.environment[name]
            if comma:
                return scalar(default)
            hint = f"export {name}=..., or write ${{oc.env:{name},default}}"
            raise InterpolationError(f"the environment has no variable {name!r}", path, hint)
        if resolver.strip() == "oc.select":
            try:
                return self.reference(path, name)
            except InterpolationError:
                return scalar(default) if comma else None
        hint = nearest(resolver.strip(), ("oc.env", "oc.select")) or "there are oc.env and oc.select"
        raise InterpolationError(f"no resolver '{resolver.strip()}'", path, hint)

    def reference(self, path: Path, words: str) -> Value:
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
        return self.value(target, found)


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


def _as_text(value: Value) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
