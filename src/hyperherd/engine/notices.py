"""Who is told of what becomes of a sweep: lists of what is waited for, and telling what no node could tell.

The trial that ends last tells on its node (launchers/node/notify.sh). For that, each run writes a new list with a
number of its own: ``notices/<number>/<block>`` has a line ``<unit> <attempt>`` for each trial of a folder of attempts
that was submitted; its end counts from that attempt on. Whoever ends last in a block creates ``<block>.ended``, and
whoever finds all of these ``finished``, by exclusive creation. What a node could not tell (it died, trials were
cancelled, a launch script was killed), the next command that looks tells: with the commands that this user's last run
had, which are kept in his own cache. Those of the YAML are never run by who only looks: the folder may be another's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from hyperherd import fsio, units
from hyperherd.attempts import variables
from hyperherd.attempts.filenames import AttemptFolder
from hyperherd.engine.facts import Fact, Known
from hyperherd.errors import WorkspaceError
from hyperherd.jobs import Notice
from hyperherd.sweep.trial import Status
from hyperherd.workspace import cache, layout
from hyperherd.workspace.folder import Workspace
from hyperherd.workspace.submissions import Submission

Awaited = Mapping[str, Mapping[str, int]]
"""Block -> unit -> attempt."""


class _Kept(msgspec.Struct):
    """Whom this user's last run tells, in which life of the state folder."""

    generation: str = ""
    notify: tuple[Notice, ...] = ()


_NAME, _TOKENS = "notify.json", "tokens"
NOTICE_S = 30.0
"""How long a command may take; `variables.NOTICE_S` replaces it."""


def expect(
    workspace: Workspace, generation: str, notify: tuple[Notice, ...], records: Iterable[Submission]
) -> None:
    """Write the list anew: with these submissions, and without those of them that are void. Under the lock.

    Raises `WorkspaceError`.
    """
    cache.write(workspace, _NAME, msgspec.json.encode(_Kept(generation, notify)))
    records = list(records)
    folder = _folder(workspace, generation)
    number = _newest(folder)
    awaited = {block: dict(units) for block, units in _listed(folder / str(number)).items()}
    attempts = AttemptFolder(workspace.generation(generation) / layout.ATTEMPTS)
    for record in records:
        for unit, attempt in zip(record.units, record.attempts, strict=True):
            block = awaited.setdefault(attempts.block(unit).name, {})
            if record.state == "void":
                block.pop(attempts.stem(unit), None)
            else:
                block[attempts.stem(unit)] = attempt
    nothing_new = all(record.state == "void" for record in records)
    try:
        made = folder / f"{number + 1}.new"
        shutil.rmtree(made, ignore_errors=True)
        fsio.make_folders(made)
        for name, listed in awaited.items():
            (made / name).write_text("".join(f"{unit} {attempt}\n" for unit, attempt in listed.items()))
        (made / _TOKENS).write_text("".join(f"{record.token}\n" for record in records))
        # Who is the best was told, whatever runs now; of a run that submitted nothing, all else was, too.
        for told in (folder / str(number)).glob("*" if nothing_new else "best.*"):
            if told.name not in awaited:
                (made / told.name).write_bytes(told.read_bytes())
        made.rename(folder / str(number + 1))
    except OSError as error:
        raise WorkspaceError(
            f"the list for notify cannot be written: {error.strerror}", where=str(folder), hint="see df -h"
        ) from error
    for old in folder.glob("[0-9]*"):
        if old.name.isdigit() and int(old.name) <= number:
            shutil.rmtree(old, ignore_errors=True)


def forget(workspace: Workspace) -> None:
    """Nobody is told any more: the YAML has no `notify` now."""
    if cache.read(workspace, _NAME):
        cache.write(workspace, _NAME, msgspec.json.encode(_Kept()))


