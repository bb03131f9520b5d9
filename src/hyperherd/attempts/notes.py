"""Notes, how an attempt ended, and marks, what cut it short. The attempt's own script writes them where it can."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd import fsio
from hyperherd.attempts import claims, filenames, listing
from hyperherd.attempts.filenames import Outcome
from hyperherd.fsio import processes


@dataclass(frozen=True)
class Note:
    """Where and when an attempt ran; seconds since the epoch."""

    host: str
    started_at: float | None
    ended_at: float | None


def read(folder: Path, index: int, attempt: int, outcome: Outcome) -> Note | None:
    """What was noted besides the outcome; None where that cannot be understood."""
    words = _text(folder / filenames.of_note(index, attempt, outcome)).split()
    return Note(words[0], _seconds(words[1]), _seconds(words[2])) if len(words) > 2 else None


def is_written(folder: Path, index: int, attempt: int, exit_code: int) -> bool:
    """Whether the script itself has noted this end; a quick look at the likely names."""
    likely = (Outcome(exit_code, told, changed) for changed in (False, True) for told in (False, True))
    return any(os.path.exists(f"{folder}/{filenames.of_note(index, attempt, one)}") for one in likely)


def write(folder: Path, attempt: tuple[int, int], outcome: Outcome, started_at: float | None = None) -> None:
    """Note an end in the place of a script that could not; unless it is noted already. Raises `WorkspaceError`."""
    if attempt in listing.read(folder).outcomes:
        return
    claim = claims.read(folder, *attempt)
    outcome = replace(outcome, changed=claim is not None and claim.changed)
    start = "-" if started_at is None else int(started_at)
    line = f"{processes.me().host} {start} {int(time.time())}\n"
    fsio.create(folder / filenames.of_note(*attempt, outcome), line.encode(), durable=False)


def mark(folder: Path, index: int, attempt: int, word: str) -> None:
    """Say so of an attempt, unless it is said already. Raises `WorkspaceError`."""
    line = f"{processes.me().host}\n"
    fsio.create(folder / filenames.of_mark(index, attempt, word), line.encode(), durable=False)


def is_marked(folder: Path, index: int, attempt: int, word: str) -> bool:
    return os.path.exists(f"{folder}/{filenames.of_mark(index, attempt, word)}")


def refusal(folder: Path, index: int, attempt: int) -> str:
    """The scheduler's words where it would not queue the attempt's job again."""
    return _text(folder / filenames.of_mark(index, attempt, filenames.REFUSED)).strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _seconds(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
