"""What a cluster allows, from one ``scontrol show config``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperherd.launchers.slurm import parse

_DEFAULT_SCRIPT_BYTES = 4 * 2**20
_DEFAULT_ARRAY_SIZE = 1001


@dataclass(frozen=True)
class Limits:
    """``max_array_size`` is one more than the largest array *index*; ``max_array_tasks`` counts elements.

    ``enforced`` are the words of AccountingStorageEnforce; ``accounting`` is whether there is any.
    """

    cluster: str
    max_array_size: int
    max_array_tasks: int
    max_script_bytes: int
    enforced: frozenset[str]
    accounting: bool


def of(settings: Mapping[str, str]) -> Limits:
    """The limits in a cluster's settings; Slurm's defaults where it names none (man slurm.conf).

    >>> of({"ClusterName": "c", "SchedulerParameters": "defer,max_array_tasks=50"}).max_array_tasks
    50
    """
    scheduler = parse.flags(settings.get("SchedulerParameters", ""))
    size = _number(settings.get("MaxArraySize"), _DEFAULT_ARRAY_SIZE)
    enforced = settings.get("AccountingStorageEnforce", "")
    return Limits(
        cluster=settings.get("ClusterName", ""),
        max_array_size=size,
        max_array_tasks=min(size, _number(scheduler.get("max_array_tasks"), size)),
        max_script_bytes=_number(scheduler.get("max_script_size"), _DEFAULT_SCRIPT_BYTES),
        enforced=frozenset(enforced.lower().split(",")) - {"none", ""},
        accounting=settings.get("AccountingStorageType", "").endswith("slurmdbd"),
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