def tell(workspace: Workspace, known: Known) -> None:
    """What has come about, and nobody was told of. A reader without write access tells nothing."""
    notify = _notify(workspace, known.manifest.generation)
    facts = [fact for fact in known.facts.values() if fact.submission is not None]
    if not (notify and facts) or known.warnings:
        return
    folder = _folder(workspace, known.manifest.generation)
    place = folder / str(_newest(folder))
    most_s = (units.positive(os.environ.get(variables.NOTICE_S, "")) or NOTICE_S) * (len(notify) + 1)
    with contextlib.suppress(
        WorkspaceError, OSError
    ):  # nobody lets us write, or a run has made another list meanwhile
        failed = None if (place / "failed.told").exists() else _newly_failed(place, facts)
        if failed and _falls_to_us(place, "failed", most_s):
            words = f"trial {failed.trial.index} failed ({failed.reason})"
            _say(workspace, known, notify, "failed", words)
            fsio.create(place / "failed.told", b"-\n", durable=False)
        if not any(fact.moves for fact in facts) and _falls_to_us(place, "finished", most_s):
            done = sum(fact.status is Status.COMPLETED for fact in facts)
            words = f"finished, {done} completed, {len(facts) - done} not"
            _say(workspace, known, notify, "finished", words)
            fsio.create(place / "finished.told", b"-\n", durable=False)
        if any("best" in one.on for one in notify):
            _tell_best(workspace, known, notify, place)


def _newly_failed(place: Path, facts: Iterable[Fact]) -> Fact | None:
    """The first that has failed of those that the newest run submitted."""
    failed = [fact for fact in facts if fact.status is Status.FAILED]
    tokens = (place / _TOKENS).read_text().split() if failed else []
    return next((one for one in failed if one.submission and one.submission.token in tokens), None)


def _falls_to_us(place: Path, kind: str, most_s: float) -> bool:
    """Whether nobody tells it: nobody has begun, or who had was killed at it. Raises OSError."""
    if not place.name.isdigit() or not int(place.name):
        return False
    if fsio.create(place / kind, b"-\n", durable=False):
        return True
    if (place / f"{kind}.told").exists():
        return False
    begun_s = time.time() - (place / kind).stat().st_mtime
    return begun_s > most_s and fsio.create(place / f"{kind}.again", b"-\n", durable=False)


def _notify(workspace: Workspace, generation: str) -> tuple[Notice, ...]:
    try:
        kept = msgspec.json.decode(cache.read(workspace, _NAME), type=_Kept)
    except (ValueError, msgspec.DecodeError):
        return ()
    return kept.notify if kept.generation == generation else ()


def _tell_best(workspace: Workspace, known: Known, notify: Sequence[Notice], place: Path) -> None:
    """Of the best setting, once one of its trials has completed: once for each that becomes it."""
    from hyperherd.engine import compared, snapshot  # for those who are told of it

    seen = snapshot.take(workspace, known, lines=False)
    best = compared.results(seen, compared.about(workspace), streams=False).best
    if best is None or best.score is None or all(v.status is not Status.COMPLETED for v in best.trials):
        return
    if fsio.create(place / f"best.{best.trials[0].index}", b"-\n", durable=False):
        what = (
            f"trial {best.trials[0].index} ({best.trials[0].trial.name}) is the best: {best.score.mean:.6g}"
        )
        _say(workspace, known, notify, "best", what)


def _say(workspace: Workspace, known: Known, notify: Sequence[Notice], kind: str, words: str) -> None:
    from hyperherd.connectors import local
    from hyperherd.launchers.node.script import telling  # not for every look

    name = known.manifest.name or workspace.root.name
    script = telling(notify, name, workspace.env_file, kind, words)
    local.call(["bash", "-c", script], env=None)


def _folder(workspace: Workspace, generation: str) -> Path:
    return workspace.generation(generation) / layout.NOTICES


def _newest(folder: Path) -> int:
    """The number of the newest list; 0 where there is none."""
    return max((int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()), default=0)


def _listed(place: Path) -> Awaited:
    """What is in a list."""
    blocks = [path for path in place.glob("[0-9]*") if not path.name.endswith(".ended")]
    return {path.name: _read(path) for path in blocks}


def _read(path: Path) -> dict[str, int]:
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            unit, _, attempt = line.partition(" ")
            if attempt.isdigit():
                found[unit] = int(attempt)
    return found
