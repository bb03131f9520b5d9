"""What goes out to a launcher: a batch of elements, and what was recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.jobs.request import Request, Share


@dataclass(frozen=True)
class Files:
    """Where one submission keeps its files; all absolute. The folders exist before a batch is submitted.

    ``script``    the generated bash script, named ``<token>.sbatch``
    ``register``  the fence, ``<token>.state``: whoever creates it decides what this submission is
    ``attempts``  folder of claims and notes (see `hyperherd.attempts`)
    ``logs``      folder of ``<index>.out`` and ``<index>.err``; ``logs/slurm`` is the scheduler's own
    ``env_file``  ``.env`` in the workspace; it may be absent
    ``before``    the attempts of version 1 of the format, where a submission of it may still start
    """

    script: Path
    register: Path
    attempts: AttemptFolder
    logs: Path
    env_file: Path
    before: AttemptFolder | None = None

    @property
    def notices(self) -> Path:
        """Who was told, and what is waited for; a folder that need not be there."""
        return self.attempts.path.parent / "notices"


@dataclass(frozen=True)
class Element:
    """A member of a job's array, by its ``number`` there, and what it is offered: a trial, or a task of one (``unit``),
    and the number of its first attempt in this batch.

    ``argument`` is handed to the launch script as ``$1`` (or stands in the batch's `Inline` script); ``variables`` are
    exported, in this order.
    """

    number: int
    unit: Unit
    attempt: int
    argument: str
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def offer(self) -> Offer:
        return Offer(self.unit, self.attempt)


class Offer(NamedTuple):
    """What an element may claim: a trial, or a task of one, from this attempt on."""

    unit: Unit
    attempt: int


CAUSES = ("timeout", "preemption", "node_fail", "oom", "exit75")
"""What an element can be cut short by."""


@dataclass(frozen=True)
class Requeue:
    """When an element is queued again by itself, in one submission.

    ``after``         some of `CAUSES`; of ``oom`` only the next submission takes care
    ``max_timeouts``  after so many time limits it goes on, and not after one more
    ``max_restarts``  the same for the other causes together
    ``signal``        what the trial is sent when its time limit is near, without SIG; ``notice_s`` so long before
    """

    after: tuple[str, ...] = ("timeout", "preemption", "node_fail", "exit75")
    max_timeouts: int = 10
    max_restarts: int = 20
    signal: str = "USR2"
    notice_s: int = 120

    @property
    def queues(self) -> bool:
        """Whether there is anything after which the same job is queued again."""
        return any(cause != "oom" for cause in self.after)

    @property
    def warns(self) -> bool:
        """Whether trials are told that their time limit is near."""
        return "timeout" in self.after


@dataclass(frozen=True)
class Notice:
    """A bash ``command`` that is run for what is ``on``: ``finished`` (all trials have ended), ``failed`` (the first
    has), ``best`` (another one is the best). It may hold a secret: nobody shows it.
    """

    command: str
    on: tuple[str, ...] = ("finished", "failed")


@dataclass(frozen=True)
class Inline:
    """A script that runs as it stood when it was submitted: the element's argument stands between its ``parts``.

    ``interpreter`` (a program and its arguments) reads it from a file of the element's own beside the user's, ``path``,
    and hands it ``arguments``. ``requeues``: the script may queue its own job again (``scontrol requeue``).
    """

    interpreter: tuple[str, ...]
    parts: tuple[str, ...]
    path: Path
    arguments: tuple[str, ...] = ()
    requeues: bool = False


def copies(script: Path) -> tuple[Path, str]:
    """How the files are named that elements run of a user's script: before and behind what tells one from another.

    >>> copies(Path("/a/job.sh")), copies(Path("/a/job"))
    ((PosixPath('/a/.job_herd'), '.sh'), (PosixPath('/a/.job_herd'), ''))
    """
    return script.with_name(f".{script.stem}_herd"), script.suffix


@dataclass(frozen=True)
class Batch:
    """Trials that are submitted together.

    ``token``      unique; names the script, the register and the scheduler's comment
    ``name``       the job's name, exactly as promised to users
    ``folder``     the working folder of every trial
    ``launch``     the user's launch script, absolute; ``inline`` is what runs in its place, if anything
    ``variables``  exported for every trial
    ``request``    what each trial asks for
    ``at_once``    at most this many trials at the same time; None is no limit
    ``after``      start only when these have succeeded: words that the launcher understands (Slurm: job ids)
    ``behind``     start only when this job has ended, however that was; its script does not say so, as it is older
    ``requeue``    when elements are queued again by themselves; None: never
    ``notices``    who is told of what, when an element ends
    ``share``      what each element has of this machine for itself; a scheduler is told by ``request``
    """

    token: str
    name: str
    folder: Path
    launch: Path
    files: Files
    elements: tuple[Element, ...]
    variables: tuple[tuple[str, str], ...] = ()
    request: Request = field(default_factory=Request)
    at_once: int | None = None
    after: tuple[str, ...] = ()
    behind: str = ""
    inline: Inline | None = None
    requeue: Requeue | None = None
    notices: tuple[Notice, ...] = ()
    share: Share = field(default_factory=Share)

    def only(self, elements: tuple[Element, ...]) -> Batch:
        """The same batch with these elements."""
        return replace(self, elements=elements)


@dataclass(frozen=True)
class Job:
    """What was recorded of a submitted batch, enough to ask its launcher about it.

    ``job_id``        the scheduler's id; None for this machine, or while it is not known
    ``where``         who keeps it: the cluster's name, or this machine's host name
    ``submitted_at``  seconds since the epoch
    ``offers``        its elements, by their numbers in the job -> what each is offered
    """

    token: str
    name: str
    job_id: str | None
    where: str
    submitted_at: float
    files: Files
    offers: Mapping[int, Offer]
