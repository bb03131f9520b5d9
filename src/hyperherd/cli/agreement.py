"""Asking before what cannot be taken back."""

from __future__ import annotations

import sys

import click

from hyperherd.errors import UsageError


def ask(what: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere ``--yes`` is needed. Raises `UsageError`, and `click.Abort` for a no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would {what}, and there is nobody to ask", hint="add --yes")
    click.confirm(f"This will {what}. Go on?", abort=True, err=True)
