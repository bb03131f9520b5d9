"""``manifest.json``: every trial that this workspace has known, a bare list for jq, and the format's version beside it.

``status`` in it is a copy as of the last command, for scripts; it is computed, and never read back except for trials
that HyperHerd 0.1.3 ran, of which nothing else is known. Keys that we do not know survive a rewrite.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.errors import DamagedFileError, NewerFormatError
from hyperherd.grammar.values import tag, untag
from hyperherd.sweep.trial import Status, Trial, Typed
from hyperherd.workspace import generations, json_files, layout
from hyperherd.workspace.folder import Workspace

FORMAT_VERSION = 2
"""What is written from the first run on; a state of version 1 stays one until then."""


class Format(msgspec.Struct, frozen=True):
    """``workspace.json``: the version of the files beside it, the sweep's name, and what is never used again.

    ``next_index`` is the first index that was never used, ``retired`` the names of dropped trials that had begun,
    ``former`` those by the trials' hashes (trials that were dropped before there was this are not among them).
    ``generation`` is this life of the state folder; version 1 had none.
    """

    version: int
    name: str = ""
    next_index: int = 0
    retired: tuple[str, ...] = ()
    former: Mapping[str, str] = {}
    generation: str = ""


@dataclass(frozen=True)
class Manifest:
    """``records`` are the trials' raw JSON objects by index; ``adopted`` says that HyperHerd 0.1.3 wrote the file."""

    trials: tuple[Trial, ...] = ()
    records: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    next_index: int = 0
    name: str = ""
    retired: tuple[str, ...] = ()
    former: Mapping[str, str] = field(default_factory=dict)
    generation: str = ""
    adopted: bool = False

    @property
    def without_identity(self) -> frozenset[int]:
        """The trials of HyperHerd 0.1.3 whose hash is still that of old, which did not round values."""
        return frozenset(
            index
            for index, record in self.records.items()
            if self.left_as(index) is not None and "identity" not in record
        )

    def left_as(self, index: int) -> object:
        """The status that HyperHerd 0.1.3 wrote last of this trial; None where it did not know it."""
        record = self.records.get(index, {})
        return record.get("adopted", record.get("status") if self.adopted else None)


def read(workspace: Workspace) -> Manifest:
    """What is known of the trials. Raises `DamagedFileError`, `NewerFormatError`."""
    form = json_files.read(workspace.format, msgspec.json.Decoder(Format).decode, None)
    if form is not None and form.version not in range(1, FORMAT_VERSION + 1):
        raise NewerFormatError(
            f"format {form.version} is not known to this version of herd, which knows 1 to {FORMAT_VERSION}",
            where=str(workspace.format),
            hint="update herd (nothing was changed)",
        )
    nothing: list[dict[str, Any]] = []
    content = json_files.read(workspace.manifest, _decode, nothing)
    try:
        records = {int(record["index"]): record for record in content}
        trials = tuple(_trial(record) for record in content)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(workspace, f"a trial's record lacks or garbles {error}") from error
    if len(records) != len(content):
        raise _damaged(workspace, "an index stands in it twice")
    if form is not None and not content and form.next_index and not workspace.manifest.exists():
        raise _damaged(workspace, f"it is missing, though {form.next_index} trials were known")
    free = max(records, default=-1) + 1
    if form is None and any(workspace.state.glob(f"{layout.GENERATION}*/{layout.SUBMISSIONS}/*")):
        if workspace.format.exists():  # somebody has run it for the first time between our looks
            return read(workspace)
        raise DamagedFileError(
            "it is missing, though jobs were submitted",
            where=str(workspace.format),
            hint=json_files.BRING_BACK,
        )
    if form is None:
        untouched = not any("adopted" in record for record in content)
        return Manifest(trials, records, free, adopted=bool(content) and untouched)
    return Manifest(
        trials, records, max(free, form.next_index), form.name, form.retired, form.former, form.generation
    )


def salvaged(workspace: Workspace) -> Manifest:
    """What can be read of both files, where `read` finds them damaged."""
    form: Format | None = None
    with contextlib.suppress(DamagedFileError):
        form = json_files.read(workspace.format, msgspec.json.Decoder(Format).decode, None)
    content: list[dict[str, Any]] = []
    with contextlib.suppress(DamagedFileError):
        content = json_files.read(workspace.manifest, _decode, content)
    records, trials = {}, []
    for record in content:
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, RecursionError):
            trial = _trial(record)
            if trial.index not in records:
                records[trial.index] = record
                trials.append(trial)
    free = max(records, default=-1) + 1
    if form is None:
        return Manifest(tuple(trials), records, free)
    free = max(free, form.next_index)
    return Manifest(tuple(trials), records, free, form.name, form.retired, form.former, form.generation)


