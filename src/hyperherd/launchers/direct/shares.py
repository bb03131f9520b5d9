"""What this machine is asked to hold for a job, in sbatch's words, read into a `Share`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hyperherd import units
from hyperherd.errors import Fault, OptionError, nearest
from hyperherd.jobs import Share

NAMES = ("cpus_per_task", "gpus_per_node", "time")
_ALIASES = {"gpu_per_node": "gpus_per_node", "gpus": "gpus_per_node"}
_ELSEWHERE = {
    "mem": "this machine holds no memory: it is looked at when a machine is chosen (herd launchers explain)",
    "nodes": "this machine is one",
}
_HELD = f"this machine holds {', '.join(NAMES)}; the rest is for a SlurmLauncher"

Value = str | int | None


def named(options: Mapping[str, Value]) -> dict[str, Value]:
    """Under the names of `NAMES`. Raises `OptionError` with all that is wrong."""
    wrong = [
        Fault(f"DirectLauncher.{name}", *fault)
        for name, value in options.items()
        if (fault := _fault(name, value))
    ]
    if wrong:
        raise OptionError(wrong)
    return {_ALIASES.get(name, name): value for name, value in options.items()}


def share(options: Mapping[str, Value]) -> Share:
    """What options of `NAMES` ask for.

    >>> share({"cpus_per_task": "4", "gpus_per_node": "a100:2", "time": "1:00:00"})
    Share(cores=4, gpus=2, time_s=3600.0)
    """
    cores, cards, time = (options.get(name) for name in NAMES)
    time_s = math.inf if time is None else units.seconds_of_limit(str(time))
    return Share(
        cores=None if cores is None else int(cores),
        gpus=None if cards is None else units.gpus_asked(str(cards)),
        time_s=None if math.isinf(time_s) else time_s,
    )


def options(held: Share) -> dict[str, Value]:
    """The other way round; what nobody asked for is left out.

    >>> options(Share(gpus=0, time_s=90))
    {'gpus_per_node': 0, 'time': '00:01:30'}
    """
    time = None if held.time_s is None else units.limit(held.time_s)
    asked: dict[str, Value] = dict(zip(NAMES, (held.cores, held.gpus, time), strict=True))
    return {name: value for name, value in asked.items() if value is not None}


def _fault(name: str, value: Value) -> tuple[str, str] | None:
    name = _ALIASES.get(name, name)
    if name not in NAMES:
        hint = _ELSEWHERE.get(name) or f"{nearest(name, NAMES)} {_HELD}".lstrip()
        return f"'{name}' means nothing here", hint
    if value is None:
        return None
    return _time_fault(value) if name == "time" else _count_fault(name, value)


def _count_fault(name: str, value: object) -> tuple[str, str] | None:
    text = str(value)
    count = text.rpartition(":")[2] if name == "gpus_per_node" else text
    if isinstance(value, bool) or not count.isdecimal() or (name == "cpus_per_task" and int(count) < 1):
        noun, example = ("cores", "4") if name == "cpus_per_task" else ("GPUs", "2")
        return f"{value!r} is not a number of {noun}", f"such as {example}"
    return None


def _time_fault(value: object) -> tuple[str, str] | None:
    try:
        units.seconds_of_limit("" if isinstance(value, bool) else str(value))
    except ValueError:
        return f"{value!r} is not a time limit", "minutes, or hours:minutes:seconds such as '4:00:00'"
    return None
