"""What the script of a batch tells of its submission: `script.script` reversed, for a record that was lost. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hyperherd.attempts.filenames import Unit
from hyperherd.bash.quoting import unquote
from hyperherd.jobs import Requeue

_WORD = r"(?:[\w@%+=:,./-]|'[^']*'|\"'\"|\$'(?:\\.|[^\\'])*')*"
_ENTRY = re.compile(
    r"^  (\d+)\)\n    herd_index=(\d+) herd_task=(\d*) herd_first=(\d+)\n"
    rf"((?:    (?:export \w+|OVERRIDES)={_WORD}\n)*)    ;;",
    re.MULTILINE | re.ASCII,
)
_ASSIGNED = re.compile(rf"^    (?:export )?(\w+)=({_WORD})$", re.MULTILINE | re.ASCII)
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class RecordedElement:
    """``attempt`` is the number of its unit's first attempt; ``variables`` are exported, with ``OVERRIDES``."""

    number: int
    unit: Unit
    attempt: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class RecordedScript:
    """``has_directives``: it has lines for a scheduler; else it is this machine's."""

    elements: tuple[RecordedElement, ...]
    launch: str
    has_directives: bool
    requeue: Requeue | None


def read(text: str) -> RecordedScript | None:
    """None for a text that is no script of ours.

    >>> entry = "  3)\\n    herd_index=3 herd_task= herd_first=2\\n    export A='x y'\\n    OVERRIDES=z\\n    ;;\\n"
    >>> read("#!/bin/bash\\nherd_launch=/w/l.sh\\ncase 3 in\\n" + entry).elements
    (RecordedElement(number=3, unit=Unit(trial=3, task=None), attempt=2, variables={'A': 'x y', 'OVERRIDES': 'z'}),)
    """
    if len(text) > _MOST_BYTES:
        return None
    elements = tuple(
        RecordedElement(
            int(number),
            Unit(int(trial), int(task) if task else None),
            int(first),
            {name: _value(word) for name, word in _ASSIGNED.findall(assigned)},
        )
        for number, trial, task, first, assigned in _ENTRY.findall(text)
    )
    if not elements:
        return None
    return RecordedScript(
        elements,
        _setting(text, "herd_launch"),
        text.partition("\n\n")[0].count("\n") > 0,
        _requeue(text),
    )


def _requeue(text: str) -> Requeue | None:
    after = _setting(text, "herd_after").split()
    most = re.search(r"^herd_max_timeouts=(\d+) herd_max_restarts=(\d+)$", text, re.MULTILINE)
    if most is None:
        return None
    signal = _setting(text, "herd_pass_on") or "USR2"
    return Requeue(tuple(after), int(most[1]), int(most[2]), signal)


def _setting(text: str, name: str) -> str:
    found = re.search(rf"^{name}=({_WORD})$", text, re.MULTILINE | re.ASCII)
    return _value(found[1]) if found else ""


def _value(word: str) -> str:
    words = unquote(word)
    return words[0] if words else ""
