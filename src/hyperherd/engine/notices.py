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
from hyperherd.engine.facts import Known
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


_NAME = "notify.json"
NOTICE_S = 30.0
"""How long a command may take; `variables.NOTICE_S` replaces it."""


def expect(
    workspace: Workspace, generation: str, notify: tuple[Notice, ...], records: Iterable[Submission]
) -> None:
    """Write the list anew: with these submissions, and without those of them that are void. Under the lock.

    Raises `WorkspaceError`.
    """
    cache.write(workspace, _NAME, msgspec.json.encode(_Kept(generation, notify)))
    folder = _folder(workspace, generation)
    number, before = _newest(folder)
    awaited = {block: dict(units) for block, units in before.items()}
    attempts = AttemptFolder(workspace.generation(generation) / layout.ATTEMPTS)
    for record in records:
        for unit, attempt in zip(record.units, record.attempts, strict=True):
            block = awaited.setdefault(attempts.block(unit).name, {})
            if record.state == "void":
                block.pop(attempts.stem(unit), None)
            else:
                block[attempts.stem(unit)] = attempt
    try:
        made = folder / f"{number + 1}.new"
        shutil.rmtree(made, ignore_errors=True)
        fsio.make_folders(made)
        for name, listed in awaited.items():
            (made / name).write_text("".join(f"{unit} {attempt}\n" for unit, attempt in listed.items()))
        made.rename(folder / str(number + 1))
    except OSError as error:
        raise WorkspaceError(
            f"the list for notify cannot be written: {error.strerror}", where=str(folder), hint="see df -h"
        ) from error
    for old in folder.glob("[0-9]*"):
        if old.name.isdigit() and int(old.name) <= number:
            shutil.rmtree(old, ignore_errors=True)


def tell(workspace: Workspace, known: Known) -> None:
    """What has come about, and nobody was told of. A reader without write access tells nothing."""
    folder = _folder(workspace, known.manifest.generation)
    number, _ = _newest(folder)
    notify = _notify(workspace, known.manifest.generation) if number and not known.warnings else ()
    facts = [fact for fact in known.facts.values() if fact.submission is not None]
    if not (notify and facts):
        return
    place = folder / str(number)
    failed = [fact for fact in facts if fact.status is Status.FAILED]
    with contextlib.suppress(WorkspaceError):
        if failed and _falls_to_us(place, "failed"):
            first = failed[0]
            _say(workspace, known, notify, "failed", f"trial {first.trial.index} failed ({first.reason})")
            fsio.create(place / "failed.told", b"-\n", durable=False)
        if not any(fact.moves for fact in facts) and _falls_to_us(place, "finished"):
            done = sum(fact.status is Status.COMPLETED for fact in facts)
            words = f"finished, {done} completed, {len(facts) - done} not"
            _say(workspace, known, notify, "finished", words)
            fsio.create(place / "finished.told", b"-\n", durable=False)
        if any("best" in one.on for one in notify):
            _tell_best(workspace, known, notify, place)


def _falls_to_us(place: Path, kind: str) -> bool:
    """Whether nobody tells it: nobody has begun, or who had was killed at it."""
    if fsio.create(place / kind, b"-\n", durable=False):
        return True
    if (place / f"{kind}.told").exists():
        return False
    most_s = units.positive(os.environ.get(variables.NOTICE_S, "")) or NOTICE_S
    begun_s = time.time() - (place / kind).stat().st_mtime
    return begun_s > 2 * most_s and fsio.create(place / f"{kind}.again", b"-\n", durable=False)


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


def _newest(folder: Path) -> tuple[int, Awaited]:
    """The number of the newest list, and what is in it; 0 where there is none."""
    numbers = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()]
    if not numbers:
        return 0, {}
    number = max(numbers)
    blocks = [path for path in (folder / str(number)).glob("[0-9]*") if not path.name.endswith(".ended")]
    return number, {path.name: _read(path) for path in blocks}


def _read(path: Path) -> dict[str, int]:
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            unit, _, attempt = line.partition(" ")
            if attempt.isdigit():
                found[unit] = int(attempt)
    return found
