"""Compute presets: ``killarney/l40s_1x`` and the like, with what the user's own files add."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperherd.errors import HerdError
from hyperherd.launcherfinder import hosts, layers
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launcherfinder.layers import Layered


@dataclass(frozen=True)
class Preset:
    """A preset with everything filled in: its values as YAML has them, and the machine and request they make."""

    values: Mapping[str, Any]
    host: Host


def load(name: str, sources: Sources) -> Preset:
    """The preset of this name, with the user's account and options.

    Raises `HerdError` where there is none, and `ConfigError`.
    """
    described = layers.inherited(name, lambda wanted: of_file(wanted, sources), hosts.over)
    for layer in of_user(sources):
        described = hosts.over(layer, described)
    resolved = described.resolved()
    return Preset(resolved.values, hosts.host(name, resolved))


def of_user(sources: Sources) -> list[Layered]:
    """What the user's own files say, as it is or under ``user``; later ones win. Raises `ConfigError`."""
    documents = [layers.read(path) for path in sources.user_files()]
    inside = [isinstance(document.value, dict) and "user" in document.value for document in documents]
    return [
        Layered.of(document, ("user",) if within else ())
        for document, within in zip(documents, inside, strict=True)
    ]


def of_file(name: str, sources: Sources) -> Layered:
    """What the preset's file says, without its ``base``. Raises `HerdError` where there is none."""
    path = sources.preset(name)
    if path is None:
        known = [known for known, _ in sources.presets()]
        alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"there are {', '.join(alike)}; " if alike else ""
        hint += "all of them: herd compute list"
        raise HerdError(f"no compute preset '{name}'", hint=hint)
    return Layered.of(layers.read(path))
