"""Compute presets: ``killarney/l40s_1x`` and the like, with what the user's own files add."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperherd.errors import HerdError
from hyperherd.jobs import Request
from hyperherd.launcherfinder import hosts, layers
from hyperherd.launcherfinder.configuration import COMPUTE, SHIPPED, Sources
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
    """What the user's own files say, as it is or under ``user``; later ones win. Raises `ConfigError`.

    A ``configs/user.yaml`` without ``slurm`` is the project's own, and says nothing to us.
    """
    found = []
    for path in sources.user_files():
        document = layers.read(path)
        within = isinstance(document.value, dict) and "user" in document.value
        layer = Layered.of(document, ("user",) if within else ())
        if path.parent.name != COMPUTE.parent.name or "slurm" in layer.values:
            found.append(layer)
    return found


def of_user_alone(sources: Sources) -> Request:
    """What the user's own files ask for, where there is no preset. Raises `ConfigError`."""
    described = Layered()
    for layer in of_user(sources):
        described = hosts.over(layer, described)
    return hosts.host("user.yaml", described.resolved()).request if described.values else Request()


def of_file(name: str, sources: Sources) -> Layered:
    """What the preset's file says, without its ``base``. Raises `HerdError` where there is none."""
    path = sources.preset(name)
    if path is None:
        raise _unknown(name, sources)
    return Layered.of(layers.read(path))


def _unknown(name: str, sources: Sources) -> HerdError:
    """The error that names the nearest, all that there are, and where they were looked for."""
    known = [known for known, _ in sources.presets()]
    alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    looked = [str(place) for place in sources.preset_folders() if place != SHIPPED]
    hints = [
        *([f"the nearest: {', '.join(alike)}"] if alike else []),
        f"there are {', '.join(known)} (herd compute list)",
        f"looked for in {', '.join(looked)}, and among those that ship",
    ]
    return HerdError(f"no compute preset '{name}'", hint="\n  ".join(hints))
