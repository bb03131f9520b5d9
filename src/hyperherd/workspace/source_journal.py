"""``source/<number>.json``: what a source that learns was told of trials, and what it gave, one entry for each time.

Entries are numbered, complete when they appear, and never changed. An entry is written before the manifest has its
trials, so that what was given stays described, whatever happens between.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.errors import WorkspaceError
from hyperherd.grammar.values import tag, untag
from hyperherd.search.source import Past
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Status
from hyperherd.workspace import json_files, layout
from hyperherd.workspace.folder import Workspace


class Told(msgspec.Struct, frozen=True):
    """What the source was told of a trial, once, when that had ended."""

    hash: str
    status: str
    metrics: dict[str, Any]


class Given(msgspec.Struct, frozen=True):
    """A trial that it gave."""

    hash: str
    params: dict[str, Any]
    extras: dict[str, Any]


class Entry(msgspec.Struct, frozen=True):
    """One time that it was asked: ``at`` in seconds since the epoch."""

    source: str
    at: float
    told: tuple[Told, ...] = ()
    gave: tuple[Given, ...] = ()


def read(workspace: Workspace) -> list[Entry]:
    """All entries, oldest first. Raises `DamagedFileError`."""
    decode = msgspec.json.Decoder(Entry).decode
    found: list[Entry] = []
    while (entry := json_files.read(_path(workspace, len(found)), decode, None)) is not None:
        found.append(entry)
    return found


def past(entries: Sequence[Entry]) -> tuple[dict[str, Past], dict[str, Past]]:
    """By hash: the trials that were given, and what was told of those that had ended."""
    given: dict[str, Past] = {}
    told: dict[str, Past] = {}
    for entry in entries:
        for one in entry.gave:
            described = Described(one.hash, untag(one.params), untag(one.extras))
            given.setdefault(one.hash, Past(described))
        for ended in entry.told:
            if ended.hash in given and ended.hash not in told:
                trial = given[ended.hash].trial
                told[ended.hash] = Past(trial, Status(ended.status), untag(ended.metrics))
    return given, told


def add(
    workspace: Workspace, number: int, source: str, told: Mapping[str, Past], gave: Sequence[Described]
) -> None:
    """Write entry ``number``. Raises `WorkspaceError` where somebody else has."""
    entry = Entry(
        source,
        round(time.time(), 3),
        tuple(Told(key, one.status.value, tag(one.metrics)) for key, one in told.items()),
        tuple(Given(one.hash, tag(one.params), tag(one.extras)) for one in gave),
    )
    path = _path(workspace, number)
    try:
        fsio.make_folders(path.parent)
    except OSError as error:
        raise fsio.refused(str(path), error) from error
    if not fsio.create(path, msgspec.json.encode(entry) + b"\n"):
        raise WorkspaceError(
            "another herd has asked the source meanwhile", where=str(path), hint="type it again"
        )


def _path(workspace: Workspace, number: int) -> Path:
    return workspace.state / layout.SOURCE / f"{number}.json"
