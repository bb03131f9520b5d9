"""The status of a sweep on stderr while somebody waits, drawn anew in its place; nothing where that is no terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from hyperherd.engine.facts import Known
from hyperherd.engine.sweep import Sweep
from hyperherd.views import status
from hyperherd.views.columns import Screen
from hyperherd.workspace.summaries import Summaries

LEAST_S = 0.5
BUSY = 10.0
"""Between two pictures lie at least `LEAST_S`, and so many times as long as one takes."""


@contextlib.contextmanager
def shown(sweep: Sweep) -> Iterator[Callable[[Known], None]]:
    """A function to call with each look at the trials. What is drawn is gone at the end."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda known: None
        return
    # Loaded late: it takes 60 ms, and most commands draw nothing.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    # It moves the cursor, which what others have written may not (cli.screen_guard).
    console = Console(file=getattr(sys.stderr, "unguarded", sys.stderr))
    summaries = Summaries(sweep.workspace)
    next_at = 0.0
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def update(known: Known) -> None:
            nonlocal next_at
            begun = time.monotonic()
            if begun < next_at:
                return
            screen = Screen.of(sys.stderr)
            screen = replace(screen, height=max((screen.height or 24) - 1, 4))
            lines = status.draw(sweep.seen(known).dashboard(summaries), screen).splitlines()
            live.update(Text.from_ansi("\n".join(lines[: screen.height]), no_wrap=True), refresh=True)
            took_s = time.monotonic() - begun
            next_at = begun + took_s + max(LEAST_S, BUSY * took_s)

        yield update
