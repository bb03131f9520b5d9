"""What the bash of a job asks Slurm, in its own words: `dialect.sh` and `dialect_requeue.sh` beside this."""

from __future__ import annotations

import re
from pathlib import Path

from hyperherd.launchers.node.dialect import Dialect

DIALECT = Dialect.of(
    Path(__file__).parent,
    job='"$SLURM_ARRAY_JOB_ID"',
    number='"${SLURM_ARRAY_TASK_ID-}"',
    ends_earlier=True,
)

_SHELL_SIGNAL = re.compile(r"R?B:(?:SIG)?([A-Z0-9]+)(?:@\d+)?", re.IGNORECASE)
_NUMBERED_SIGNALS = {
    "1": "HUP",
    "2": "INT",
    "3": "QUIT",
    "10": "USR1",
    "12": "USR2",
    "14": "ALRM",
    "15": "TERM",
}


def shell_signal(option: str | int | bool | None) -> str:
    """The signal that ``--signal=B:USR1@60`` sends to the batch shell alone, to be passed on; else empty.

    >>> shell_signal("B:SIGUSR1@60"), shell_signal("B:10"), shell_signal("USR1@60"), shell_signal(None)
    ('USR1', 'USR1', '', '')
    """
    match = _SHELL_SIGNAL.fullmatch(option) if isinstance(option, str) else None
    return _NUMBERED_SIGNALS.get(match[1], match[1].upper()) if match else ""