def write(workspace: Workspace, manifest: Manifest, statuses: Mapping[int, Status]) -> None:
    """Replace both files; the version first, so that no index is used twice whatever happens between.

    But for the very first time: then an empty manifest goes before it, as one that is missing beside a version was
    lost (see `read`), and that of HyperHerd 0.1.3 is rewritten before it, as it is told by the missing version.
    """
    lines = b",\n".join(_encode(manifest, t, statuses[t.index]) for t in manifest.trials)
    content = b"[\n" + lines + b"\n]\n" if lines else b"[]\n"
    if manifest.adopted or not workspace.manifest.exists():
        fsio.replace(workspace.manifest, content if manifest.adopted else b"[]\n", workspace.mode)
    version = Format(
        FORMAT_VERSION if manifest.generation else 1,
        manifest.name,
        manifest.next_index,
        manifest.retired,
        dict(manifest.former),
        manifest.generation,
    )
    form = msgspec.json.encode(version) + b"\n"
    if not workspace.format.exists() or workspace.format.read_bytes() != form:
        fsio.replace(workspace.format, form, workspace.mode)
    fsio.replace(workspace.manifest, content, workspace.mode)


def begin(workspace: Workspace, manifest: Manifest, generation: str) -> Manifest:
    """Make this life of the state folder, unless it is made; from then on the state is of this version.

    Raises `WorkspaceError`.
    """
    if manifest.generation == generation:
        return manifest
    generations.make(workspace, generation)
    begun = replace(manifest, generation=generation)
    write(
        workspace, begun, {i: status_copied(record.get("status")) for i, record in manifest.records.items()}
    )
    return begun


def note_statuses(workspace: Workspace, changed: Mapping[int, Status]) -> None:
    """Bring the copies of these trials' statuses up to date; everything else stays as it is in the file."""
    if not changed:
        return
    current = read(workspace)
    copies = {index: status_copied(record.get("status")) for index, record in current.records.items()}
    after = {**copies, **{index: status for index, status in changed.items() if index in copies}}
    if after != copies:
        write(workspace, current, after)


def status_copied(word: object) -> Status:
    """The status that a record's copy names; ready where it names none."""
    return next((status for status in Status if status.value == word), Status.READY)


def _encode(manifest: Manifest, trial: Trial, status: Status) -> bytes:
    record = manifest.records.get(trial.index)
    fresh = {
        "index": trial.index,
        "hash": trial.hash,
        "params": tag(trial.params),
        "extras": tag(trial.extras),
        "experiment_name": trial.name,
        "status": status.value,
    }
    if trial.orphan:
        fresh["orphan"] = True
    if trial.typed:
        fresh["typed"] = msgspec.to_builtins(trial.typed)
    if record is None:
        return msgspec.json.encode(fresh)
    if record.get("hash") != trial.hash:
        fresh["hash"], fresh["identity"] = record.get("hash", trial.hash), trial.hash
    if (left_as := manifest.left_as(trial.index)) is not None:
        fresh["adopted"] = left_as
    kept = {key: value for key, value in record.items() if key != "orphan"}
    return msgspec.json.encode({**kept, **fresh})


def _trial(record: Mapping[str, Any]) -> Trial:
    index = record["index"]
    if type(index) is not int or index < 0:
        raise ValueError(f"its index, which is {index!r}")
    name = record["experiment_name"]
    if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
        raise ValueError(f"its name, which is {name!r:.60}")
    return Trial(
        index=index,
        hash=record.get("identity") or record.get("hash") or "",
        name=name,
        params=untag(_mapping(record["params"])),
        extras=untag(_mapping(record.get("extras") or {})),
        orphan=bool(record.get("orphan", False)),
        typed=msgspec.convert(record["typed"], Typed) if "typed" in record else None,
    )


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("params")
    return value


def _decode(content: bytes) -> list[dict[str, Any]]:
    return msgspec.json.decode(content, type=list[dict[str, Any]])


def _damaged(workspace: Workspace, what: str) -> DamagedFileError:
    return DamagedFileError(what, where=str(workspace.manifest), hint=json_files.BRING_BACK)


def by_index(trials: Iterable[Trial]) -> dict[int, Trial]:
    """The trials by their index."""
    return {trial.index: trial for trial in trials}
