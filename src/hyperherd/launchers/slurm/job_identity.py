"""Whose job a row of squeue's or sacct's shows.

Ours is what shows our token under the id that is on record, never a name or a number alone: Slurm uses ids again where
its state was lost, and anybody may rename a job or change its comment. The token stands in the comment, and as the name
of the script in the command, which nobody can change. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from hyperherd.attempts import registers
from hyperherd.jobs import Job

CLOCKS_DIFFER_S = 300.0
"""A job whose row is so much older than our submission is not ours, whatever the clocks of the two machines say."""


class Shown(Protocol):
    """A row: its job's id, when that was submitted, and all that it shows of whose it is."""

    @property
    def job_id(self) -> str: ...

    @property
    def submitted_at(self) -> float | None: ...

    @property
    def shown(self) -> str: ...


Row = TypeVar("Row", bound=Shown)


class Whose(Enum):
    """``UNSAID``: the row shows neither a command nor a token."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNSAID = "unsaid"


def whose(shown: str, token: str) -> Whose:
    """What the free text of a row, ``<name>|<comment>|<command>``, says of the submission ``token``.

    >>> whose("hyperherd_a|t1|/w/jobs/t1.sbatch", "t1"), whose("renamed|changed|/w/jobs/t1.sbatch", "t1")
    (<Whose.OURS: 'ours'>, <Whose.OURS: 'ours'>)
    >>> whose("hyperherd_a|(null)|/w/train.sh", "t1"), whose("hyperherd_a|(null)|(null)", "t1")
    (<Whose.ANOTHERS: "another's">, <Whose.UNSAID: 'unsaid'>)
    """
    if f"/{token}.sbatch" in shown or token in tokens(shown, (token,)):
        return Whose.OURS
    return Whose.ANOTHERS if _command(shown) or registers.tokens_in(shown) else Whose.UNSAID


def _command(shown: str) -> str:
    """The last of a row's words; nothing where the site hides it."""
    command = shown.rpartition("|")[2].strip()
    return "" if _first_line(command) in ("(null)", "N/A") else command


def tokens(shown: str, known: Collection[str]) -> list[str]:
    """Which of the known ones a row's free text shows, as its comment or its script's name."""
    comments = {part.strip() for part in re.split(r"[|\n]", shown)}
    scripts = set(re.findall(r"(?:^|[/|\s])([^/|\s]+)\.sbatch(?=\s|$)", shown))
    return [token for token in known if token in comments or token in scripts]


def token_of(shown: str, state: Path, generation: str) -> str:
    """The token of a job that shows a script of the state folder, or a token of its life ``generation``; "" for others.

    >>> row = "hyperherd_a|(null)|/w/.hyperherd/jobs/0b-20300101-120000-0b1c2d3e.sbatch"
    >>> token_of(row, Path("/w/.hyperherd"), "9f"), token_of(row, Path("/v"), "0b"), token_of(row, Path("/v"), "9f")
    ('0b-20300101-120000-0b1c2d3e', '0b-20300101-120000-0b1c2d3e', '')
    """
    here = f"{state}/jobs/" in shown
    for token in registers.tokens_in(shown):
        if here or (generation and registers.generation_of(token) == generation):
            return token
    return ""


def own(job: Job, rows: Iterable[Row], registered: Callable[[], bool]) -> tuple[list[Row], list[Row]]:
    """The rows of the job's id that are its own, and those of which nobody can say.

    ``registered`` tells whether the job's register has its id. A row that shows nothing is the job's where it has, or
    where another row of the id shows the token; but not where the id is another's too, or the row is older than our
    submission.
    """
    mine = [row for row in rows if row.job_id == job.job_id]
    if is_legacy(job):
        return [row for row in mine if _is_of_0_1_3(job, row)], []
    said = [(row, whose(row.shown, job.token)) for row in mine]
    ours = [row for row, one in said if one is Whose.OURS]
    unsaid = [row for row, one in said if one is Whose.UNSAID and not _is_older(job, row)]
    if unsaid and not any(one is Whose.ANOTHERS for _, one in said) and (ours or registered()):
        return [*ours, *unsaid], []
    return ours, unsaid


def twins(job: Job, rows: Iterable[Row]) -> list[Row]:
    """Rows of jobs with another id that show its token: its script was submitted twice. They run nothing, as the
    register is the first one's.
    """
    return [row for row in rows if row.job_id != job.job_id and whose(row.shown, job.token) is Whose.OURS]


def _is_older(job: Job, row: Shown) -> bool:
    return row.submitted_at is not None and row.submitted_at < job.submitted_at - CLOCKS_DIFFER_S


def is_legacy(job: Job) -> bool:
    """Whether HyperHerd 0.1.3 has submitted it: its script claims nothing, and has no token."""
    return any(offer.attempt == 0 for offer in job.offers.values())


def _is_of_0_1_3(job: Job, row: Shown) -> bool:
    """It has its name (all of its folder have the same), and its script where that is shown."""
    named = not job.name or row.shown.startswith((f"{_first_line(job.name)}|", f"{_first_line(job.name)}\n"))
    command = _command(row.shown)
    return (named or row.shown.startswith(f"{UNNAMED}|")) and (not command or "job.sbatch" in command)


UNNAMED = "allocation"
"""sacct's name for a job whose start it has not heard of."""


def _first_line(name: str) -> str:
    return name.split("\n", 1)[0]
