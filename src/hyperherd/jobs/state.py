"""What comes back from a launcher: the state of an element, and what it used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

NEVER_STARTED = "NEVER_STARTED"
"""A launcher's word for an element that surely never began, and never will in this submission."""


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


@dataclass(frozen=True)
class State:
    """What the scheduler says of the newest attempt of one element.

    ``word``       its own word, such as ``TIMEOUT``
    ``reason``     why it waits, in its own word, such as ``Priority``
    ``stuck``      it waits for what will not end by itself
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


@dataclass(frozen=True)
class Usage:
    """What an attempt used: seconds and bytes; None where nobody measured it."""

    word: str = ""
    elapsed_s: float | None = None
    max_rss_bytes: int | None = None
    ave_rss_bytes: int | None = None
    req_mem_bytes: int | None = None
    exit_code: int | None = None
