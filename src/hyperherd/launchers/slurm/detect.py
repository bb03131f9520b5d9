"""A cluster's partitions as hosts, and what could not be learned about them. Pure.

A host is one kind of node in one partition, with the account, QOS and features that a job has to name to get there.
Partitions that overlap are hosts each. The priority: 1; 2 in the default partition; 10 more without accelerators, so
that what needs none leaves them alone; 0 where jobs may be preempted by those of another partition.
"""

from __future__ import annotations

import getpass
import grp
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from hyperherd.launchers import survey as survey_words
from hyperherd.launchers.slurm import node_kinds, partition_limits
from hyperherd.launchers.slurm.client import Client
from hyperherd.launchers.slurm.node_kinds import Accelerator, Kind, Known
from hyperherd.launchers.slurm.partition_limits import ClosedError, Terms
from hyperherd.launchers.slurm.site import Node, Partition, Site, finite
from hyperherd.launchers.survey import Description, Detected, GpuTable
from hyperherd.requirements import amounts


@dataclass(frozen=True)
class _Found:
    """One host: its name, what a reader should know, what could not be learned."""

    name: str
    host: Description
    remarks: tuple[str, ...]
    unknown: tuple[str, ...]


def describe(site: Site, gpus: GpuTable) -> Detected:
    """The hosts of a cluster for one user."""
    known = cache(gpus.known)
    closed: dict[str, list[str]] = {}
    found: list[_Found] = []
    for partition in site.partitions:
        try:
            partition_limits.check_open(partition, site)
            found += _hosts(partition, site, known)
        except ClosedError as why:
            closed.setdefault(str(why), []).append(partition.name)
    names = node_kinds.unique(one.name for one in found)
    said: dict[str, list[str]] = {}
    for name, one in zip(names, found, strict=True):
        for sentence in one.unknown:
            said.setdefault(sentence, []).append(name)
    return Detected(
        cluster=site.cluster,
        hosts={name: one.host for name, one in zip(names, found, strict=True)},
        remarks={name: one.remarks for name, one in zip(names, found, strict=True) if one.remarks},
        unknown=(
            *_about_site(site),
            *(f"{survey_words.listed(where)}: {sentence}" for sentence, where in said.items()),
            *(f"left out {survey_words.listed(where)}: {why}" for why, where in closed.items()),
        ),
    )


def _about_site(site: Site) -> Iterator[str]:
    if not site.partitions:
        yield "Slurm names no partition: see what 'scontrol --all show partition' prints, and write the hosts by hand"
    if not site.nodes:
        yield "Slurm names no node: look at what 'scontrol show node' prints, and write the hosts by hand"
    mute = [node.name for node in site.nodes if not node.cpus and not node.planned]
    if mute:
        yield f"{survey_words.listed(mute)} left out: Slurm says no number of CPUs; ask 'scontrol show node {mute[0]}'"
    if site.accounting and site.associations is None:
        yield (
            "your accounts and QOS: 'sacctmgr show assoc' does not answer; add 'account:' and 'qos:' where the cluster "
            "wants them, and take away the partitions that you may not use"
        )
    elif site.accounting and not site.associations and site.enforced:
        yield f"{site.user} has no account on this cluster ('sacctmgr show assoc user={site.user}'): ask for one"


def _hosts(partition: Partition, site: Site, known: Known) -> list[_Found]:
    """The kinds of nodes of a partition. Raises `ClosedError`."""
    there = node_kinds.of(_nodes_of(partition, site.nodes), known)
    if not there:
        raise ClosedError("no nodes, or none of which Slurm says what they have")
    found = []
    for name, kind in zip(node_kinds.names(partition.name, there), there, strict=True):
        on = partition_limits.of(partition, site, with_gpus=bool(kind.accelerators))
        remarks = (*on.remarks, *_remarks(partition, kind))
        found.append(_Found(name, _host(partition, site, kind, on), remarks, tuple(_unknown(kind))))
    return found


def _nodes_of(partition: Partition, nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if partition.name in node.partitions and not node.planned]


