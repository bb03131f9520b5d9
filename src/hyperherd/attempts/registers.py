"""Registers: what a submission is, decided once, by whoever comes first (docs/architecture.md, "Exactly once")."""

from __future__ import annotations

from pathlib import Path

from hyperherd import fsio

VOID = "void"
"""What a register says of a submission that was given up: it never runs anything."""


def settle(register: Path, owner: str) -> str:
    """Make ``owner`` (a job id, or `VOID`) what the submission is, unless that is decided; return the decision."""
    if fsio.create(register, f"{owner}\n".encode()):
        return owner
    return settled(register) or owner


def settled(register: Path) -> str | None:
    """What has been decided about the submission: a job id, `VOID`, "" where that cannot be known; None where nothing
    has.
    """
    content = fsio.read_settled(register)
    return content.strip() if content is not None else None
