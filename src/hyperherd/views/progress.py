"""A progress bar on stderr, where that is a terminal; nothing at all elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from hyperherd.engine.facts import Known
from hyperherd.sweep.trial import LIVE, Status


@contextlib.contextmanager
def bar(indices: Sequence[int], title: str) -> Iterator[Callable[[Known], None]]:
    """A function to call with each look at the trials."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda known: None
        return
    # Loaded late: it takes 60 ms, and most commands draw nothing.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    # It moves the cursor, which what others have written may not (cli.screen_guard).
    screen = Console(file=getattr(sys.stderr, "unguarded", sys.stderr))
    with Progress(*columns, console=screen) as shown:
        task = shown.add_task(escape(title), total=len(indices), counts="")

        def update(known: Known) -> None:
            now = Counter(known.facts[index].status for index in indices if index in known.facts)
            done = sum(count for status, count in now.items() if status not in LIVE)
            shown.update(task, completed=done, counts=_counts(now))

        yield update


def _counts(now: Counter[Status]) -> str:
    words = {Status.RUNNING: "", Status.FAILED: "red", Status.LOST: "magenta", Status.CANCELLED: "yellow"}
    told = [
        f"[{colour}]{now[s]} {s}[/]" if colour else f"{now[s]} {s}" for s, colour in words.items() if now[s]
    ]
    return ", ".join(told)
