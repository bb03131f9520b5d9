"""A user's own sbatch script as text: the job that its lines ask for, and what of it a sweep cannot keep."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hyperherd.bash.scanning import line_of
from hyperherd.errors import ScriptError
from hyperherd.jobs import NativeValue, OwnScript
from hyperherd.launchers.slurm import directives, parse, translation
from hyperherd.launchers.slurm.option_table import IN_ITS_PLACE, NOT_IN_A_SCRIPT

_OWN_REQUEUE = re.compile(r"\bscontrol\s+requeue(?:hold)?\b([^\n;]*)")
_JOB_ID = re.compile(r"\$\{?SLURM_JOB_?ID\}?(?!_|\w)")
_OWN_PATH = re.compile(
    r"\bscontrol\b[^\n]*\bshow\s+job(?:s|id)?\b(?:[^\n]|(?<=[\\|])\n|(?<=\|[ \t])\n)*\bCommand\b"
    r"|\bsqueue\b[^\n]*%[.\d]*o\b"
)
"""How a script asks for its own path: ``squeue``'s ``%o`` is it, too."""


def read(text: str) -> OwnScript:
    """Raises `ScriptError` for what sbatch would refuse, and for what no sweep can keep.

    >>> found = read("#!/bin/bash\\n#SBATCH -J mine -a 1-3%2 -t 10 -o log\\n")
    >>> found.name, found.tasks, found.tasks_at_once, found.request.time_s, len(found.notes)
    ('mine', (1, 2, 3), 2, 600.0, 1)
    """
    asked = directives.read(text)
    _check_own_path(text)
    array = str(asked.herds.get("array", ""))
    _check_array(array or "0")
    for name in NOT_IN_A_SCRIPT.keys() & asked.herds.keys():
        raise ScriptError(f"#SBATCH --{name.replace('_', '-')} cannot be kept", hint=NOT_IN_A_SCRIPT[name])
    most = array.partition("%")[2]
    alone = _is_alone(text)
    return OwnScript(
        request=translation.request(asked.options, asked.extra),
        name=str(asked.herds.get("job_name") or ""),
        folder=str(asked.herds.get("chdir", "")),
        tasks=parse.indices(array) if array else (),
        tasks_at_once=int(most) if most else None,
        requeues=_OWN_REQUEUE.search(text) is not None,
        is_alone=alone,
        notes=_notes(asked.herds, alone),
    )


def _is_alone(text: str) -> bool:
    """The id of an array's last element is that of the whole array, so that ``scontrol requeue $SLURM_JOB_ID``, or
    ``$id`` that holds it, would queue all of them again.
    """
    ids = [found[1] for found in _OWN_REQUEUE.finditer(text)]
    return any(map(_JOB_ID.search, ids)) or (bool(ids) and "SLURM_ARRAY_JOB_ID" not in text)


def _notes(herds: Mapping[str, NativeValue], alone: bool) -> tuple[str, ...]:
    left_out = [f"its --{name} is left out: {why}" for name, why in IN_ITS_PLACE.items() if name in herds]
    of_requeue = (
        "it queues itself again by $SLURM_JOB_ID, so each combination is a job of its own; with "
        "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID} they would be one array"
    )
    return (*left_out, *([of_requeue] if alone else []))


def _check_own_path(text: str) -> None:
    """Raises `ScriptError` for a script that would take herd's generated script for itself."""
    found = _OWN_PATH.search(re.sub(r"(?m)^[ \t]*#.*", lambda comment: " " * len(comment[0]), text))
    if found and "HYPERHERD_" not in text:
        raise ScriptError(
            "it asks scontrol for its own path (Command=), and in a sweep that is the path of herd's script",
            where=line_of(text, found.start()),
            hint="write $0, which lies beside your script here; for sbatch as well: "
            "if [[ ${HYPERHERD_TRIAL_ID-} ]]; then script=$0; else script=$(scontrol ...); fi",
        )


def _check_array(expression: str) -> None:
    """Raises `ScriptError` for one that sbatch would refuse."""
    one = r"\d+(-\d+(:[1-9]\d*)?)?"
    if not re.fullmatch(rf"\[?{one}(,{one})*\]?(%[1-9]\d*)?", expression, re.ASCII):
        raise ScriptError(
            f"--array={expression} is no array that sbatch takes", hint="such as 1-90 or 0,3,5-9%4"
        )
