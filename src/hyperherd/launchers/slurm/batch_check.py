"""What a cluster would refuse, found before anything is submitted: options, partition, account, QOS, time; the limits
on arrays and scripts; and what an answer of ``sbatch --test-only`` means.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hyperherd import units
from hyperherd.errors import SchedulerSilentError, nearest
from hyperherd.jobs import Batch, Forecast
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.slurm import option_check, parse, site, translation
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm.client import Client
from hyperherd.launchers.slurm.option_table import SAID_BY_REQUEUE
from hyperherd.launchers.slurm.parse import Tried, Verdict
from hyperherd.launchers.slurm.site import Node, Partition

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


def faults(batch: Batch, client: Client, limits: Limits, user: str) -> dict[str, str]:
    """Fault -> what to do. Raises `SchedulerSilentError` where the controller does not answer."""
    found = dict(_requeue_faults(batch))
    if batch.after and batch.request.native.get("dependency"):
        found["slurm.dependency and --after both say what it waits for"] = "one of the two"
    if found:
        return found
    return {
        **dict(_partition_faults(batch, client.partitions())),
        **dict(_after_faults(batch, client)),
        **dict(_account_faults(batch, client, limits, user)),
    }


def form_faults(batch: Batch) -> dict[str, str]:
    """The same of what can be known without asking anybody."""
    given = {**translation.options(batch.request), option_check.RAW: batch.request.native_lines}
    return {
        f"slurm.{path[0]}{''.join(f'[{place}]' for place in path[1:])}: {what}": hint
        for path, what, hint in option_check.faults(given)
    }


def _requeue_faults(batch: Batch) -> Iterator[tuple[str, str]]:
    requeue = batch.requeue
    if requeue is None:
        return
    for option in SAID_BY_REQUEUE:
        if batch.request.native.get(option):
            yield (
                f"slurm.{option}: 'requeue' is there as well, which says it for herd and Slurm",
                "remove one",
            )


def _partition_faults(batch: Batch, partitions: Sequence[Partition]) -> Iterator[tuple[str, str]]:
    asked = _words(batch, "partition")
    known = [partition.name for partition in partitions]
    for name in asked:
        if name not in known:
            yield f"slurm.partition: there is no partition '{name}'", _choice(name, known)
    usable = [
        partition for partition in partitions if (partition.name in asked if asked else partition.default)
    ]
    # A QOS may lift a partition's limit, so nothing is said where one is asked for.
    native, time_s, longest = batch.request.native, batch.request.time_s, _longest(usable)
    if time_s is not None and longest is not None and time_s > longest and not native.get("qos"):
        where = ", ".join(partition.name for partition in usable)
        yield (
            f"slurm.time: {native['time']} is {units.duration(time_s)}, and {where} allows "
            f"{units.duration(longest)}",
            f"at most '{units.limit(longest)}', or another partition",
        )


def _after_faults(batch: Batch, client: Client) -> Iterator[tuple[str, str]]:
    """sbatch takes any number for a job to wait for, and waits for ever or not at all."""
    ids = sorted({word.partition("_")[0] for word in batch.after})
    if not ids:
        return
    queued = parse.queue(client.squeue(parse.QUEUE_FORMAT, user=None, job_ids=ids), set(ids))
    left = sorted(set(ids) - {row.job_id for row in queued})
    ended = _ended(left, client) if left else {}
    for job_id in left:
        if job_id not in ended:
            yield (
                f"--after {job_id}: Slurm knows no such job",
                "squeue --me lists yours; or leave --after out",
            )
        elif other := sorted(set(ended[job_id].values()) - {"COMPLETED"}):
            yield f"--after {job_id}: that job has not succeeded, it is {other[0]}", "leave --after out"


def _ended(ids: Sequence[str], client: Client) -> dict[str, dict[int | None, str]]:
    """Job id -> array index (None: no array) -> its last word in accounting; nothing where there is no accounting."""
    try:
        answer = client.sacct(parse.ACCOUNTING_FIELDS, job_ids=ids, since=0.0, steps=False)
    except SchedulerSilentError:
        return {}
    found: dict[str, dict[int | None, str]] = {}
    for row in parse.accounting(answer, set(ids)):  # attempts in the order of their time
        found.setdefault(row.job_id, {}).update(dict.fromkeys(row.indices or (None,), row.word))
    return found


def _account_faults(batch: Batch, client: Client, limits: Limits, user: str) -> Iterator[tuple[str, str]]:
    accounts, qos = _words(batch, "account"), _words(batch, "qos")
    if not limits.accounting or not (accounts or qos):
        return
    try:
        known = sorted({association.account for association in client.associations(user, limits.cluster)})
        all_qos = [qos.name for qos in client.qos()]
    except SchedulerSilentError:
        # The accounting's database may be down while the controller takes jobs: sbatch will judge.
        return
    if limits.enforced & {"associations", "limits", "safe", "qos", "all"}:
        for name in accounts:
            if name not in known:
                yield (
                    f"slurm.account: {user} has no account '{name}' here",
                    _choice(name, known),
                )
    for name in qos:
        if name not in all_qos:
            yield f"slurm.qos: there is no QOS '{name}'", _choice(name, all_qos)


def _longest(partitions: Sequence[Partition]) -> float | None:
    """None where one of them is unknown, or there is none."""
    limits = [partition.limit_s for partition in partitions if partition.limit_s is not None]
    return max(limits) if limits and len(limits) == len(partitions) else None


def _words(batch: Batch, option: str) -> list[str]:
    value = batch.request.native.get(option)
    return [word for word in value.split(",") if word] if isinstance(value, str) else []


def _choice(word: str, known: Sequence[str]) -> str:
    listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"{nearest(word, known)} there is: {listed}".strip() if known else "there is none that you may use"


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
