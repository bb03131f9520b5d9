"""What an answer of ``sbatch --test-only`` means for a batch. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from hyperherd import units
from hyperherd.jobs import Forecast
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm import site
from hyperherd.launchers.slurm.parse import Tried, Verdict
from hyperherd.launchers.slurm.site import Node

_LATER = "it is asked again when the trials are submitted; what it refuses then stays ready"
_KEPT = frozenset({"MAINT", "RESERVED"})
"""States of nodes that are kept for others (man sinfo)."""


def forecast(tried: Tried, asked: Mapping[str, Value], nodes: Sequence[Node]) -> Forecast:
    """``nodes`` are those of the partitions asked for; they count where the verdict is SHORT. Where none of them can be
    told to lack something, and some do not take jobs now, Slurm may take it and let it wait.
    """
    words = tried.words.replace("\n", "\n  ")
    if tried.verdict is Verdict.TAKEN:
        return Forecast(starts_at=None if _waits_for_others(asked) else tried.starts_at)
    if tried.verdict is Verdict.SILENT:
        return Forecast(unsure=f"Slurm does not say whether it would take this: {words}", hint=_LATER)
    if tried.verdict is Verdict.LIMIT:
        return Forecast(unsure=f"Slurm takes no more jobs of yours now: {words}", hint=_LATER)
    lacking = list(_lacking(asked, nodes)) if tried.verdict is Verdict.SHORT else []
    away = [node for node in nodes if not node.usable or node.states & _KEPT]
    may_wait = tried.verdict is Verdict.SHORT and not lacking and (away or not nodes)
    if tried.verdict is Verdict.LATER or may_wait:
        down = (
            f" ({len(away)} of {units.counted(len(nodes), 'node')} down, drained or reserved)" if away else ""
        )
        return Forecast(unsure=f"Slurm could not start this now{down}: {words}", hint=_LATER)
    what = shlex.join(sbatch.arguments(asked)) or "no options"
    hint = "; ".join(lacking) or "see what there is: sinfo -o '%P %l %D %c %m %G %f'"
    return Forecast(refused=f"Slurm would refuse this ({what}): {words}", hint=hint)


def _waits_for_others(asked: Mapping[str, Value]) -> bool:
    """Slurm's answer leaves these out."""
    return any(sbatch.is_asked(asked.get(name)) for name in ("dependency", "hold"))


def _lacking(asked: Mapping[str, Value], nodes: Sequence[Node]) -> Iterator[str]:
    """What of a request no node has.

    >>> node = Node("n1", 16, 2**34, site.gres("gpu:t4:4"), (), frozenset(), ("gpu",))
    >>> list(_lacking({"cpus_per_task": "64", "mem": "8G", "gres": "gpu:a100:1"}, [node]))
    ['no node has 64 CPUs; the most is 16', 'no node has gpu:a100; there is gpu:t4']
    """
    if not nodes:
        return
    least = str(asked.get("nodes") or "").partition("-")[0]
    if least.isdigit() and int(least) > len(nodes):
        yield f"there are {units.counted(len(nodes), 'node')}, not {least}"
    cpus, most = _whole(asked, "cpus_per_task") * _whole(asked, "ntasks_per_node"), max(n.cpus for n in nodes)
    if cpus > most:
        yield f"no node has {cpus} CPUs; the most is {most}"
    memory, largest = _bytes(asked.get("mem")), max(node.memory for node in nodes)
    if memory > largest:
        yield f"no node has {units.memory(memory)} of memory; the most is {units.memory(largest)}"
    for name, kind, count in _generic(asked):
        yield from _lacking_generic(name, kind, count, nodes)


def _lacking_generic(name: str, kind: str, count: int, nodes: Sequence[Node]) -> Iterator[str]:
    called = f"{name}:{kind}" if kind else name
    there = [
        sum(one.count for one in node.gres if one.name == name and kind in ("", one.type)) for node in nodes
    ]
    known = sorted({f"{one.name}:{one.type}".rstrip(":") for node in nodes for one in node.gres})
    if not any(there):
        yield f"no node has {called}" + (f"; there is {', '.join(known)}" if known else "")
    elif count > max(there):
        yield f"no node has {count} of {called}; the most is {max(there)}"


def _generic(asked: Mapping[str, Value]) -> Iterator[tuple[str, str, int]]:
    """Name, type and count of what each node has to have."""
    gpus = [f"gpu:{word}" for word in _text(asked.get("gpus_per_node")).split(",") if word]
    for one in site.gres(",".join([_text(asked.get("gres")), *gpus])):
        if one.name != "none":
            yield one.name.removeprefix("gres/"), one.type, one.count


def _text(value: Value) -> str:
    return str(value) if sbatch.is_asked(value) else ""


def _whole(asked: Mapping[str, Value], name: str) -> int:
    text = _text(asked.get(name))
    return int(text) if text.isascii() and text.isdigit() else 1


def _bytes(value: Value) -> int:
    try:
        return units.bytes_asked(_text(value))
    except ValueError:
        return 0
