"""Values as people read them, and Slurm's word for how a trial stands."""

from __future__ import annotations

import json
from typing import Any

from hyperherd.engine.snapshot import TrialView
from hyperherd.errors import GrammarError
from hyperherd.grammar.values import read, write
from hyperherd.jobs import Usage
from hyperherd.sweep.trial import Status


def parameter(item: Any) -> str:
    """A parameter's value, so that no two look alike: text that reads as something else is in quotes.

    >>> parameter(2), parameter("2"), parameter(None), parameter(""), parameter("a b"), parameter(0.1 + 0.2)
    ('2', "'2'", 'null', "''", 'a b', '0.3')
    """
    if item is None:
        return "null"
    return write(item) if isinstance(item, str) and _reads_as_something_else(item) else value(item)


def _reads_as_something_else(text: str) -> bool:
    try:
        return not text or not isinstance(read(text), str)
    except GrammarError:
        return False


def value(item: Any) -> str:
    """A parameter or metric in a table: floats in at most 6 significant digits, text as it is.

    >>> value(0.30000000000000004), value(1e-05), value("a b"), value([1, 2.5]), value(None)
    ('0.3', '1e-05', 'a b', '[1, 2.5]', '')
    """
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return f"{item:.6g}"
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


_WORDS = {
    Status.SUBMITTED: "PENDING",
    Status.QUEUED: "PENDING",
    Status.RUNNING: "RUNNING",
    Status.COMPLETED: "COMPLETED",
    Status.FAILED: "FAILED",
    Status.CANCELLED: "CANCELLED",
}


def state(view: TrialView, used: Usage) -> str:
    """The scheduler's own word where it has one. It has none on this machine, nor for a trial of which sacct has no row
    of its own (one that was cancelled while it waited); nothing for a trial that was never submitted.
    """
    return used.word or (_WORDS.get(view.status, "") if view.submitted else "")