def _host(partition: Partition, site: Site, kind: Kind, on: Terms) -> Description:
    preempted = _preemptible(partition, site)
    limit = on.limit_s
    entry: dict[str, object] = {
        "launcher": "slurm",
        "cluster": site.cluster,
        "partition": partition.name,
        "account": on.account,
        "qos": on.qos,
        "constraint": kind.constraint,
        "machines": kind.nodes,
        "cores": min(kind.cores, partition.max_cpus or kind.cores),
        "memory": survey_words.memory(min(kind.memory, partition.max_memory or kind.memory)),
        "accelerators": [_accelerator(gpu) for gpu in kind.accelerators],
        "max_duration": amounts.duration(math.ceil(limit)) if limit is not None and finite(limit) else "",
        "min_gpu": on.min_gpus,
        "priority": 0 if preempted else 1 + partition.default + 10 * (not kind.accelerators),
        "tags": ["preemptible"] if preempted else [],
    }
    return {key: value for key, value in entry.items() if value or key == "priority"}


def _accelerator(gpu: Accelerator) -> Description:
    entry = {
        "kind": gpu.kind,
        "model": gpu.model,
        "memory": survey_words.memory(gpu.memory) if gpu.memory else "",
        "count": gpu.count,
        "gres": gpu.gres,
    }
    return {key: value for key, value in entry.items() if value}


def _preemptible(partition: Partition, site: Site) -> bool:
    """Whether jobs of a partition of a higher tier end or stop its jobs (PreemptType=preempt/partition_prio)."""
    off = partition.preempt in ("", "OFF")
    return site.preempt_by_tier and not off and any(other.tier > partition.tier for other in site.partitions)


def _remarks(partition: Partition, kind: Kind) -> Iterator[str]:
    if 0 < kind.usable < kind.nodes:
        out = kind.nodes - kind.usable
        yield f"{out} of {kind.nodes} nodes down or drained when this was written"
    if partition.shared == "EXCLUSIVE":
        yield "each job has its nodes for itself (OverSubscribe=EXCLUSIVE)"
    if finite(partition.default_s):
        yield f"a job that names no time gets {amounts.duration(math.ceil(partition.default_s or 0))}"
    if any(gpu.slice for gpu in kind.accelerators):
        yield "slices of GPUs (MIG): one process can use one of them only"
    if kind.shares:
        asked = ", ".join(f"{':'.join(filter(None, (share.name, share.type)))}" for share in kind.shares)
        yield (
            f"GPUs can be shared as well ({asked}); a share has no memory of its own, so it is no accelerator here: "
            f"ask for it in place of GPUs, with slurm: {{gres: '{asked.partition(', ')[0]}:1'}}"
        )


def _unknown(kind: Kind) -> Iterator[str]:
    if not kind.usable:
        yield "no node can be used now (down or drained)"
    for gpu in kind.accelerators:
        if gpu.memory is None and not gpu.model:
            yield (
                "neither gres nor features say the model of the GPUs: taken for CUDA; "
                "write 'kind:', 'model:' and 'memory:' into the accelerators"
            )
        elif gpu.memory is None:
            yield (
                f"the memory of GPU '{gpu.model}' is not known, and it is taken for CUDA: write 'memory:' into the "
                f"accelerators, or its model into {survey_words.OWN_GPUS} in the configuration folder and detect again"
            )
        elif gpu.others:
            sizes = " or ".join(f"{size >> 30}" for size in (gpu.memory, *gpu.others))
            yield (
                f"the model {gpu.model} has {sizes} GiB, and nothing says which '{gpu.gres}' is: the least is taken; "
                "write 'memory:' into the accelerators if it has more"
            )


def survey(gpus: GpuTable, client: Client | None = None) -> Detected:
    """What the user who asks may use; ``client`` None is that of this process's environment. Raises
    `SchedulerSilentError`.
    """
    asked = client or Client.of_environment()
    return describe(asked.survey(getpass.getuser(), frozenset(_groups())), gpus)


def _groups() -> Iterator[str]:
    for number in {os.getgid(), *os.getgroups()}:
        with suppress(KeyError):  # a group without a name
            yield grp.getgrgid(number).gr_name
