"""What comes back from a launcher: the state of an element, and what it used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """What a scheduler can say of an element.

    QUEUED and RUNNING: it is live. ENDED: over, and the scheduler said how.
    ABSENT: the scheduler answered and does not have it among the living, and nobody knows how it ended.
    UNKNOWN: not asked, or no answer. Absent is not finished; unknown is not success.
    """

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Ended(str, Enum):
    """How an element ended, in our own words: each is the reason that people read."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEVER_STARTED = "never started"
    """It surely never began, and never will in this submission."""
    TIME_LIMIT = "time limit"
    OUT_OF_MEMORY = "out of memory"
    NODE_FAILURE = "node failure"
    BOOT_FAILURE = "node failed to boot"
    SETUP_FAILURE = "node could not be set up"
    LAUNCH_FAILURE = "could not be launched"
    PREEMPTED = "preempted"
    DEADLINE = "deadline"
    REVOKED = "revoked by its cluster"
    KILLED = "killed"

    @property
    def from_outside(self) -> bool:
        """Whether somebody else, not the program, has ended it."""
        return self not in (Ended.COMPLETED, Ended.FAILED, Ended.CANCELLED, Ended.NEVER_STARTED)


@dataclass(frozen=True)
class State:
    """What the scheduler says of the newest attempt of one element.

    ``word``       its own word, such as ``TIMEOUT``, for people
    ``end``        how it ended, in our words; None where it has not, or nobody knows
    ``reason``     why it waits, in its own word, such as ``Priority``
    ``stuck``      it waits for what will not end by itself
    ``starts_at``  when the scheduler expects one that waits to begin
    ``exit_code``  of the job script; ``signal`` that ended it; None where unknown
    times are seconds since the epoch
    """

    phase: Phase
    word: str = ""
    reason: str = ""
    stuck: bool = False
    node: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    end: Ended | None = None
    starts_at: float | None = None

    @classmethod
    def of_end(cls, end: Ended, *, node: str = "", started_at: float | None = None) -> State:
        """Of an element that has ended, with our word for it as the launcher's own."""
        return cls(Phase.ENDED, end.name, node=node, started_at=started_at, end=end)


@dataclass(frozen=True)
class Usage:
    """What an attempt used: seconds and bytes; None where nobody measured it."""

    word: str = ""
    elapsed_s: float | None = None
    max_rss_bytes: int | None = None
    ave_rss_bytes: int | None = None
    req_mem_bytes: int | None = None
    exit_code: int | None = None
