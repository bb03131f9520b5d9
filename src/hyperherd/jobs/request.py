"""What is asked of whoever runs a batch, and what they foresee of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

NativeValue: TypeAlias = "str | int | bool | None"
"""The value of an option of a launcher's own, as its user wrote it; None and False ask for nothing."""


@dataclass(frozen=True)
class Request:
    """What each element of a batch asks for, whoever runs it; None where nobody asked.

    ``native`` and ``native_lines`` are a launcher's own options and further words for it, as its user wrote them. The
    launcher reads the other fields out of ``native``, and where one of them was changed since, writes that anew; the
    lines are its last word, and nothing is read out of them.

    ``time_s``        it is ended after so many seconds; infinite: a limit of none was asked for
    ``memory_bytes``  as ``native`` counts it: of a node, else of a CPU or of a GPU
    ``cpus``          of each task
    ``gpus``          of all tasks together
    ``nodes``         so many at least
    ``tasks``         processes that the launcher starts, so many at most
    ``requeue``       whether the launcher may queue it again by itself; None: as ``native`` has it
    ``signal``        what its script is sent, without SIG, for the script to pass on to the trial; "" for nothing
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    cpus: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    tasks: int | None = None
    requeue: bool | None = None
    signal: str = ""
    native: Mapping[str, NativeValue] = field(default_factory=dict)
    native_lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnScript:
    """What a user's own script says of the job that it is, in its launcher's words.

    ``name``           the job's; "" where it names none, and so for ``folder``, in which it runs
    ``tasks``          the numbers of the jobs that it is; none where it is one, and ``tasks_at_once`` of them run
    ``requeues``       it may queue its own job again
    ``is_alone``       each of a sweep's trials has to be a job of its own
    ``notes``          what of it does not hold in a sweep, for people
    """

    request: Request = field(default_factory=Request)
    name: str = ""
    folder: str = ""
    tasks: tuple[int, ...] = ()
    tasks_at_once: int | None = None
    requeues: bool = False
    is_alone: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """What each element of a batch has of this machine for itself, as it was asked for; None where nobody asked.

    ``cores``   so many, and no others (nobody asked: one slot, and the threads of numeric libraries are shared out)
    ``gpus``    so many, and sees no others; 0: sees none (nobody asked: sees all)
    ``time_s``  seconds until it is ended (nobody asked: it may take as long as it likes)
    """

    cores: int | None = None
    gpus: int | None = None
    time_s: float | None = None

    def over(self, other: Share) -> Share:
        """This, and what the other says where this says nothing."""
        return Share(
            other.cores if self.cores is None else self.cores,
            other.gpus if self.gpus is None else self.gpus,
            other.time_s if self.time_s is None else self.time_s,
        )


@dataclass(frozen=True)
class Forecast:
    """What would become of a batch if it were submitted.

    ``refused``    why it would surely be refused, in the launcher's words; else ""
    ``unsure``     why nothing can be said of it, where the launcher was asked and does not know
    ``hint``       what to do about either
    ``starts_at``  when its first element is expected to begin, in seconds since the epoch; None where nobody says
    """

    refused: str = ""
    unsure: str = ""
    hint: str = ""
    starts_at: float | None = None
