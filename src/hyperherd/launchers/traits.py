"""What launchers differ in, as data that each one states of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Traits:
    """``title``: what people call it. ``program``: it is not here where PATH does not have this; "": it always is.

    ``pause_s``         between two looks at what runs
    ``gives_ids``       its jobs have ids, by which they are asked about; else their register has what it likes there
    ``elsewhere``       trials run on other machines: these must see the workspace, and go on when herd is left
    ``forgets``         it does not know for ever how a job ended: what it has said is kept
    ``waits_for_jobs``  one of its jobs can wait for another; else only for a command
    ``starts_again``    it may start again by itself what it has told to end
    ``own_log``         it writes a log of its own for each element
    """

    title: str
    program: str = ""
    pause_s: float = 30.0
    gives_ids: bool = True
    elsewhere: bool = True
    forgets: bool = True
    waits_for_jobs: bool = False
    starts_again: bool = False
    own_log: bool = False
