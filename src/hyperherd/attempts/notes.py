"""Notes, how an attempt ended, and marks, what cut it short. The attempt's own script writes them where it can."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import claims, filenames, listing
from hyperherd.attempts.filenames import AttemptFolder, Outcome, Unit
from hyperherd.fsio import processes


@dataclass(frozen=True)
class Note:
    """Where and when an attempt ran, in seconds since the epoch, and in which submission ("" in version 1)."""

    token: str
    host: str
    started_at: float | None
    ended_at: float | None


def read(folder: AttemptFolder, unit: Unit, attempt: int, outcome: Outcome) -> Note | None:
    """What was noted besides the outcome; None where that cannot be understood."""
    words = _text(folder.note(unit, attempt, outcome)).split()
    if folder.flat:
        words = ["", *words]
    return Note(words[0], words[1], _seconds(words[2]), _seconds(words[3])) if len(words) > 3 else None


def is_written(folder: AttemptFolder, unit: Unit, attempt: int) -> bool:
    """Whether its end is noted."""
    return (unit, attempt) in listing.read([folder], [unit]).outcomes


def write(
    folder: AttemptFolder, unit: Unit, attempt: int, outcome: Outcome, started_at: float | None = None
) -> None:
    """Note an end in the place of a script that could not; unless it is noted already. Raises `WorkspaceError`."""
    if is_written(folder, unit, attempt):
        return
    claim = claims.read(folder, unit, attempt)
    outcome = replace(outcome, changed=claim is not None and claim.changed)
    token = claim.token if claim else "-"
    start = "-" if started_at is None else int(started_at)
    line = f"{'' if folder.flat else f'{token} '}{processes.me().host} {start} {int(time.time())}\n"
    fsio.create(folder.note(unit, attempt, outcome), line.encode(), durable=False)


def mark(folder: AttemptFolder, unit: Unit, attempt: int, word: str) -> None:
    """Say so of an attempt, unless it is said already. Raises `WorkspaceError`."""
    line = f"{processes.me().host}\n"
    fsio.create(folder.mark(unit, attempt, word), line.encode(), durable=False)


def is_marked(folder: AttemptFolder, unit: Unit, attempt: int, word: str) -> bool:
    return folder.mark(unit, attempt, word).exists()


def refusal(folder: AttemptFolder, unit: Unit, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    return _text(folder.mark(unit, attempt, filenames.REFUSED)).strip()


def _text(path: Path) -> str:
    try:
        return fsio.content(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _seconds(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
