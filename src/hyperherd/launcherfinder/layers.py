"""Descriptions in YAML that inherit from each other: files laid over files, with ``base`` and interpolation."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperherd.config import document
from hyperherd.config.document import Document
from hyperherd.config.faults import shown
from hyperherd.errors import ConfigError, Fault, HerdError
from hyperherd.launcherfinder import interpolation
from hyperherd.launcherfinder.interpolation import InterpolationError

Keys = tuple["str | int", ...]

JOINED = ("tags",)
"""Lists that a later layer adds to; any other list it replaces."""


@dataclass(frozen=True)
class Layered:
    """A mapping made of layers. ``origin`` tells for each path the file it is from, and its path there."""

    values: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[Keys, tuple[Document, Keys]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Document, at: Keys = ()) -> Layered:
        """What stands at ``at`` in a document. Raises `ConfigError` where that is no mapping."""
        found: Any = source.value
        for key in at:
            found = found[key]
        if found is None:
            found = {}
        if not isinstance(found, dict):
            raise ConfigError([Fault(source.where(at), f"a mapping expected, not {shown(found)}")])
        return cls(found, {path: (source, (*at, *path)) for path in _paths((), found)})

    def over(self, base: Layered) -> Layered:
        """This laid over ``base``: mappings are merged key by key, and so are the lists that add up."""
        return Layered(_merged(base.values, self.values), {**base.origin, **self.origin})

    def value(self, path: Keys) -> Any:
        """What stands at a path; None for nothing."""
        found: Any = self.values
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def without(self, paths: Collection[Keys]) -> Layered:
        """The same but for the values at these paths."""
        kept = _without((), self.values, paths)
        return Layered(kept, {path: origin for path, origin in self.origin.items() if path not in paths})

    def resolved(self) -> Layered:
        """The same without interpolations, and with a value for each key. Raises `ConfigError` with all faults."""
        hint = "write it here, or in user.yaml, or leave the key out"
        faults = [
            self.fault(path, "it has no value yet (???)", hint)
            for path in _paths((), self.values)
            if _at(path, self.values) == interpolation.MISSING
        ]
        resolved = {}
        try:
            resolved = interpolation.resolve(dict(self.values), _environment())
        except InterpolationError as error:
            faults += [self.fault(one.path, one.what, one.hint) for one in error.every]
        if faults:
            raise ConfigError(faults)
        return Layered(resolved, self.origin)

    def fault(self, path: Keys, what: str, hint: str = "") -> Fault:
        """A fault at ``path``, with the file and line that it is from."""
        while path and path not in self.origin:
            path = path[:-1]
        if path not in self.origin:
            return Fault("", what, hint)
        source, at = self.origin[path]
        return Fault(source.where(at), what, hint)


def _environment() -> Mapping[str, str]:
    """Ours; with ``USER``, which programs that nobody has logged in for do not have."""
    with contextlib.suppress(KeyError, OSError):  # a container without a name for the user
        return {"USER": getpass.getuser(), **os.environ}
    return os.environ


def read(path: Path) -> Document:
    """The YAML document in a file. Raises `HerdError`, `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(str(path), "not UTF-8", "save the file as UTF-8")]) from error
    except OSError as error:
        raise HerdError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return document.read(text, file=str(path))


def inherited(
    name: str, find: Callable[[str], Layered], over: Callable[[Layered, Layered], Layered] = Layered.over
) -> Layered:
    """What ``find`` knows by this name, laid over its ``base``, and that over its own, and so on.

    Raises `ConfigError` where that goes in a circle or where there is no such base, and what ``find`` raises.
    """
    chain = [name]
    found = find(name)
    while isinstance(base := found.values.get("base"), str):
        if base in chain:
            circle = " -> ".join([*chain[chain.index(base) :], base])
            raise ConfigError([found.fault(("base",), f"'base' goes in a circle: {circle}", "take one away")])
        chain.append(base)
        try:
            below = find(base)
        except ConfigError:
            raise
        except HerdError as error:
            raise ConfigError([found.fault(("base",), error.what, error.hint)]) from error
        found = over(found.without([("base",)]), below)
    return found


def _paths(at: Keys, value: Any) -> list[Keys]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, child in inner for path in _paths((*at, key), child))]


def _at(path: Keys, value: Any) -> Any:
    for key in path:
        value = value[key]
    return value


def _without(at: Keys, values: Mapping[str, Any], paths: Collection[Keys]) -> dict[str, Any]:
    return {
        key: _without((*at, key), value, paths) if isinstance(value, dict) else value
        for key, value in values.items()
        if (*at, key) not in paths
    }


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(below, value)
        elif key in JOINED and isinstance(below, list) and isinstance(value, list):
            merged[key] = [*below, *(entry for entry in value if entry not in below)]
        else:
            merged[key] = value
    return merged
